"""Clicks, modals, commands and replies: payload shapes, the three seconds, and what the person gets to see."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.sandbox.harness import Harness, until

BUTTON = {
    "type": "button",
    "action_id": "approve",
    "text": {"type": "plain_text", "text": "Approve"},
    "value": "r1",
}
MENU = {
    "type": "overflow",
    "action_id": "more",
    "options": [{"text": {"type": "plain_text", "text": name}, "value": name} for name in ("details", "claim")],
}
CARD = [{"type": "actions", "block_id": "decide", "elements": [BUTTON, MENU]}]
INPUT = {
    "type": "input",
    "block_id": "amount",
    "label": {"type": "plain_text", "text": "Amount"},
    "element": {"type": "number_input", "action_id": "value", "is_decimal_allowed": True, "max_value": "420"},
}
MODAL = {
    "type": "modal",
    "callback_id": "modify",
    "title": {"type": "plain_text", "text": "Modify"},
    "submit": {"type": "plain_text", "text": "Save"},
    "private_metadata": "r1",
    "blocks": [INPUT],
}


async def card(slack: Harness, user: str = "UALICE", channel: str = "CTIER1") -> dict[str, Any]:
    posted = await slack.post(channel, blocks=CARD)
    return await slack.person(user).see(posted["channel"], lambda m: m["ts"] == posted["ts"])


async def trigger(slack: Harness, stub: Any, user: str = "UALICE") -> str:
    await slack.person(user).click(await card(slack, user), "approve")
    return str(stub.payloads("block_actions")[-1]["trigger_id"])


async def open_modal(slack: Harness, stub: Any, **more: Any) -> dict[str, Any]:
    opened = await slack.api("views.open", trigger_id=await trigger(slack, stub), view={**MODAL, **more})
    assert opened["ok"], opened
    return dict(opened["view"])


async def test_block_actions_from_a_message(slack: Harness, stub: Any) -> None:
    seen = await card(slack)
    assert await slack.person("UALICE").click(seen, "approve")
    payload = stub.payloads("block_actions")[0]
    assert payload["user"] == {"id": "UALICE", "username": "alice", "name": "alice", "team_id": "THOME"}
    assert payload["team"] == {"id": "THOME", "domain": "gatepost-sandbox"}
    assert (payload["api_app_id"], payload["token"]) == ("AGATEPOST", "sandbox-verification-token")
    container = {"type": "message", "message_ts": seen["ts"], "channel_id": "CTIER1", "is_ephemeral": False}
    assert payload["container"] == container
    assert payload["channel"] == {"id": "CTIER1", "name": "approvals"}
    assert payload["message"]["blocks"] == seen["blocks"]
    assert payload["state"] == {"values": {}}
    action = payload["actions"][0]
    assert (action["action_id"], action["block_id"], action["type"], action["value"]) == (
        "approve",
        "decide",
        "button",
        "r1",
    )
    assert payload["response_url"].startswith(slack.url)


async def test_an_overflow_sends_the_offered_option_and_no_other(slack: Harness, stub: Any) -> None:
    seen = await card(slack)
    assert await slack.person("UALICE").click(seen, "more", "claim")
    assert stub.payloads("block_actions")[0]["actions"][0]["selected_option"]["text"]["text"] == "claim"
    assert (await slack.person("UALICE").click(seen, "more", "delete all")).error == "no_such_option"


async def test_a_button_cannot_be_made_to_say_something_else(slack: Harness, stub: Any) -> None:
    seen = await card(slack)
    await slack.person("UALICE").click(seen, "approve", "r999")
    await slack.person("UALICE").click(seen, "approve", "r999", force=True)
    assert [p["actions"][0]["value"] for p in stub.payloads("block_actions")] == ["r1", "r999"]


@pytest.mark.parametrize(
    ("user", "channel", "error"),
    [
        ("UGONE", "CTIER1", "user_is_deactivated"),
        ("UBOTX", "CTIER1", "user_is_bot"),
        ("UEXT", "CTIER1", "channel_not_found"),
        ("UGUEST", "CTIER2", "channel_not_found"),
        ("UOUT", "CPRIVATE", "channel_not_found"),
    ],
)
async def test_who_cannot_click(slack: Harness, stub: Any, user: str, channel: str, error: str) -> None:
    posted = await slack.post(channel, blocks=CARD)
    where = {**posted["message"], "channel": channel}
    assert (await slack.person(user).click(where, "approve")).error == error
    assert stub.got == []
    assert await slack.person(user).click(where, "approve", force=True)


async def test_an_external_member_of_a_shared_channel_can_click(slack: Harness, stub: Any) -> None:
    assert await slack.person("UEXT").click(await card(slack, "UEXT", "CSHARED"), "approve")
    assert stub.payloads("block_actions")[0]["user"]["team_id"] == "TPARTNER"
    assert (await slack.person("UEXT").command("/approvals queue", "CSHARED")).error == "restricted_action"


async def test_a_late_ack_is_an_error_and_nothing_is_sent_again(slack: Harness, stub: Any) -> None:
    await slack.control("settings", ack_seconds=0.2)
    gate = asyncio.Event()

    async def late(_: Any) -> Response:
        await gate.wait()
        return Response()

    stub.answer = late
    assert (await slack.person("UALICE").click(await card(slack), "approve")).error == "operation_timeout"
    gate.set()
    await slack.control("settings", ack_seconds=3)
    stub.answer = lambda _: Response(status_code=500)
    assert (await slack.person("UALICE").click(await card(slack), "approve")).error == "http_error"
    assert len(stub.got) == 2
    assert [d["status"] for d in await slack.deliveries()] == [None, 500]


async def test_without_an_app_the_person_sees_an_error(slack: Harness) -> None:
    assert (await slack.person("UALICE").click(await card(slack), "approve")).error == "dispatch_failed"


async def test_trigger_ids_last_three_seconds_and_work_once(slack: Harness, stub: Any) -> None:
    used = await trigger(slack, stub)
    broken = await slack.api("views.open", trigger_id=used, view={**MODAL, "title": None})
    assert broken["error"] == "invalid_arguments"
    assert (await slack.api("views.open", trigger_id=used, view=MODAL))["ok"]
    assert (await slack.api("views.open", trigger_id=used, view=MODAL))["error"] == "exchanged_trigger_id"
    old = await trigger(slack, stub)
    slack.clock.ahead += 3.1
    assert (await slack.api("views.open", trigger_id=old, view=MODAL))["error"] == "expired_trigger_id"
    assert (await slack.api("views.open", trigger_id="1.2.a", view=MODAL))["error"] == "invalid_trigger_id"


async def test_the_view_stack_holds_three(slack: Harness, stub: Any) -> None:
    first = await open_modal(slack, stub)
    for _ in range(2):
        top = await slack.api("views.push", trigger_id=await trigger(slack, stub), view=MODAL)
    full = await slack.api("views.push", trigger_id=await trigger(slack, stub), view=MODAL)
    assert full["error"] == "push_limit_reached"
    assert top["view"]["root_view_id"] == first["id"]
    views = await slack.person("UALICE").views()
    assert top["view"]["previous_view_id"] == views[1]["id"]
    assert (await slack.person("UALICE").submit(views[0], {"amount": "1"})).error == "view_not_on_top"


async def test_hash_and_external_id_guard_updates(slack: Harness, stub: Any) -> None:
    view = await open_modal(slack, stub, external_id="modify-r1")
    fresh = await slack.api("views.update", external_id="modify-r1", hash=view["hash"], view=MODAL)
    assert fresh["view"]["id"] == view["id"]
    stale = await slack.api("views.update", view_id=view["id"], hash=view["hash"], view=MODAL)
    assert stale["error"] == "hash_conflict"
    await slack.api("views.update", view_id=view["id"], view={**MODAL, "external_id": "modify-r1"})
    opened = await slack.api(
        "views.open",
        trigger_id=await trigger(slack, stub, "UBOB"),
        view={**MODAL, "external_id": "modify-r1"},
    )
    assert opened["error"] == "duplicate_external_id"


async def test_home_is_published_with_a_hash(slack: Harness, stub: Any) -> None:
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    first = (await slack.api("views.publish", user_id="UALICE", view=home))["view"]
    assert (await slack.api("views.publish", user_id="UALICE", view=home, hash=first["hash"]))["ok"]
    stale = await slack.api("views.publish", user_id="UALICE", view=home, hash=first["hash"])
    assert stale["error"] == "hash_conflict"
    assert (await slack.api("views.publish", user_id="UALICE", view=MODAL))["error"] == "invalid_arguments"


async def test_a_click_in_the_home_tab_has_a_view_and_no_channel(slack: Harness, stub: Any) -> None:
    await slack.api("views.publish", user_id="UALICE", view={"type": "home", "blocks": CARD})
    alice = slack.person("UALICE")
    home = await alice.home()
    assert home
    assert await alice.click(home, "approve")
    payload = stub.payloads("block_actions")[0]
    assert payload["container"] == {"type": "view", "view_id": home["id"]}
    assert payload["view"]["type"] == "home"
    assert not {"channel", "response_url", "message"} & set(payload)
    assert (await slack.person("UBOB").click(home, "approve")).error == "view_not_found"


async def test_submission_state_and_the_client_side_checks(slack: Harness, stub: Any) -> None:
    view = await open_modal(slack, stub)
    alice = slack.person("UALICE")
    assert (await alice.submit(view)).errors == {"amount": "Please complete this required field."}
    assert (await alice.submit(view, {"amount": "421"})).errors == {"amount": "Please enter a number of at most 420."}
    assert (await alice.submit(view, {"amount": "ten"})).errors == {"amount": "Please enter a number."}
    assert stub.payloads("view_submission") == []
    assert await alice.submit(view, {"amount": "10"})
    payload = stub.payloads("view_submission")[0]
    assert payload["view"]["state"]["values"] == {"amount": {"value": {"type": "number_input", "value": "10"}}}
    assert (payload["view"]["private_metadata"], payload["response_urls"]) == ("r1", [])
    assert await alice.views() == []


@pytest.mark.parametrize(
    ("answer", "outcome", "left"),
    [
        ({"response_action": "clear"}, (True, None), 0),
        ({"response_action": "update", "view": MODAL}, (True, None), 2),
        ({"response_action": "push", "view": MODAL}, (True, None), 3),
        ({"response_action": "errors", "errors": {"amount": "no"}}, (False, None), 2),
        ({"response_action": "errors", "errors": {"nowhere": "no"}}, (False, "invalid_response"), 2),
        ({"response_action": "update", "view": {**MODAL, "title": 1}}, (False, "invalid_response"), 2),
        ({"response_action": "dance"}, (False, "invalid_response"), 2),
        ("ok", (False, "invalid_response"), 2),
        ({}, (True, None), 1),
        ("", (True, None), 1),
    ],
)
async def test_answers_to_a_submission(
    slack: Harness, stub: Any, answer: Any, outcome: tuple[bool, str | None], left: int
) -> None:
    await open_modal(slack, stub)
    await slack.api("views.push", trigger_id=await trigger(slack, stub), view=MODAL)
    alice = slack.person("UALICE")
    stub.answer = lambda _: PlainTextResponse(answer if isinstance(answer, str) else json.dumps(answer))
    seen = await alice.submit((await alice.views())[-1], {"amount": "10"})
    assert (seen.ok, seen.error) == outcome, seen
    assert len(await alice.views()) == left


async def test_closing_tells_the_app_only_if_it_asked(slack: Harness, stub: Any) -> None:
    alice = slack.person("UALICE")
    assert await alice.close(await open_modal(slack, stub))
    assert stub.payloads("view_closed") == []
    assert await alice.close(await open_modal(slack, stub, notify_on_close=True))
    assert stub.payloads("view_closed")[0]["is_cleared"] is False


async def test_response_urls_work_five_times_in_thirty_minutes(slack: Harness, stub: Any) -> None:
    await slack.person("UALICE").click(await card(slack), "approve")
    url = stub.payloads("block_actions")[0]["response_url"]
    for _ in range(5):
        assert (await slack.http.post(url, json={"text": "again"})).text == "ok"
    used = await slack.http.post(url, json={"text": "again"})
    assert (used.status_code, used.json()["error"]) == (404, "used_url")
    assert sum(m["ephemeral"] for m in await slack.person("UALICE").messages("CTIER1")) == 5
    assert sum(m["ephemeral"] for m in await slack.person("UBOB").messages("CTIER1")) == 0
    await slack.person("UALICE").click(await card(slack), "approve")
    slack.clock.ahead += 30 * 60 + 1
    old = await slack.http.post(stub.payloads("block_actions")[1]["response_url"], json={"text": "late"})
    assert old.json()["error"] == "expired_url"


async def test_response_urls_replace_and_delete_also_ephemerals(slack: Harness, stub: Any) -> None:
    alice = slack.person("UALICE")
    await slack.api("chat.postEphemeral", channel="CTIER1", user="UALICE", text="x", blocks=CARD)
    seen = await alice.see("CTIER1", lambda m: m["ephemeral"])
    await alice.click(seen, "approve")
    payload = stub.payloads("block_actions")[0]
    assert payload["container"]["is_ephemeral"]
    assert "message" not in payload
    await slack.http.post(payload["response_url"], json={"text": "done", "replace_original": True})
    assert [(m["text"], m["blocks"]) for m in await alice.messages("CTIER1")] == [("done", [])]
    await slack.http.post(payload["response_url"], json={"delete_original": True})
    assert await alice.messages("CTIER1") == []
    wrong = await slack.http.post(payload["response_url"], json={"text": "x", "thread_ts": "1.2"})
    assert wrong.status_code == 400


async def test_a_slash_command_and_its_answers(slack: Harness, stub: Any) -> None:
    alice = slack.person("UALICE")
    stub.answer = lambda _: PlainTextResponse("2 pending")
    assert await alice.command("/approvals  queue mine ", "CPRIVATE")
    sent = stub.got[0][1]
    assert (sent["command"], sent["text"], sent["channel_name"]) == ("/approvals", "queue mine", "privategroup")
    assert (await alice.see("CPRIVATE", lambda m: m["ephemeral"]))["text"] == "2 pending"
    stub.answer = lambda _: JSONResponse({"response_type": "in_channel", "text": "all see"})
    assert await alice.command("/approvals stats", "CTIER1")
    assert [m["text"] for m in await slack.person("UBOB").messages("CTIER1")] == ["/approvals stats", "all see"]
    stub.answer = lambda _: JSONResponse({"blocks": [{"type": "nonsense"}]})
    assert (await alice.command("/approvals x", "CTIER1")).error == "invalid_command_response"
    assert (await alice.command("/unknown", "CTIER1")).error == "unknown_command"


async def test_shortcuts(slack: Harness, stub: Any) -> None:
    seen = await card(slack)
    assert await slack.person("UALICE").shortcut("about", seen)
    payload = stub.payloads("message_action")[0]
    assert (payload["callback_id"], payload["message_ts"]) == ("about", seen["ts"])
    assert await slack.person("UALICE").shortcut("new")
    assert stub.payloads("shortcut")[0]["trigger_id"]
    assert (await slack.person("UALICE").shortcut("nothing")).error == "unknown_shortcut"


async def test_state_carries_the_other_inputs_of_the_message(slack: Harness, stub: Any) -> None:
    menu = {"type": "static_select", "action_id": "why", "options": MENU["options"]}
    blocks = [{"type": "actions", "block_id": "decide", "elements": [BUTTON, menu]}]
    posted = await slack.post(blocks=blocks)
    seen = await slack.person("UALICE").see("CTIER1", lambda m: m["ts"] == posted["ts"])
    chosen = {"decide": {"why": {"selected_option": {"value": "claim"}}}}
    await slack.person("UALICE").click(seen, "approve", state=chosen)
    values = stub.payloads("block_actions")[0]["state"]["values"]
    assert values["decide"]["why"]["selected_option"]["text"]["text"] == "claim"


async def test_an_input_speaks_up_only_with_dispatch_action(slack: Harness, stub: Any) -> None:
    view = await open_modal(slack, stub)
    alice = slack.person("UALICE")
    assert (await alice.click(view, "value", "12")).error == "not_dispatched"
    changed = {**MODAL, "blocks": [{**INPUT, "dispatch_action": True}]}
    view = (await slack.api("views.update", view_id=view["id"], view=changed))["view"]
    assert await alice.click(view, "value", "12")
    payload = stub.payloads("block_actions")[-1]
    assert payload["actions"][0]["value"] == "12"
    assert payload["view"]["state"]["values"]["amount"]["value"]["value"] == "12"


async def test_raw_clicks_are_signed_as_told(slack: Harness, stub: Any) -> None:
    seen = await card(slack)
    where = {"channel": "CTIER1", "message_ts": seen["ts"], "block_id": "decide", "action_id": "approve"}
    payload = (await slack.control("payload", kind="click", user="UBOTX", **where))["payload"]
    assert stub.got == []
    assert (await slack.control("click_raw", payload={**payload, "team": None}))["status"] == 200
    assert stub.payloads("block_actions") == [{**payload, "team": None}]
    unsigned: list[dict[str, Any]] = [
        {"signature": "v0=é"},
        {"sign": False},
        {"secret": "another"},
        {"headers": {"X-Slack-Signature": None}},
    ]
    for how in unsigned:
        # The stub's check of the signature fails, which makes it answer 500.
        assert (await slack.control("click_raw", payload=payload, **how))["status"] == 500, how
    assert (await slack.control("click_raw", body_hex="fffe", age=301, timestamp=""))["status"] == 500
    assert len(stub.got) == 1


async def test_events_of_the_directory(slack: Harness, stub: Any) -> None:
    await slack.control("users/UBOB", deleted=True, groups=[])
    await slack.control("channels/CTIER1", leave="UGATEPOST")
    await until(lambda: len(stub.got) >= 3)
    assert stub.payloads("user_change")[0]["event"]["user"]["deleted"]
    assert stub.payloads("subteam_members_changed")[0]["event"]["removed_users"] == ["UBOB"]
    assert stub.payloads("member_left_channel")[0]["event"]["user"] == "UGATEPOST"
    assert (await slack.person("UBOB").command("/approvals queue")).error == "user_is_deactivated"

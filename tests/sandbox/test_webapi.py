"""The Web API is as strict as Slack: tokens, scopes, arguments, membership, and the life of a message."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bot.sandbox.harness import Harness

SECTION = {"type": "section", "text": {"type": "plain_text", "text": "Refund?"}}


@pytest.mark.parametrize(
    ("method", "token", "args", "error"),
    [
        ("auth.test", "", {}, "not_authed"),
        ("auth.test", "xoxb-wrong", {}, "invalid_auth"),
        ("auth.test", "xapp-sandbox", {}, "not_allowed_token_type"),
        ("apps.connections.open", "xoxb-sandbox", {}, "not_allowed_token_type"),
        ("chat.shout", "xoxb-sandbox", {}, "unknown_method"),
        ("auth.test", "xoxb-sandbox", {"loud": True}, "invalid_arguments"),
        ("chat.postMessage", "xoxb-sandbox", {"text": "x"}, "invalid_arguments"),
        ("chat.postMessage", "xoxb-sandbox", {"channel": "CTIER1"}, "no_text"),
        ("chat.postMessage", "xoxb-sandbox", {"channel": "CNONE", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", "xoxb-sandbox", {"channel": "CRANDOM", "text": "x"}, "not_in_channel"),
        ("chat.postMessage", "xoxb-sandbox", {"channel": "CARCH", "text": "x"}, "is_archived"),
        ("chat.postMessage", "xoxb-sandbox", {"channel": "UEXT", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", "xoxb-sandbox", {"channel": "UGONE", "text": "x"}, "channel_not_found"),
        (
            "chat.postMessage",
            "xoxb-sandbox",
            {"channel": "CTIER1", "text": "x", "thread_ts": "1.2"},
            "thread_not_found",
        ),
        ("chat.postMessage", "xoxb-sandbox", {"channel": "CTIER1", "text": "x", "username": "B"}, "missing_scope"),
        ("chat.postMessage", "xoxb-sandbox", {"channel": "CTIER1", "blocks": "{"}, "invalid_blocks_format"),
        ("chat.postMessage", "xoxb-sandbox", {"channel": "CTIER1", "blocks": [{"type": "x"}]}, "invalid_blocks"),
        (
            "chat.postMessage",
            "xoxb-sandbox",
            {"channel": "CTIER1", "text": "x", "metadata": {"event_type": "x"}},
            "invalid_metadata_format",
        ),
        ("chat.update", "xoxb-sandbox", {"channel": "CTIER1", "ts": "1.2", "text": "x"}, "message_not_found"),
        (
            "chat.postEphemeral",
            "xoxb-sandbox",
            {"channel": "CTIER2", "user": "UOUT", "text": "x"},
            "user_not_in_channel",
        ),
        ("conversations.list", "xoxb-sandbox", {"types": "im"}, "missing_scope"),
        ("conversations.list", "xoxb-sandbox", {"types": "club"}, "invalid_types"),
        ("conversations.join", "xoxb-sandbox", {"channel": "CRANDOM"}, "missing_scope"),
        ("conversations.open", "xoxb-sandbox", {"users": "UGONE"}, "user_disabled"),
        ("conversations.open", "xoxb-sandbox", {}, "users_list_not_supplied"),
        ("conversations.history", "xoxb-sandbox", {"channel": "CRANDOM"}, "not_in_channel"),
        ("conversations.replies", "xoxb-sandbox", {"channel": "CTIER1", "ts": "1.2"}, "thread_not_found"),
        ("users.info", "xoxb-sandbox", {"user": "UNOBODY"}, "user_not_found"),
        ("users.lookupByEmail", "xoxb-sandbox", {"email": "nobody@gatepost.example"}, "users_not_found"),
        ("users.list", "xoxb-sandbox", {"cursor": "???"}, "invalid_cursor"),
        ("usergroups.users.list", "xoxb-sandbox", {"usergroup": "SNONE"}, "no_such_subteam"),
        ("views.update", "xoxb-sandbox", {"view_id": "VNONE", "view": {"type": "modal"}}, "not_found"),
        ("views.open", "xoxb-sandbox", {"trigger_id": "1.2.3", "view": {"type": "modal"}}, "invalid_arguments"),
    ],
)
async def test_refusals(slack: Harness, method: str, token: str, args: dict[str, Any], error: str) -> None:
    answer = await slack.api(method, token, **args)
    assert (answer["ok"], answer["error"]) == (False, error), answer


async def test_an_unknown_argument_is_named(slack: Harness) -> None:
    answer = await slack.api("chat.postMessage", channel="CTIER1", txt="x")
    assert answer["response_metadata"]["messages"] == ["[ERROR] unexpected argument: txt"]


async def test_a_missing_scope_is_named(slack: Harness) -> None:
    await slack.control("scopes", scopes=["users:read"])
    answer = await slack.api("chat.postMessage", channel="CTIER1", text="x")
    assert (answer["error"], answer["needed"], answer["provided"]) == ("missing_scope", "chat:write", "users:read")


async def test_the_scopes_ride_on_the_header(slack: Harness) -> None:
    answer = await slack.http.post(slack.api_url + "auth.test", data={"token": "xoxb-sandbox"})
    assert answer.json()["user_id"] == "UGATEPOST"
    assert "chat:write" in answer.headers["X-OAuth-Scopes"].split(",")


@pytest.mark.parametrize("channel", ["CTIER1", "#approvals", "approvals"])
async def test_a_channel_goes_by_id_or_name(slack: Harness, channel: str) -> None:
    posted = await slack.post(channel)
    assert posted["channel"] == "CTIER1"
    assert posted["message"]["bot_id"] == "BGATEPOST"


async def test_a_user_id_opens_the_dm_but_update_wants_the_channel(slack: Harness) -> None:
    posted = await slack.post("UDIRK")
    assert posted["channel"].startswith("D")
    assert (await slack.api("chat.update", channel="UDIRK", ts=posted["ts"], text="x"))["error"] == "channel_not_found"
    assert (await slack.api("chat.update", channel=posted["channel"], ts=posted["ts"], text="x"))["ok"]


async def test_a_private_channel_without_the_bot_does_not_exist(slack: Harness) -> None:
    await slack.control("channels/CPRIVATE", leave="UGATEPOST")
    for method, args in (("chat.postMessage", {"text": "x"}), ("conversations.info", {})):
        assert (await slack.api(method, channel="CPRIVATE", **args))["error"] == "channel_not_found"


async def test_timestamps_are_unique_and_rise(slack: Harness) -> None:
    stamps = [(await slack.post())["ts"] for _ in range(20)]
    assert len(set(stamps)) == 20
    assert stamps == sorted(stamps, key=float)


async def test_half_a_surrogate_pair_comes_back_as_it_went(slack: Harness) -> None:
    assert (await slack.post(text="\ud800"))["message"]["text"] == "\ud800"


async def test_a_permalink_leads_to_the_page(slack: Harness) -> None:
    posted = await slack.post()
    link = await slack.api("chat.getPermalink", channel="CTIER1", message_ts=posted["ts"])
    answer = await slack.http.get(link["permalink"])
    assert answer.headers["location"] == "/#channel=CTIER1"


async def test_update_follows_slacks_rules_on_text_and_blocks(slack: Harness) -> None:
    posted = await slack.post(text="one", blocks=[SECTION], metadata={"event_type": "card", "event_payload": {"id": 1}})
    where = {"channel": posted["channel"], "ts": posted["ts"]}
    kept = await slack.api("chat.update", **where, metadata={"event_type": "card", "event_payload": {"id": 2}})
    assert kept["message"]["blocks"]
    assert kept["text"] == "one"
    replaced = await slack.api("chat.update", **where, text="two")
    assert "blocks" not in replaced["message"]
    assert replaced["message"]["metadata"]["event_payload"] == {"id": 2}
    cleared = await slack.api("chat.update", **where, text="three", metadata={})
    assert "metadata" not in cleared["message"]
    assert (await slack.api("chat.update", **where, text="x" * 4001))["error"] == "msg_too_long"
    assert (await slack.api("chat.update", **where, text="x" * 4000))["ok"]


async def test_post_cuts_text_at_40000(slack: Harness) -> None:
    assert len((await slack.post(text="x" * 40_001))["message"]["text"]) == 40_000


async def test_only_own_messages_change(slack: Harness) -> None:
    await slack.person("UALICE").say("CTIER1", "mine")
    theirs = (await slack.messages("CTIER1"))[-1]
    where = {"channel": "CTIER1", "ts": theirs["ts"]}
    assert (await slack.api("chat.update", **where, text="x"))["error"] == "cant_update_message"
    assert (await slack.api("chat.delete", **where))["error"] == "cant_delete_message"


async def test_an_ephemeral_cannot_be_updated_and_only_its_reader_sees_it(slack: Harness) -> None:
    sent = await slack.api("chat.postEphemeral", channel="CTIER1", user="UALICE", text="only you")
    answer = await slack.api("chat.update", channel="CTIER1", ts=sent["message_ts"], text="x")
    assert answer["error"] == "message_not_found"
    assert [m["ephemeral"] for m in await slack.person("UALICE").messages("CTIER1")] == [True]
    assert await slack.person("UBOB").messages("CTIER1") == []
    assert (await slack.api("conversations.history", channel="CTIER1"))["messages"] == []


async def test_metadata_only_when_asked_for(slack: Harness) -> None:
    await slack.post(metadata={"event_type": "card", "event_payload": {"id": "r1"}})
    plain = await slack.api("conversations.history", channel="CTIER1")
    full = await slack.api("conversations.history", channel="CTIER1", include_all_metadata=True)
    assert "metadata" not in plain["messages"][0]
    assert full["messages"][0]["metadata"]["event_payload"] == {"id": "r1"}


async def test_history_pages_newest_first_without_replies(slack: Harness) -> None:
    posted = [await slack.post(text=str(n)) for n in range(5)]
    await slack.post(text="reply", thread_ts=posted[0]["ts"])
    seen, cursor = [], ""
    while True:
        answer = await slack.api("conversations.history", channel="CTIER1", limit=2, cursor=cursor)
        seen += [m["text"] for m in answer["messages"]]
        cursor = answer.get("response_metadata", {}).get("next_cursor", "")
        if not cursor:
            break
    assert seen == ["4", "3", "2", "1", "0"]


async def test_threads(slack: Harness) -> None:
    parent = await slack.post(text="parent")
    first = await slack.post(text="first", thread_ts=parent["ts"])
    await slack.post(text="second", thread_ts=first["ts"])
    answer = await slack.api("conversations.replies", channel="CTIER1", ts=parent["ts"])
    assert [m["text"] for m in answer["messages"]] == ["parent", "first", "second"]
    assert answer["messages"][0]["reply_count"] == 2
    link = await slack.api("chat.getPermalink", channel="CTIER1", message_ts=first["ts"])
    assert f"thread_ts={parent['ts']}" in link["permalink"]


async def test_deleting_a_parent_leaves_a_tombstone(slack: Harness) -> None:
    parent, other = await slack.post(), await slack.post()
    await slack.post(thread_ts=parent["ts"])
    for gone in (parent, other):
        assert (await slack.api("chat.delete", channel="CTIER1", ts=gone["ts"]))["ok"]
    seen = await slack.person("UBOB").messages("CTIER1")
    assert [m.get("deleted") for m in seen] == [True]


async def test_people_and_groups(slack: Harness) -> None:
    members = {m["id"]: m for m in (await slack.api("users.list"))["members"]}
    assert members["UGONE"]["deleted"]
    assert members["UEXT"]["is_stranger"]
    assert members["UDIRK"]["profile"]["email"] == members["UDIRK2"]["profile"]["email"]
    groups = await slack.api("usergroups.list", include_users=True)
    assert {g["id"]: g["users"] for g in groups["usergroups"]}["STIER2"] == ["UCARA"]
    assert "UGONE" in (await slack.api("usergroups.users.list", usergroup="STIER1"))["users"]
    await slack.control("scopes", scopes=["users:read"])
    assert "email" not in (await slack.api("users.info", user="UALICE"))["user"]["profile"]


async def test_form_and_query_arguments_work_as_json_does(slack: Harness) -> None:
    headers = {"Authorization": "Bearer xoxb-sandbox"}
    form = {"channel": "CTIER1", "text": "x", "blocks": '[{"type": "divider"}]'}
    assert (await slack.http.post(slack.api_url + "chat.postMessage", data=form, headers=headers)).json()["ok"]
    query = {"channel": "CTIER1", "include_num_members": "1"}
    info = (await slack.http.get(slack.api_url + "conversations.info", params=query, headers=headers)).json()
    assert info["channel"]["num_members"] > 5


async def test_a_file_is_uploaded_in_three_steps(slack: Harness) -> None:
    data = b"a,b\n1,2\n"
    url = await slack.api("files.getUploadURLExternal", filename="digest.csv", length=len(data))
    assert (await slack.http.post(url["upload_url"], content=data[:-1])).status_code == 400
    early = await slack.api("files.completeUploadExternal", files=[{"id": url["file_id"]}], channel_id="CTIER1")
    assert early["error"] == "file_not_found"
    assert (await slack.http.post(url["upload_url"], files={"file": data})).status_code == 200
    done = await slack.api("files.completeUploadExternal", files=[{"id": url["file_id"]}], channel_id="CTIER1")
    assert done["ok"], done
    message = (await slack.person("UALICE").messages("CTIER1"))[-1]
    assert (await slack.http.get(message["files"][0]["url_private"])).content == data


async def test_only_this_machine_may_call(slack: Harness) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        answer = await slack.http.post(slack.api_url + "api.test", headers=headers)
        assert answer.status_code == 403


async def test_faults_on_calls(slack: Harness) -> None:
    await slack.fault("chat.postMessage", "ratelimited", retry_after=7)
    limited = await slack.http.post(slack.api_url + "chat.postMessage", json={"channel": "CTIER1", "text": "x"})
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
    await slack.fault("*", "error500")
    assert (await slack.http.post(slack.api_url + "auth.test")).status_code == 500
    await slack.fault("chat.postMessage", "lost_answer")
    with pytest.raises(httpx.RemoteProtocolError):
        await slack.post(text="performed")
    await slack.fault("chat.postMessage", "lost_before")
    with pytest.raises(httpx.RemoteProtocolError):
        await slack.post(text="never performed")
    assert [m["text"] for m in await slack.messages("CTIER1")] == ["performed"]
    assert [c["fault"] for c in await slack.calls("chat.postMessage")] == [
        "ratelimited",
        "lost_answer",
        "lost_before",
    ]


async def test_a_slow_call_is_done_before_it_is_answered(slack: Harness) -> None:
    await slack.fault("chat.postMessage", "slow", seconds=60)
    with pytest.raises(httpx.ReadTimeout):
        await slack.http.post(
            slack.api_url + "chat.postMessage",
            json={"channel": "CTIER1", "text": "done", "token": "xoxb-sandbox"},
            timeout=0.2,
        )
    assert [m["text"] for m in await slack.messages("CTIER1")] == ["done"]


async def test_rate_limits_bite_when_switched_on(slack: Harness) -> None:
    await slack.control("settings", rate_limits=True, message_burst=2)
    answers = [await slack.api("chat.postMessage", channel="CTIER1", text="x") for _ in range(3)]
    assert [a["ok"] for a in answers] == [True, True, False]
    assert (await slack.api("chat.postMessage", channel="CTIER2", text="x"))["ok"]
    slack.clock.ahead += 1
    assert (await slack.api("chat.postMessage", channel="CTIER1", text="x"))["ok"]
    answers = [await slack.api("users.list") for _ in range(21)]
    assert [a["ok"] for a in answers].count(False) == 1


async def test_reset_goes_back_to_the_first_minute(slack: Harness) -> None:
    await slack.post()
    await slack.control("users/UALICE", deleted=True)
    await slack.control("reset")
    assert await slack.messages("CTIER1") == []
    assert not (await slack.api("users.info", user="UALICE"))["user"]["deleted"]

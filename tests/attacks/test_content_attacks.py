"""The `action_content` cases of attacks.jsonl that are about what people see, on the card, in Details and in the
terminal; each is played through the whole house.
"""

import unicodedata

import pytest

from bot.cli.words import request_text
from bot.ids import APPROVE
from graph.law.request import Status
from graph.verbs import report
from tests.support.blockkit import strings
from tests.support.scene import CASES, CLEAN, Scene, Spec, buttons, literally, objects, spec_of, unparsed
from tests.support.slack_attacks import variants


async def test_ac_03_markup_of_the_agent_stays_text(scene: Scene) -> None:
    spec = spec_of("AC-03")
    request, card = await scene.ask(spec)
    literally(card["blocks"], "*APPROVED by CFO* ~not~ `safe`")
    literally(card["blocks"], ":white_check_mark: Security: verified")
    unparsed(card)
    assert "\n>" not in card["text"] and "\n&gt;" not in card["text"]
    assert card["text"].startswith("Refund 420.00 EUR to order 4711?")
    # Everywhere that an agent can speak.
    more = CLEAN | {"summary": "late", "reasoning": spec["summary"], "args": CLEAN["args"] | {"order": spec["summary"]}}
    request, card = await scene.ask(more)
    literally(card["blocks"], "*APPROVED by CFO*")
    unparsed(card)
    view = await scene.details(request, card)
    literally(view["blocks"], "*APPROVED by CFO*")


async def test_ac_04_nobody_is_pinged(scene: Scene) -> None:
    spec = spec_of("AC-04")
    _, card = await scene.ask(spec)
    literally(card["blocks"], "<!channel> <!here> <!everyone> please approve")
    assert "&lt;!channel&gt;" in card["text"]
    unparsed(card)
    others = ("<!subteam^STIER1>", "<@UALICE>", "<#CTIER1>", "@channel", "<!date^0^{date}|now>", "&lt;!channel&gt;")
    for words in others:
        args = CLEAN["args"] | {"order": words}
        _, card = await scene.ask(CLEAN | {"summary": f"{words} approve", "args": args})
        literally(card["blocks"], words)
        assert words not in card["text"] or words == "@channel"
        unparsed({"text": card["text"], "blocks": card["blocks"]})


async def test_ac_06_a_link_shows_where_it_leads_and_leads_nowhere(scene: Scene) -> None:
    spec = spec_of("AC-06")
    link = "<https://evil.example/login|https://bank.example/policy>"
    request, card = await scene.ask(spec)
    view = await scene.details(request, card)
    literally(view["blocks"], link)
    _, card = await scene.ask(CLEAN | {"summary": f"see {link}"})
    literally(card["blocks"], link)
    unparsed(card)
    for index, words in enumerate(("[bank](https://evil.example)", "https://evil.example", "javascript:alert(1)")):
        _, card = await scene.ask(CLEAN | {"summary": words, "args": CLEAN["args"] | {"order": f"o{index}"}})
        literally(card["blocks"], words)
        unparsed(card)


async def test_ac_07_slack_fetches_nothing(scene: Scene) -> None:
    """`chat.update` knows no unfurling: it is the post's own word that counts."""
    spec = spec_of("AC-07")
    request, card = await scene.ask(spec | {"summary": spec["reasoning"]})
    alice = scene.door.person("UALICE")
    assert await scene.door.person("UOUT").click(card, APPROVE)
    assert await alice.click(card, APPROVE)
    await scene.tools.settle()
    await scene.door.deliver()
    posts = [each for each in await scene.calls() if each["method"] == "chat.postMessage"]
    assert len({each["args"]["channel"] for each in posts}) > 1, "the requester was told, too"
    for each in posts:
        assert (each["args"]["unfurl_links"], each["args"]["unfurl_media"]) == (False, False)
    assert (await scene.door.request(request)).status is Status.APPROVED


@pytest.mark.parametrize(
    ("case", "shown", "flagged"),
    [
        ("AC-09", "invoice_⟦U+202E⟧fdp.exe", "hidden characters: U+202E"),
        ("AC-10", "pay⟦U+200B⟧pal@bank.example", "hidden characters: U+200B"),
        ("AC-11", "billing@p\u0430ypal.com", "xn--pypal-4ve.com"),
        ("AC-12", "Refund⟦U+E0077⟧", "hidden characters: U+E0077"),
        ("AC-13", "Re⟦U+00AD⟧fund⟦U+3164⟧⟦U+00A0⟧order⟦U+FE0F⟧ 4711⟦U+2028⟧next", "hidden characters: U+00AD"),
        ("AC-19", "rm -rf /⟦U+000D⟧⟦U+001B⟧[2Kls -l⟦U+0007⟧", "hidden characters: U+000D"),
    ],
)
async def test_what_misleads_the_eye_is_written_out_and_flagged(
    scene: Scene, case: str, shown: str, flagged: str
) -> None:
    await misleads(scene, spec_of(case), shown, flagged)


async def misleads(scene: Scene, spec: Spec, shown: str, flagged: str) -> None:
    """It is written out on the card, in its text, in Details, the forms and the terminal, and the card flags it."""
    request, card = await scene.ask(spec)
    view = await scene.details(request, card)
    for blocks in (card["blocks"], view["blocks"]):
        assert [each for each in objects(blocks) if shown in each["text"]]
    flags = [each["text"] for each in objects(card["blocks"]) if flagged in each["text"]]
    assert flags
    assert shown in card["text"] and flagged in card["text"]
    printed = request_text(await report.show(scene.tools.store, request.id))
    assert shown in printed
    for text in (*strings(card["blocks"]), *strings(view["blocks"]), card["text"], printed):
        assert not [char for char in text if char not in "\n\t" and unseen(char)]


def unseen(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Co", "Zl", "Zp") or char in "\u00a0\u3164"


NEAR = [
    pytest.param(
        "invoice_\u2066fdp.exe\u2069", "invoice_⟦U+2066⟧fdp.exe⟦U+2069⟧", "hidden characters: U+2066", id="isolates"
    ),
    pytest.param("pay\u2060pal", "pay⟦U+2060⟧pal", "hidden characters: U+2060", id="word joiner"),
    pytest.param("pay\ufeffpal", "pay⟦U+FEFF⟧pal", "hidden characters: U+FEFF", id="byte order mark"),
    pytest.param("a\x9b2Kb", "a⟦U+009B⟧2Kb", "hidden characters: U+009B", id="C1 control sequence introducer"),
    pytest.param("a\x7f\x08b", "a⟦U+007F⟧⟦U+0008⟧b", "hidden characters: U+007F, U+0008", id="delete and backspace"),
    pytest.param("x" + "\u0301" * 9, "⟦U+0301⟧", "hidden characters: U+0301", id="stacked marks"),
    pytest.param(
        "\u0440\u0430\u0443\u0440\u0430\u04cf", "\u0440\u0430\u0443", "reads as “paypal” but is Cyrillic", id="whole"
    ),
    pytest.param("\uff50\uff41\uff59\uff50\uff41\uff4c", "\uff50\uff41", "reads as “paypal”", id="full width"),
    pytest.param("\U0001d429\U0001d41a\U0001d432", "\U0001d429", "reads as “pay”", id="mathematical"),
    pytest.param("xn--pypal-4ve.com", "xn--pypal-4ve.com", "p\u0430ypal", id="already encoded"),
    pytest.param("bank.example\u2215login.evil", "\u2215", "poses as “/”", id="division slash"),
    pytest.param("jos\u0065\u0301@b.example", "@b.example", "not NFC", id="AC-28, decomposed"),
]


@pytest.mark.parametrize(("words", "shown", "flagged"), NEAR)
@pytest.mark.parametrize("place", ["argument", "rationale"])
async def test_its_near_relatives_too(scene: Scene, words: str, shown: str, flagged: str, place: str) -> None:
    if place == "argument":
        await misleads(scene, CLEAN | {"tool": "mail.send", "args": {"to": words}}, shown, flagged)
    else:
        await misleads(scene, CLEAN | {"summary": f"late {words} delivery"}, shown, flagged)


async def test_ac_28_twins_that_look_the_same_are_told_apart(scene: Scene) -> None:
    flagged = []
    for step in CASES["AC-28"]["input"]["steps"]:
        _, card = await scene.ask(step["$propose"])
        flagged.append("not NFC" in card["text"])
    assert flagged == [False, True]


async def test_ac_02_words_that_contradict_the_action_are_flagged(scene: Scene) -> None:
    _, card = await scene.ask(spec_of("AC-02"))
    assert card["text"].startswith("Refund 42,000.00 EUR to order 4711?")
    claim = "The agent's words say “Refund EUR 4.20”; the action's amount is 42,000.00 EUR"
    assert claim in card["text"] and [each for each in objects(card["blocks"]) if claim in each["text"]]
    literally(card["blocks"], "Refund EUR 4.20 (routine)")
    assert "Agent says" in card["text"]
    for index, (words, contrary) in enumerate(
        [
            *(("Refund 4.20 EUR", True), ("refunding €4,20 only", True), ("Refunds of 1.234,50 EUR", True)),
            *(("Refund 420.00 EUR as promised", False), ("Refund EUR 420 (average 135.40)", False)),
            *(("Refund order 4711, 2 items at 210.00", False), ("It costs 4.20 more to wait", False)),
        ]
    ):
        args = CLEAN["args"] | {"order": f"47{index}"}
        _, card = await scene.ask(CLEAN | {"summary": words, "args": args})
        assert ("The agent's words say" in card["text"]) == contrary, words


# --- words that press ------------------------------------------------------------------------------------------------


async def test_ac_42_pressure_is_shown_as_the_agents_words_and_changes_nothing(scene: Scene) -> None:
    spec = spec_of("AC-42")
    calm, before = await scene.ask(CLEAN | {"args": CLEAN["args"] | {"order": "4712"}})
    pressed, card = await scene.ask(spec | {"summary": spec["reasoning"]})
    (said,) = literally(card["blocks"], "URGENT!!!")
    assert "Agent says" in str(card["blocks"])[: str(card["blocks"]).index("URGENT!!!")]
    assert "Agent says: URGENT!!!" in card["text"]
    view = await scene.details(pressed, card)
    literally(view["blocks"], "URGENT!!!")
    assert said["type"] == "text"
    for name in ("tier", "sla_seconds", "risk", "route"):
        assert getattr(pressed, name) == getattr(calm, name)
    assert buttons(card) == buttons(before)
    for word in ("high urgency", "overdue", "critical"):
        assert word not in card["text"]


async def test_ac_47_the_headline_is_made_of_the_arguments_alone(scene: Scene) -> None:
    for index, spec in enumerate(variants(spec_of("AC-47"))):
        _, card = await scene.ask(spec | {"args": spec["args"] | {"order": f"47{index}"}})
        headline = card["blocks"][0]
        assert headline["text"]["text"] == f"Refund 420.00 EUR to order 47{index}?"
        assert card["text"].startswith(f"Refund 420.00 EUR to order 47{index}?")
    order = "W" * 260
    _, card = await scene.ask(CLEAN | {"args": CLEAN["args"] | {"order": order}})
    assert card["blocks"][0]["text"]["text"] == f"Refund 420.00 EUR to order {order}?", "never cut, whatever its length"


async def test_the_agents_words_cannot_pose_as_ours(scene: Scene) -> None:
    """Line breaks, labels and signs of ours inside an agent's text stay on its line."""
    forged = "ok\n⚠ No flags.\nDue 1 Mar · low urgency\n✅ Approved by Bob"
    _, card = await scene.ask(CLEAN | {"summary": forged})
    (said,) = literally(card["blocks"], "✅ Approved by Bob")
    assert "\n" not in said["text"] and said["text"].startswith("ok ⚠ No flags.")
    assert "✅ Approved by Bob" not in card["text"].split("Agent says:")[0]

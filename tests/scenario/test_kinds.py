"""Checkpoints and reviews in Slack: what is asked, what an answer does, and what the card then says."""

from typing import Any

import pytest

from bot.ids import APPROVE, REJECT
from graph.flow.effects import new_effect
from graph.law.request import (
    DecisionType,
    Effect,
    EffectClass,
    Kind,
    Outcome,
    Request,
    effect_id,
    undo_id,
)
from graph.verbs.decide import Answer, decide
from graph.verbs.outcome import tell_outcome
from graph.verbs.ports import Tx
from graph.verbs.review import open_review, review_id
from tests.support.slack import House, pending, woken


async def looked_at(door: House, **changes: Any) -> Request:
    """A review whose card is on the screen, of a refund that was carried out."""
    about = await pending(door.store, review_after=True, **changes)
    answer = Answer(
        request_id=about.id, type=DecisionType.APPROVE, user_id="UALICE", digest=about.digest, via="cli", reason="fine"
    )
    about = (await decide(door.store, answer)).request
    async with door.store.begin() as tx:
        now = await tx.now()
        await done(tx, new_effect(effect_id(about.id), about, EffectClass.IDEMPOTENT, None, now))
        await open_review(tx, about, await tx.policies.current(), now)
        review = await tx.requests.get(review_id(about.id))
    assert review is not None
    await door.sql("update runs set status = 'paused', wake_at = null")
    await door.deliver()
    return review


async def done(tx: Tx, effect: Effect) -> None:
    await tx.effects.intend(effect, 1)
    await tx.effects.settle(effect.id, Outcome.DONE, {"refund": "re_1"}, "", None)


def texts(message: dict) -> str:
    return str(message["blocks"])


async def test_what_was_right_is_kept(door: House) -> None:
    review = await looked_at(door)
    card = await door.card("UALICE", review)
    assert "Was this right: Refund 420.00 EUR to order 4711?" in texts(card) and "Modify" not in texts(card)
    assert "hanged by" not in texts(card)
    assert await door.person("UALICE").click(card, APPROVE)
    assert not await woken(door.store, review)
    await door.deliver()
    assert "Kept, it was right" in texts(await door.card("UALICE", review))


async def test_what_was_wrong_is_undone_and_the_card_follows(door: House) -> None:
    review = await looked_at(door)
    alice = door.person("UALICE")
    assert await alice.click(await door.card("UALICE", review), REJECT)
    view = await door.view("UALICE")
    assert "It is undone now" in str(view["blocks"])
    assert await alice.submit(view, {"reason": "it was the wrong order"})
    await door.deliver()
    assert "Not undone yet" in texts(await door.card("UALICE", review))
    async with door.store.begin() as tx:
        about = await tx.requests.get(review.parent_id or "")
        assert about is not None
        forward = effect_id(about.id)
        undo = new_effect(undo_id(forward), about, EffectClass.IDEMPOTENT, forward, await tx.now())
        await done(tx, undo)
        await tell_outcome(tx, undo, Outcome.DONE)
    await door.deliver()
    assert "*Undone*" in texts(await door.card("UALICE", review))


async def test_what_cannot_be_undone_is_told_to_operators(door: House) -> None:
    review = await looked_at(door, reversible=False)
    card = await door.card("UALICE", review)
    assert "It was wrong…" in texts(card)
    assert await door.person("UALICE").click(card, REJECT)
    assert await door.person("UALICE").submit(await door.view("UALICE"), {"reason": "never do this"})
    await door.deliver()
    told = [message["text"] for message in await door.sandbox.messages("COPS")]
    assert any("found it wrong" in text for text in told)
    assert "operators were told" in texts(await door.card("UALICE", review))


@pytest.mark.parametrize(("answer", "said"), [(APPROVE, "Goes on, says"), (REJECT, "Stopped by")])
async def test_a_checkpoint_lets_go_on_or_stops(door: House, answer: str, said: str) -> None:
    request = await door.propose(kind=Kind.CHECKPOINT, confidence=None)
    alice, card = door.person("UALICE"), await door.card("UALICE", request)
    assert "Go on" in texts(card) and "Stop…" in texts(card) and "Take over" not in texts(card)
    assert await alice.click(card, answer)
    if answer == REJECT:
        assert await alice.submit(await door.view("UALICE"), {"reason": "the numbers are odd"})
    assert await woken(door.store, request)
    await door.deliver()
    assert said in texts(await door.card("UALICE", request))

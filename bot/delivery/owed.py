"""Owed messages that are no cards: outcomes to requesters, words to operators, notices for one person's eyes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog

from bot.cards import letters
from bot.cards.batch import reminded
from bot.cards.digest import digest
from bot.cards.notice import outcome, refused
from bot.cards.reminder import reminder, reminder_of
from bot.cards.view import Card
from bot.delivery.batches import load_batch
from bot.delivery.post import Letter, Post
from bot.delivery.view import load_view
from bot.ids import NOTICE_EVENT
from bot.slack import Gone, NotInChannel, Refused, Slack, Transient
from graph.law.policy import ON_CALL
from graph.law.request import Status
from graph.verbs.ports import OwedRow, Store, Tx

EPHEMERAL_TRIES: Final = 3
EPHEMERAL_AGE: Final = timedelta(minutes=25)
"""A response_url lives thirty minutes; a notice about a click nobody remembers is noise before that."""
_log = structlog.get_logger(__name__)


class UnknownKind(Exception):
    """A chore that this release does not know; a newer one may."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be said and to whom."""

    target: str
    card: Card
    thread: str | None = None
    broadcast: bool = False
    instead: tuple[str, ...] = ()
    """People to tell directly when there is no such place."""


class OwedMessages:
    """Says what an owed row wants said. Raises `SlackProblem` when it could not be."""

    def __init__(self, store: Store, slack: Slack, post: Post) -> None:
        self._store, self._slack, self._post = store, slack, post

    async def deliver(self, row: OwedRow, *, maybe_sent: bool) -> tuple[str, ...]:
        """Say it once; on a second attempt look first whether it was said. Gives who has to be told instead."""
        if row.kind == "ephemeral":
            await self._ephemeral(row)
            return ()
        message = await self._message(row)
        if message is None:
            return ()
        if not message.target:
            return message.instead
        letter = Letter(
            target=message.target,
            event_type=NOTICE_EVENT,
            key=row.id,
            about={},
            since=row.created_at,
            thread=message.thread,
            broadcast=message.broadcast,
        )
        try:
            if not maybe_sent or await self._post.adopt(letter) is None:
                await self._post.new(letter, message.card)
        except (Gone, NotInChannel) as problem:
            if message.instead:
                return message.instead
            if row.kind == "operators" or isinstance(problem, NotInChannel):
                raise
            # A requester who left or can't be written to: the card tells the rest.
            _log.info("nobody to tell", kind=row.kind, code=problem.code)
        return ()

    async def _message(self, row: OwedRow) -> Message | None:
        """The words, made from the rows as they are now; None: nothing left to say."""
        async with self._store.begin() as tx:
            match row.kind:
                case "outcome":
                    return await _outcome(tx, row.payload)
                case "run_ended":
                    return await _run_ended(tx, row.payload)
                case "question" | "answer":
                    return await _talk(tx, row.kind, row.payload)
                case "operators":
                    return await _operators(tx, row.payload)
                case "operator":
                    return Message(str(row.payload["user"]), refused(str(row.payload["text"])))
                case "reminder":
                    return await _reminder(tx, row)
                case "channel":
                    return Message(str(row.payload["channel"]), refused(str(row.payload["text"])))
                case "digest":
                    return await _digest(tx, row.payload)
                case _:
                    raise UnknownKind(row.kind)

    async def _ephemeral(self, row: OwedRow) -> None:
        """Best effort, as ephemeral messages are: shown at most to who is there, kept nowhere."""
        async with self._store.begin() as tx:
            late = await tx.now() - row.created_at > EPHEMERAL_AGE
        if late or row.attempts > EPHEMERAL_TRIES:
            return
        text, blocks = refused(str(row.payload["text"]))
        url, channel, user = (row.payload.get(name) for name in ("response_url", "channel", "user"))
        try:
            if url:
                said = {"response_type": "ephemeral", "replace_original": False, "text": text, "blocks": blocks}
                await self._slack.respond(str(url), said)
            elif channel and user:
                await self._slack.write("chat.postEphemeral", channel=channel, user=user, text=text, blocks=blocks)
            elif user:
                await self._slack.write("chat.postMessage", channel=user, text=text, blocks=blocks)
        except (Gone, Refused) as problem:
            _log.info("notice not shown", code=problem.code)
        except Transient:
            # Perhaps shown: a second one would only puzzle, so there is one more try and no third.
            if row.attempts < EPHEMERAL_TRIES - 1:
                raise


async def _outcome(tx: Tx, payload: dict[str, Any]) -> Message | None:
    request = await tx.requests.get(str(payload["request_id"]))
    return Message(str(payload["user"]), outcome(await load_view(tx, request))) if request else None


async def _run_ended(tx: Tx, payload: dict[str, Any]) -> Message | None:
    run = await tx.runs.get(str(payload["run_id"]))
    if run is None:
        return None
    words = str(run.status).replace("_", " ")
    said = f"Your run of {run.workflow} has ended ({words}). {run.outcome}".strip()
    return Message(str(payload["user"]), refused(said))


async def _digest(tx: Tx, payload: dict[str, Any]) -> Message | None:
    figures = await tx.digests.get(str(payload["week"]))
    return None if figures is None else Message(str(payload["target"]), digest(figures))


async def _talk(tx: Tx, kind: str, payload: dict[str, Any]) -> Message | None:
    """A question or its answer: under a card, or to one person."""
    question = await tx.talk.get(str(payload["question_id"]))
    request = await tx.requests.get(question.request_id) if question else None
    if question is None or request is None:
        return None
    view, asked = await load_view(tx, request), kind == "question"
    if asked and request.status is not Status.PENDING:
        return None
    if user := payload.get("user"):
        return Message(str(user), (letters.to_requester if asked else letters.to_asker)(view, question))
    cards = await tx.cards.of_request(request.id)
    place = next((card for card in cards if card.id == payload["card_id"] and card.ts), None)
    if place is None or place.channel is None:
        return None
    said = (letters.question_in_thread if asked else letters.answer_in_thread)(view, question)
    return Message(place.channel, said, place.ts)


async def _reminder(tx: Tx, row: OwedRow) -> Message | None:
    """Under the tier's card, for the channel to see; nothing once it was decided, went up, or was said again."""
    if "batch_id" in row.payload:
        return await _batch_reminder(tx, row)
    request, tier = await tx.requests.get(str(row.payload["request_id"])), int(row.payload["tier"])
    if request is None or request.status is not Status.PENDING or request.tier != tier:
        return None
    posted = [card for card in await tx.cards.of_request(request.id) if card.tier == tier and card.ts]
    if not posted or await tx.owed.superseded(row):
        return None
    # The channel's card before those of single people; the same one each time, so that what was said is found there.
    place = min(posted, key=lambda card: (str(card.channel).startswith("D"), card.id))
    view = await load_view(tx, request, place)
    said = reminder(view, *await _called(tx, tier))
    return Message(str(place.channel), said, place.ts, broadcast=True)


async def _batch_reminder(tx: Tx, row: OwedRow) -> Message | None:
    """Under the batch's card, once for all of it; nothing when none of it waits any more."""
    batch = await tx.batches.get(str(row.payload["batch_id"]))
    posted = [card for card in await tx.batches.cards(batch.id) if card.ts] if batch else []
    view = await load_batch(tx, batch) if batch else None
    if batch is None or view is None or not posted or not view.waiting():
        return None
    place = next((card for card in posted if card.target == batch.target), posted[0])
    said = reminder_of(reminded(view), *await _called(tx, batch.tier))
    return Message(str(place.channel), said, place.ts, broadcast=True)


async def _called(tx: Tx, tier: int) -> tuple[Sequence[str], Sequence[str]]:
    """Whom a reminder calls: the tier's user groups, and who is on call."""
    row = (await tx.policies.current()).policy.tiers.get(tier)
    named = row.reviewers if row else ()
    on_call = await tx.people.members([entry for entry in named if entry.startswith(ON_CALL)])
    return await tx.people.groups(named), sorted(on_call)


async def _operators(tx: Tx, payload: dict[str, Any]) -> Message | None:
    """To the operators' channel; where there is none, to each of them."""
    roles = (await tx.policies.current()).policy.roles
    people = await tx.people.many(await tx.people.members(roles.operators))
    each = tuple(sorted(user for user, person in people.items() if person.active and not person.bot))
    if roles.operators_channel is None and not each:
        _log.warning("neither operators_channel nor operators in the policy", text=payload.get("text"))
        return None
    return Message(roles.operators_channel or "", refused(str(payload["text"])), instead=each)

"""Owed messages that are no cards: outcomes to requesters, words to operators, notices for one person's eyes."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog

from bot.cards.notice import outcome, refused
from bot.cards.view import Card
from bot.delivery.post import Letter, Post
from bot.delivery.view import load_view
from bot.ids import NOTICE_EVENT
from bot.slack import Gone, Refused, Slack, Transient
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


class OwedMessages:
    """Says what an owed row wants said. Raises `SlackProblem` when it could not be."""

    def __init__(self, store: Store, slack: Slack, post: Post) -> None:
        self._store, self._slack, self._post = store, slack, post

    async def deliver(self, row: OwedRow, *, maybe_sent: bool) -> None:
        """Say it once; on a second attempt look first whether it was said."""
        if row.kind == "ephemeral":
            await self._ephemeral(row)
            return
        message = await self._message(row)
        if message is None:
            return
        letter = Letter(target=message.target, event_type=NOTICE_EVENT, key=row.id, about={}, since=row.created_at)
        try:
            if not maybe_sent or await self._post.adopt(letter) is None:
                await self._post.new(letter, message.card)
        except Gone as problem:
            if row.kind == "operators":
                raise
            # A requester who left or can't be written to: the card tells the rest.
            _log.info("nobody to tell", kind=row.kind, code=problem.code)

    async def _message(self, row: OwedRow) -> Message | None:
        """The words, made from the rows as they are now; None: nothing left to say."""
        async with self._store.begin() as tx:
            match row.kind:
                case "outcome":
                    return await _outcome(tx, row.payload)
                case "run_ended":
                    return await _run_ended(tx, row.payload)
                case "operators":
                    return await _operators(tx, row.payload)
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


async def _operators(tx: Tx, payload: dict[str, Any]) -> Message | None:
    channel = (await tx.policies.current()).policy.roles.operators_channel
    if channel is None:
        _log.warning("no operators_channel in the policy", text=payload.get("text"))
        return None
    return Message(channel, refused(str(payload["text"])))

"""Posting one message, once: an earlier attempt whose answer was lost is found by its metadata and adopted."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from bot.cards.view import Card
from bot.slack import Gone, NotInChannel, Refused, Slack

_CHANNEL_ID: Final = re.compile(r"[CGD][A-Z0-9_]{2,}", re.ASCII)
_USER_ID: Final = re.compile(r"[UW][A-Z0-9_]{2,}", re.ASCII)
_NAMES_KEPT: Final = 600.0
_EARLIER_SECONDS: Final = 60.0
"""So far the database's clock may be ahead of Slack's."""
_MOST_PAGES: Final = 20
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message that is owed: `key` names it in its metadata, for ever; `since` is when it was first owed.

    `thread`: the ts of the message under which it stands; `broadcast`: the channel sees it there as well.
    """

    target: str
    event_type: str
    key: str
    about: Mapping[str, str]
    since: datetime
    thread: str | None = None
    broadcast: bool = False

    def metadata(self) -> dict[str, Any]:
        return {"event_type": self.event_type, "event_payload": {**self.about, "key": self.key}}

    def matches(self, message: Mapping[str, Any]) -> bool:
        found = message.get("metadata") or {}
        payload = found.get("event_payload") or {}
        return found.get("event_type") == self.event_type and payload.get("key") == self.key


class Post:
    """Posts, updates and finds our messages. Never called inside a database transaction."""

    def __init__(self, slack: Slack, clock: Callable[[], float] = time.monotonic) -> None:
        self._slack, self._clock = slack, clock
        self._names: dict[str, str] = {}
        self._names_at = float("-inf")
        self._lock = asyncio.Lock()
        self._bot: tuple[str, str] | None = None

    async def new(self, letter: Letter, card: Card) -> tuple[str, str]:
        """Post; gives channel id and ts."""
        answer = await self._slack.write(
            "chat.postMessage",
            channel=letter.target,
            thread_ts=letter.thread,
            reply_broadcast=letter.broadcast or None,
            text=card.text,
            blocks=card.blocks,
            metadata=letter.metadata(),
        )
        return str(answer["channel"]), str(answer["ts"])

    async def update(self, channel: str, ts: str, card: Card) -> None:
        """Show the card on a message of ours; the same call twice does no harm."""
        await self._slack.write("chat.update", channel=channel, ts=ts, text=card.text, blocks=card.blocks)

    async def adopt(self, letter: Letter) -> tuple[str, str] | None:
        """The message of an earlier attempt, if Slack has one; of several the oldest, the others are deleted."""
        try:
            channel = await self._channel(letter.target)
            found = await self._look(letter, channel) if channel else []
        except (Refused, NotInChannel) as problem:
            # Without the scope to look, a second card is better than none.
            _log.warning("earlier attempt can't be looked for", key=letter.key, code=problem.code)
            return None
        except Gone:
            return None
        if channel is None or not found:
            return None
        oldest, *doubles = sorted(found)
        for ts in doubles:
            await self._delete(channel, ts)
        return channel, oldest

    async def _delete(self, channel: str, ts: str) -> None:
        try:
            await self._slack.write("chat.delete", channel=channel, ts=ts)
        except (Gone, Refused) as problem:
            _log.warning("a double message could not be deleted", code=problem.code)

    async def _look(self, letter: Letter, channel: str) -> list[str]:
        bot = await self._me()
        found: list[str] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await self._slack.read(
                "conversations.replies" if letter.thread else "conversations.history",
                channel=channel,
                ts=letter.thread,
                oldest=f"{letter.since.timestamp() - _EARLIER_SECONDS:.6f}",
                inclusive=True,
                include_all_metadata=True,
                limit=200,
                cursor=cursor,
            )
            messages = page.get("messages") or []
            # Any app can write any metadata: only our own messages count.
            found += [str(each["ts"]) for each in messages if letter.matches(each) and _by(each, bot)]
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
            if not cursor:
                return found
        _log.warning("history too long to look through", key=letter.key)
        return found

    async def _channel(self, target: str) -> str | None:
        """The id behind what a policy calls a channel, a name or a person."""
        if _CHANNEL_ID.fullmatch(target):
            return target
        if _USER_ID.fullmatch(target):
            opened = await self._slack.write("conversations.open", users=target)
            return str(opened["channel"]["id"])
        async with self._lock:
            if self._clock() - self._names_at > _NAMES_KEPT:
                self._names = await self._all_names()
                self._names_at = self._clock()
        return self._names.get(target.removeprefix("#"))

    async def _all_names(self) -> dict[str, str]:
        names: dict[str, str] = {}
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await self._slack.read(
                "conversations.list",
                types="public_channel,private_channel",
                exclude_archived=True,
                limit=999,
                cursor=cursor,
            )
            names |= {str(each["name"]): str(each["id"]) for each in page.get("channels") or []}
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
            if not cursor:
                break
        return names

    async def _me(self) -> tuple[str, str]:
        if self._bot is None:
            answer = await self._slack.write("auth.test")
            self._bot = str(answer.get("user_id") or ""), str(answer.get("bot_id") or "")
        return self._bot


def _by(message: Mapping[str, Any], bot: tuple[str, str]) -> bool:
    return bool(message.get("user") == bot[0] or (bot[1] and message.get("bot_id") == bot[1]))

"""A Slack in memory with the small interface of `bot.slack.Slack`, by the simulated clock.

It keeps every message, is down for hours, asks for patience, and loses answers to calls that it carried out.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.ids import Ref, decode
from bot.slack import Gone, RateLimited, Transient

BOT = {"user_id": "UGATEPOST", "bot_id": "BGATEPOST"}


@dataclass
class Message:
    """One message as it stands now."""

    channel: str
    ts: str
    at: datetime
    text: str
    blocks: list[Any]
    event: str
    key: str
    about: Mapping[str, Any]
    thread: str | None = None
    gone: bool = False
    changed: list[datetime] = field(default_factory=list)

    @property
    def request_id(self) -> str | None:
        return self.about.get("request_id") if self.event == "gatepost_card" else None

    def buttons(self) -> Iterator[Ref]:
        """What each button that is on the message now carries."""
        for block in self.blocks if not self.gone else ():
            for element in block.get("elements", ()) if block.get("type") == "actions" else ():
                if element.get("type") == "button" and (ref := decode(element.get("value"))):
                    yield ref


class SimSlack:
    """`trouble`: "down" (every call fails), "limited" (every call has to wait), or none; `lost`: the share of
    answers that never arrive, at any time.
    """

    base_url = "memory://slack/"

    def __init__(self, rng: random.Random, now: Callable[[], datetime], lost: float) -> None:
        self._rng, self._now, self.lost = rng, now, lost
        self.trouble = ""
        self.messages: dict[tuple[str, str], Message] = {}
        self.cards: dict[str, list[Message]] = {}
        self.fresh: list[Message] = []
        """Messages that nobody has looked at yet."""
        self.calls = self.answers_lost = self.refused = 0
        self._last = 0

    async def read(self, method: str, **params: Any) -> Mapping[str, Any]:
        return self._call(method, params)

    async def write(self, method: str, **body: Any) -> Mapping[str, Any]:
        return self._call(method, body)

    async def respond(self, response_url: str, message: Mapping[str, Any]) -> None:
        self._call("response_url", {})

    async def close(self) -> None:
        """Nothing is open."""

    def live(self, request_id: str) -> list[Message]:
        """The messages on which this request can be answered now."""
        return [message for message in self.cards.get(request_id, ()) if any(message.buttons())]

    def _call(self, method: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
        self.calls += 1
        if self.trouble == "down":
            self.refused += 1
            raise Transient("http_503", method)
        if self.trouble == "limited":
            self.refused += 1
            raise RateLimited(method, 30)
        act = getattr(self, "_" + method.replace(".", "_"), None)
        answer: Mapping[str, Any] = act(given) if act else {}
        if method.startswith("chat.") and self._rng.random() < self.lost:
            self.answers_lost += 1
            raise Transient("TimeoutError", method)
        return answer

    def _auth_test(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return BOT | {"team_id": "THOME"}

    def _conversations_open(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"channel": {"id": _dm(str(given["users"]))}}

    def _conversations_list(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        names = ("approvals", "approvals-tier-2", "approvals-managers", "gatepost-operators")
        return {"channels": [{"name": name, "id": _channel(name)} for name in names]}

    def _conversations_history(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        oldest = float(given.get("oldest") or 0)
        found = [
            _shown(message)
            for message in reversed(self.messages.values())
            if message.channel == given["channel"] and not message.gone and float(message.ts) >= oldest
        ]
        return {"messages": found[:200]}

    def _conversations_replies(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        place = (given["channel"], given["ts"])
        found = [one for one in self.messages.values() if (one.channel, one.thread or one.ts) == place and not one.gone]
        return {"messages": [_shown(message) for message in found]}

    def _chat_postMessage(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        metadata = given.get("metadata") or {}
        payload = metadata.get("event_payload") or {}
        micros = max(int(self._now().timestamp() * 1_000_000), self._last + 1)
        self._last = micros
        message = Message(
            channel=_channel(str(given["channel"])),
            ts=f"{micros // 1_000_000}.{micros % 1_000_000:06d}",
            at=self._now(),
            text=str(given.get("text", "")),
            blocks=list(given.get("blocks") or ()),
            event=str(metadata.get("event_type", "")),
            key=str(payload.get("key", "")),
            about=payload,
            thread=given.get("thread_ts"),
        )
        self.messages[message.channel, message.ts] = message
        if message.request_id:
            self.cards.setdefault(message.request_id, []).append(message)
            self.fresh.append(message)
        return {"channel": message.channel, "ts": message.ts}

    def _chat_update(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        message = self._find(given)
        message.text, message.blocks = str(given.get("text", "")), list(given.get("blocks") or ())
        message.changed.append(self._now())
        return {"channel": message.channel, "ts": message.ts}

    def _chat_delete(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        self._find(given).gone = True
        return {}

    def _find(self, given: Mapping[str, Any]) -> Message:
        message = self.messages.get((str(given["channel"]), str(given["ts"])))
        if message is None or message.gone:
            raise Gone("message_not_found")
        return message


def _shown(message: Message) -> dict[str, Any]:
    metadata = {"event_type": message.event, "event_payload": dict(message.about)}
    said = {"ts": message.ts, "text": message.text, "user": BOT["user_id"], "bot_id": BOT["bot_id"]}
    return said | {"metadata": metadata, "blocks": message.blocks}


def _channel(target: str) -> str:
    """The id of a channel, a person's own conversation, or an id as it is."""
    name = target.removeprefix("#")
    if name.startswith("U") and name.isupper():
        return _dm(name)
    return name if name.isupper() else "C" + "".join(letter for letter in name.upper() if letter.isalnum())


def _dm(user: str) -> str:
    return "D" + user[1:]

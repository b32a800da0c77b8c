"""Messages, threads and ephemerals: their timestamps, their life, and how the API shows them."""

from __future__ import annotations

import copy
from bisect import bisect_right, insort
from collections.abc import Callable
from typing import Any

from bot.sandbox.hub import Hub
from bot.sandbox.store import Store
from bot.sandbox.wire import Json

# Kept for the sandbox's own use; never part of an API answer.
_OWN = {"channel", "ephemeral_to", "broadcast"}


class Messages:
    def __init__(self, store: Store, hub: Hub, clock: Callable[[], float]) -> None:
        self._store, self._hub, self._clock = store, hub, clock
        self._docs = store.all("message")
        self._order: dict[str, list[str]] = {}
        self._threads: dict[tuple[str, str], list[str]] = {}
        self._last = 0
        for doc in self._docs.values():
            insort(self._order.setdefault(doc["channel"], []), doc["ts"])
            if _is_reply(doc):
                insort(self._threads.setdefault((doc["channel"], doc["thread_ts"]), []), doc["ts"])
            self._last = max(self._last, _micros(doc["ts"]))

    def next_ts(self) -> str:
        """Unique and increasing in the workspace, also when the clock stands still."""
        self._last = max(int(self._clock() * 1_000_000), self._last + 1)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def add(self, channel: str, fields: Json, *, ephemeral_to: str | None = None) -> Json:
        doc: Json = {"type": "message", "ts": self.next_ts(), "channel": channel, **fields}
        if ephemeral_to is not None:
            doc["ephemeral_to"] = ephemeral_to
        self._put(doc)
        self._order.setdefault(channel, []).append(doc["ts"])
        if _is_reply(doc):
            self._threads.setdefault((channel, doc["thread_ts"]), []).append(doc["ts"])
        return doc

    def get(self, channel: str, ts: str) -> Json | None:
        return self._docs.get(f"{channel}:{ts}")

    def change(self, doc: Json, **fields: Any) -> Json:
        changed = {k: v for k, v in {**doc, **fields}.items() if v is not None}
        self._put(changed)
        return changed

    def remove(self, doc: Json) -> None:
        """Gone; a parent with replies leaves a tombstone, as in Slack."""
        if self.replies(doc["channel"], doc["ts"]):
            kept: Json = {k: doc[k] for k in ("type", "ts", "channel", "user", "thread_ts") if k in doc}
            self._put({**kept, "subtype": "tombstone", "text": "This message was deleted.", "hidden": True})
            return
        self._store.drop("message", f"{doc['channel']}:{doc['ts']}")
        self._order[doc["channel"]].remove(doc["ts"])
        if _is_reply(doc):
            self._threads[doc["channel"], doc["thread_ts"]].remove(doc["ts"])
        self._tell(doc)

    def in_channel(self, channel: str) -> list[Json]:
        """Everything, oldest first: replies and ephemerals included."""
        return [self._docs[f"{channel}:{ts}"] for ts in self._order.get(channel, [])]

    def since(self, channel: str, ts: str) -> list[Json]:
        """What came after `ts`, oldest first."""
        order = self._order.get(channel, [])
        return [self._docs[f"{channel}:{later}"] for later in order[bisect_right(order, ts) :]]

    def history(self, channel: str) -> list[Json]:
        """What conversations.history knows of: neither ephemerals nor replies that stayed in their thread."""
        return [
            m for m in self.in_channel(channel) if "ephemeral_to" not in m and (not _is_reply(m) or m.get("broadcast"))
        ]

    def replies(self, channel: str, thread_ts: str) -> list[Json]:
        found = [self._docs[f"{channel}:{ts}"] for ts in self._threads.get((channel, thread_ts), [])]
        return [m for m in found if "ephemeral_to" not in m]

    def shown(self, doc: Json, *, metadata: bool = False) -> Json:
        """The message object of the API; metadata only when asked for."""
        shown = {k: copy.deepcopy(v) for k, v in doc.items() if k not in _OWN}
        if not metadata:
            shown.pop("metadata", None)
        if "ephemeral_to" not in doc and (replies := self.replies(doc["channel"], doc["ts"])):
            users = list(dict.fromkeys(reply["user"] for reply in replies))
            shown |= {
                "thread_ts": doc["ts"],
                "reply_count": len(replies),
                "reply_users_count": len(users),
                "latest_reply": replies[-1]["ts"],
                "reply_users": users,
            }
        return shown

    def forget(self) -> None:
        """After the store was emptied."""
        self._order.clear()
        self._threads.clear()

    def _put(self, doc: Json) -> None:
        self._store.put("message", f"{doc['channel']}:{doc['ts']}", doc)
        self._tell(doc)

    def _tell(self, doc: Json) -> None:
        user = doc.get("ephemeral_to")
        self._hub.tell("ephemeral" if user else "message", channel=doc["channel"], ts=doc["ts"], user=user)


def _micros(ts: str) -> int:
    seconds, _, micros = ts.partition(".")
    return int(seconds) * 1_000_000 + int(micros)


def _is_reply(doc: Json) -> bool:
    return bool(doc.get("thread_ts", doc["ts"]) != doc["ts"])

"""A click, parsed: who, on what, where, and how to answer that person alone."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Body = Mapping[str, Any]
CHANNEL: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
TS: Final = re.compile(r"[0-9.]{1,32}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """`value` is what the element carries; `where` the clicked message, None in a modal or on the Home tab."""

    user: str
    action_id: str
    value: object
    trigger_id: str
    response_url: str | None
    where: tuple[str, str] | None
    home: bool = False
    """Whether it was clicked on the Home tab, which only Gatepost can publish."""
    key: str
    """The same for every delivery of this one click."""


def click_of(body: Body) -> Click:
    """Read a block_actions payload that passed the guard."""
    action = body["actions"][0]
    chosen = action.get("selected_option")
    value = chosen.get("value") if isinstance(chosen, dict) else action.get("value")
    trigger = _text(body.get("trigger_id"))
    return Click(
        user=body["user"]["id"],
        action_id=action["action_id"],
        value=value,
        trigger_id=trigger,
        response_url=body.get("response_url"),
        where=_where(body),
        home=_on_home(body),
        key=_key(trigger or f"{body['user']['id']}/{action.get('action_ts')}/{value}"),
    )


def click_of_message(body: Body) -> Click:
    """Read a message shortcut that passed the guard: `where` is the message that it was used on."""
    trigger = _text(body.get("trigger_id"))
    ts = body.get("message_ts") or (body.get("message") or {}).get("ts")
    channel = body.get("channel")
    found = channel.get("id") if isinstance(channel, dict) else channel
    return Click(
        user=body["user"]["id"],
        action_id=body["callback_id"],
        value=None,
        trigger_id=trigger,
        response_url=body.get("response_url"),
        where=(_fitting(CHANNEL, found), _fitting(TS, ts)),
        key=_key(trigger or f"{body['user']['id']}/{body.get('action_ts')}"),
    )


def _where(body: Body) -> tuple[str, str] | None:
    """The message that was clicked; an empty place when it claims to be a message but names none."""
    container = body.get("container") or {}
    if container.get("type") == "view" or (body.get("view") and not body.get("message")):
        return None
    channel = body.get("channel")
    found = container.get("channel_id") or (channel.get("id") if isinstance(channel, dict) else channel)
    ts = container.get("message_ts") or (body.get("message") or {}).get("ts")
    return _fitting(CHANNEL, found), _fitting(TS, ts)


def _on_home(body: Body) -> bool:
    container, view = body.get("container") or {}, body.get("view") or {}
    return container.get("type") == "view" and view.get("type") == "home" and not body.get("message")


def _fitting(pattern: re.Pattern[str], value: object) -> str:
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

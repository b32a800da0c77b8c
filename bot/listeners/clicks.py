"""A click, parsed: who, on what, where, and how to answer that person alone."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bot.ids import DETAILS, decode_origin

Body = Mapping[str, Any]
CHANNEL: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
TS: Final = re.compile(r"[0-9.]{1,32}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """`value` is what the element carries; `where` the message that was clicked, or on which the clicked Details were
    opened; None in any other modal and on the Home tab.
    """

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
    modal: Body = field(default_factory=dict)
    """The modal that was clicked, if it was one."""

    def decides(self) -> bool:
        """Whether it was clicked where buttons that decide stand: in a message or on the Home tab."""
        return not self.modal and (self.where is not None or self.home)


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
        modal=_modal(body),
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
    """The card that was clicked, or read in the clicked Details; an empty place when it claims to be a message but
    names none.
    """
    container, modal = body.get("container") or {}, _modal(body)
    if modal.get("callback_id") == DETAILS:
        origin = decode_origin(modal.get("private_metadata"))
        return (origin.channel, origin.ts) if origin and origin.channel and origin.ts else None
    if container.get("type") == "view" or (body.get("view") and not body.get("message")):
        return None
    channel = body.get("channel")
    found = container.get("channel_id") or (channel.get("id") if isinstance(channel, dict) else channel)
    ts = container.get("message_ts") or (body.get("message") or {}).get("ts")
    return _fitting(CHANNEL, found), _fitting(TS, ts)


def _modal(body: Body) -> Body:
    view = body.get("view")
    return view if isinstance(view, Mapping) and view.get("type") == "modal" and not body.get("message") else {}


def _on_home(body: Body) -> bool:
    container, view = body.get("container") or {}, body.get("view") or {}
    return container.get("type") == "view" and view.get("type") == "home" and not body.get("message")


def _fitting(pattern: re.Pattern[str], value: object) -> str:
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

"""The emergency brake as people see it: the line on a stopped card, the state on the Home tab."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.cards.view import CardView
from bot.ids import LIFT, STOP
from bot.words import Json, clip, flowing, plain
from graph.law.stopping import Stop, scope

MAX_SAID: Final = 260
MAX_STOPS: Final = 12
_NOTHING: Final = "Everything runs: nothing is stopped."


@dataclass(frozen=True, slots=True, kw_only=True)
class Brake:
    """What is stopped, by whom, and what this person may do about it."""

    stops: Sequence[tuple[Stop, str]] = ()
    may_stop: bool = False
    may_lift: bool = False


def stopped_line(view: CardView) -> str:
    """`⛔ Stopped by Eve since 21 Nov 14:02 UTC: incident 12. Only rejecting works until it is lifted.`"""
    if view.stop is None:
        return ""
    answered = "It can be answered; nothing new begins until that is lifted."
    meanwhile = answered if view.approvable() else "Only rejecting works until it is lifted."
    return f"⛔ {_said(view.stop, view.name(view.stop.stopped_by))}. {meanwhile}"


def brake_blocks(brake: Brake) -> list[Json]:
    """The top of the Home tab; nothing for those whom it doesn't concern while nothing is stopped."""
    blocks = [_row(stop, name, may_lift=brake.may_lift) for stop, name in brake.stops[:MAX_STOPS]]
    if len(brake.stops) > MAX_STOPS:
        more = f"⛔ And {len(brake.stops) - MAX_STOPS} more workflows; /approvals resume NAME lets one go on."
        blocks.append({"type": "section", "text": plain(more)})
    if brake.may_stop and not brake.stops:
        blocks.append({"type": "section", "text": plain(_NOTHING)})
    if brake.may_stop:
        button = _button("Stop…", STOP, "all", "Stop a workflow, or everything") | {"style": "danger"}
        blocks.append({"type": "actions", "block_id": "gatepost.brake", "elements": [button]})
    return blocks


def _row(stop: Stop, name: str, *, may_lift: bool) -> Json:
    what = scope(stop.workflow)
    section: Json = {"type": "section", "text": plain(f"⛔ {what[:1].upper()}{what[1:]}: {_said(stop, name)}")}
    accessory = _button("Resume…", LIFT, stop.workflow, f"Let {what} go on")
    return section | ({"accessory": accessory} if may_lift else {})


def _said(stop: Stop, name: str) -> str:
    return clip(flowing(stop.said(name)), MAX_SAID)[0].rstrip(".")


def _button(label: str, action_id: str, value: str, about: str) -> Json:
    return {
        "type": "button",
        "action_id": action_id,
        "text": plain(label, 75),
        "value": value[:100],
        "accessibility_label": plain(about, 75)["text"],
    }

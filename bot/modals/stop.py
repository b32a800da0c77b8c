"""Stop and resume: what, and why. Both are recorded with who did it."""

from collections.abc import Sequence
from typing import Final

from bot.cards.kit import section
from bot.ids import LIFT_SUBMIT, STOP_SUBMIT
from bot.modals.frame import element_of, field, form, read_reason, reason_field
from bot.words import Json, plain
from graph.law.stopping import ALL, scope

SCOPE: Final = "scope"
MAX_SCOPE: Final = 100
MOST: Final = 99
_STOPS: Final = (
    "Nothing new begins there from now on. What has begun is finished and reported. Waiting requests can be"
    " rejected only, and their clocks stand still."
)
_LIFTS: Final = "What was approved before and had not begun is asked again. Clocks go on from where they stood."


def build_stop(workflows: Sequence[str]) -> Json:
    """Which workflow, or all, and why."""
    named = [name for name in workflows if len(name) <= MAX_SCOPE]
    options = [_option("Everything", ALL), *(_option(name, name) for name in named[:MOST])]
    more = "" if len(named) <= MOST else "Others can be stopped by /approvals stop NAME reason."
    chosen: Json = {"type": "static_select", "options": options, "initial_option": options[0]}
    blocks = [section(_STOPS), field(SCOPE, "What", chosen, hint=more), reason_field("Why?")]
    return form("Stop", STOP_SUBMIT, "", blocks, "Stop")


def build_lift(workflow: str) -> Json:
    """Why this may go on."""
    blocks = [section(f"Let {scope(workflow)} go on. {_LIFTS}"), reason_field("Why may it go on?")]
    return form("Resume", LIFT_SUBMIT, workflow, blocks, "Resume")


def parse_stop(state: object) -> tuple[str, str, dict[str, str]]:
    """The scope, the reason, and errors by block_id."""
    reason, errors = read_reason(state)
    option = element_of(state, SCOPE).get("selected_option")
    value = option.get("value") if isinstance(option, dict) else None
    if not isinstance(value, str) or not 0 < len(value) <= MAX_SCOPE:
        return "", reason, {**errors, SCOPE: "Please choose what to stop."}
    return "all" if value == ALL else value, reason, errors


def parse_lift(state: object, carried: object) -> tuple[str, str, dict[str, str]]:
    """The scope that the form carries, the reason, and errors by block_id."""
    reason, errors = read_reason(state)
    return (carried[:MAX_SCOPE] if isinstance(carried, str) else ""), reason, errors


def _option(text: str, value: str) -> Json:
    return {"text": plain(text, 75), "value": value}

"""Allow for this run: approve the present request, and more of the same within bounds that the reviewer sets."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from bot.cards.arguments import label
from bot.cards.kit import labelled
from bot.cards.kit import rich as rich_block
from bot.cards.times import span
from bot.ids import GRANT_SUBMIT, Origin, Ref
from bot.modals.approve import at_stake
from bot.modals.frame import blocks_of, element_of, field, modal, read_reason, reason_field
from bot.words import Json, flowing, plain
from graph.law.grants import Scope, ceiling
from graph.law.policy import Policy
from graph.law.policy_review import GrantRow
from graph.law.request import Request

TARGET: Final = "grant.target"
AMOUNT: Final = "grant.up_to"
LENGTH: Final = "grant.length"
TIMES: Final = "grant.times"
BLOCKS: Final = {"any_target": TARGET, "up_to": AMOUNT, "length": LENGTH, "times": TIMES}
"""Where what is wrong with a field of the scope is shown."""
SAME: Final = "same"
ANY: Final = "any"
USUAL_TIMES: Final = 5
_LENGTHS: Final = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240, 480, 1440, 4320, 10080))
_AMOUNT: Final = re.compile(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,2})?", re.ASCII)
_COUNT: Final = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
_MINUTES: Final = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)


class Allowed(NamedTuple):
    """A submitted form; it may be taken when `errors` (by block_id) is empty."""

    scope: Scope
    reason: str
    errors: dict[str, str]


def build(request: Request, ref: Ref, channel: str | None, ts: str | None, *, policy: Policy, row: GrantRow) -> Json:
    """What is being allowed, and how far; `row` is what policy permits."""
    title = request.form.title or request.action_type
    lines = [
        *at_stake(request),
        labelled("Allowed besides:", f"more of “{flowing(title)}”, in this run only", limit=400),
    ]
    if row.varying:
        lines.append(labelled("May differ:", ", ".join(label(request.form, name) for name in row.varying), limit=400))
    most = ceiling(policy, row, request)
    amount = [_amount(request, most)] if most is not None else []
    blocks = [rich_block(*lines), *_target(request, row), *amount, _length(row), _times(row)]
    hint = "It approves this request as well. Whatever else differs from it is asked as before."
    blocks.append(reason_field("Why is looking at one enough?", hint))
    return modal("Allow for this run", GRANT_SUBMIT, Origin(ref, channel, ts), blocks, "Approve and allow")


def parse(state: object, request: Request) -> Allowed:
    """Read a submission; whether policy permits it is found out when it is decided."""
    reason, errors = read_reason(state)
    scope = Scope(
        any_target=_chosen(state, TARGET) == ANY,
        up_to=_read_amount(state, request, errors),
        times=_read_times(state, errors),
        length=_read_length(state, errors),
    )
    return Allowed(scope, reason, errors)


def _target(request: Request, row: GrantRow) -> list[Json]:
    """A choice where policy leaves one; else a line that says how it is."""
    same = f"Only for {flowing(request.target)}" if request.target is not None else ""
    options = [*([(SAME, same)] if same else []), *([(ANY, "Whatever it concerns")] if row.target == "any" else [])]
    if len(options) == 1:
        return [rich_block(labelled("Concerns:", options[0][1], limit=400))]
    shown = [{"text": plain(text, 75), "value": value} for value, text in options]
    return [
        field(TARGET, "What may it concern?", {"type": "radio_buttons", "options": shown, "initial_option": shown[0]})
    ]


def _amount(request: Request, most: Decimal) -> Json:
    usual = min(most, request.value if request.value is not None else most)
    element = {"type": "plain_text_input", "max_length": 16, "initial_value": f"{usual:.2f}"}
    currency = f" ({request.currency})" if request.currency else ""
    return field(AMOUNT, f"Up to which amount each{currency}?", element, hint=f"At most {most:,.2f}.")


def _length(row: GrantRow) -> Json:
    lengths = [*(length for length in _LENGTHS if length < row.at_most), row.at_most]
    shown = [
        {"text": plain(span(length), 75), "value": str(_minutes(length))} for length in lengths if _minutes(length)
    ]
    element = {"type": "static_select", "options": shown, "initial_option": shown[-1]}
    return field(LENGTH, "For how long?", element, hint="It ends earlier when the run does, or somebody takes it back.")


def _times(row: GrantRow) -> Json:
    usual = min(row.times, USUAL_TIMES)
    element = {"type": "number_input", "is_decimal_allowed": False, "min_value": "1", "max_value": str(row.times)}
    return field(TIMES, "How many more?", element | {"initial_value": str(usual)}, hint=f"At most {row.times}.")


def _minutes(length: timedelta) -> int:
    return length // timedelta(minutes=1)


def _chosen(state: object, block: str) -> object:
    option = element_of(state, block).get("selected_option")
    return option.get("value") if isinstance(option, dict) else None


def _read_amount(state: object, request: Request, errors: dict[str, str]) -> Decimal | None:
    if AMOUNT not in blocks_of(state) and request.value is None:
        return None
    typed = element_of(state, AMOUNT).get("value")
    if not isinstance(typed, str) or not _AMOUNT.fullmatch(typed.strip()):
        errors[AMOUNT] = "Enter an amount like 420.00: digits, a point, at most two decimals."
        return None
    return Decimal(typed.strip())


def _read_times(state: object, errors: dict[str, str]) -> int:
    typed = element_of(state, TIMES).get("value")
    if isinstance(typed, str) and _COUNT.fullmatch(typed):
        return int(typed)
    errors[TIMES] = "Enter a whole number, digits only."
    return 0


def _read_length(state: object, errors: dict[str, str]) -> timedelta:
    minutes = _chosen(state, LENGTH)
    if isinstance(minutes, str) and _MINUTES.fullmatch(minutes):
        return timedelta(minutes=int(minutes))
    errors[LENGTH] = "Choose one of the options."
    return timedelta(0)

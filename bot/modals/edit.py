"""Modify: the agent's arguments as a typed form. What is sent is checked by the action's own schema."""

from typing import Any, Final, NamedTuple

from bot.cards.arguments import asked
from bot.cards.kit import labelled, rich
from bot.ids import EDIT_SUBMIT, Origin, Ref
from bot.modals import instead
from bot.modals.code import code_field
from bot.modals.fields import PREFIX, Field, Kind, fields
from bot.modals.frame import REASON, blocks_of, modal, read_reason, reason_field
from bot.modals.inputs import block
from bot.modals.reading import ABSENT, BadInput, read
from bot.words import Json, clip, literal, one_line
from graph.law.action import check_edit
from graph.law.request import Request

MAX_FIXED_LINES: Final = 12
BOTH: Final = "Either use an alternative or change the arguments; both at once can't be done."


class Edited(NamedTuple):
    """A submitted edit. It may be taken when `errors` (by block_id) is empty.

    `alternative` is the place of what was chosen instead; `args` then are what the agent proposed.
    """

    args: dict[str, Any]
    reason: str
    errors: dict[str, str]
    alternative: int | None = None


def build(
    request: Request,
    ref: Ref,
    channel: str | None,
    ts: str | None,
    *,
    chosen: int | None = None,
    step_up: bool = False,
) -> Json:
    """The form, filled with what the agent proposed; `chosen`: the alternative that is wanted instead.

    `step_up`: whoever changes it approves it, which takes a one-time code.
    """
    wanted = fields(request)
    inputs = [block(item) for item in wanted if item.kind is not Kind.FIXED]
    fixed = [block(item) for item in wanted if item.kind is Kind.FIXED]
    blocks = [
        rich(labelled("Asked:", asked(request), limit=900)),
        *instead.blocks(request, optional=bool(inputs), chosen=chosen),
        *fixed[:MAX_FIXED_LINES],
        *(
            [literal(f"{len(fixed) - MAX_FIXED_LINES} more fixed arguments in Details.")]
            if fixed[MAX_FIXED_LINES:]
            else []
        ),
        *inputs,
        reason_field("Why this change?", "The agent is told. The changed action is a new request with its own route."),
        *([code_field()] if step_up else []),
    ]
    return modal("Modify this action", EDIT_SUBMIT, Origin(ref, channel, ts), blocks, "Modify")


def parse(state: object, request: Request) -> Edited:
    """Read a submission; hostile ones give errors like honest ones."""
    wanted = fields(request)
    args, wrong = _read_all(wanted, state)
    reason, errors = read_reason(state)
    if not wrong:
        args, found = check_edit(request.form, request.args, args)
        wrong = _by_block(found, wanted)
    chosen, odd = instead.read(state, request)
    if chosen is not None and (wrong or args != request.args):
        odd = {instead.INSTEAD: BOTH}
    if chosen is None and not odd and all(item.kind is Kind.FIXED for item in wanted):
        odd = {instead.INSTEAD: instead.UNKNOWN}
    return Edited(args, reason, {**wrong, **odd, **errors}, chosen)


def _read_all(wanted: list[Field], state: object) -> tuple[dict[str, Any], dict[str, str]]:
    """The edited arguments; fixed ones stay as they were, unknown ones are refused."""
    args: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for item in wanted:
        try:
            value = _kept(item) if item.kind is Kind.FIXED else read(item, state)
        except BadInput as error:
            wrong[item.block_id] = str(error)
        else:
            if value is not ABSENT:
                args[item.name] = value
    strangers = _strangers(wanted, state)
    return args, wrong | ({REASON: _refusal(strangers[0])} if strangers else {})


def _kept(item: Field) -> Any:
    return item.before if item.present else ABSENT


def _strangers(wanted: list[Field], state: object) -> list[str]:
    """Blocks that look like arguments but have no input in this form."""
    known = {item.block_id for item in wanted if item.kind is not Kind.FIXED}
    return sorted(name for name in blocks_of(state) if name.startswith(PREFIX) and name not in known)


def _refusal(block_id: str) -> str:
    name = clip(one_line(block_id.removeprefix(PREFIX)), 60)[0]
    return f"{name} can't be changed here; reject the request instead."


def _by_block(found: dict[str, str], wanted: list[Field]) -> dict[str, str]:
    """Errors by argument → errors by block; what belongs to no input stands at the reason."""
    places = {item.name: item for item in wanted if item.kind is not Kind.FIXED}
    errors: dict[str, str] = {}
    for name, problem in found.items():
        if name in places:
            errors[places[name].block_id] = problem
        else:
            text = f"{name}: {problem}" if name else problem
            errors[REASON] = clip(one_line(text), 300)[0]
    return errors

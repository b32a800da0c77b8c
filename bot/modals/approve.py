"""Approve where that needs words or a code: what is at stake once more, then what goes on record."""

from bot.cards.arguments import asked
from bot.cards.flags import flag_lines
from bot.cards.kit import labelled, rich
from bot.cards.law import ruled
from bot.ids import APPROVE_SUBMIT, Origin, Ref
from bot.modals.code import asks_for_code, code_field
from bot.modals.frame import modal, read_reason, reason_field
from bot.words import Json, flowing
from graph.law.request import Request
from graph.verbs.answer import needs_reason


def build(request: Request, ref: Ref, channel: str | None, ts: str | None, *, step_up: bool = False) -> Json:
    """The question, what makes it risky, and what has to be filled in; `step_up`: a one-time code."""
    reason = [approval_reason(request)] if needs_reason(request) or not step_up else []
    blocks = [rich(*at_stake(request)), *reason, *([code_field()] if step_up else [])]
    return modal("Approve this action", APPROVE_SUBMIT, Origin(ref, channel, ts), blocks, "Approve")


def parse(state: object, request: Request) -> tuple[str, dict[str, str]]:
    """The reason where the form asks for one, and errors by block_id."""
    return ("", {}) if asks_for_code(state) and not needs_reason(request) else read_reason(state)


def approval_reason(request: Request) -> Json:
    """The field for the reason; of several approvers each gives one."""
    hint = f"At {request.risk} risk an approval needs a reason; it stays on record with your name."
    if request.approvals_required > 1:
        hint += f" Each of the {request.approvals_required} people who approve gives their own."
    return reason_field("Why is this right?", hint)


def at_stake(request: Request) -> list[Json]:
    """The question, amount, target, risk and flags, a line each."""
    return [labelled("Asked:", asked(request), limit=900), *_stakes(request), *flag_lines(request)]


def _stakes(request: Request) -> list[Json]:
    """Amount, target and risk, a line each."""
    amount = f"{request.value:,.2f} {request.currency or ''}".strip() if request.value is not None else ""
    rule = ruled(request)
    risk = f"{request.risk} ({rule})" if rule else str(request.risk)
    lines = {"Amount:": amount, "Concerns:": flowing(request.target or ""), "Risk:": risk}
    return [labelled(label, text, limit=400) for label, text in lines.items() if text]

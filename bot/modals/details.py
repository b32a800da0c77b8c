"""Details: everything that there is to know about a request, the arguments whole and first.

Where the card could not show all of it, this modal carries Approve: the full text was opened.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.cards import flags, kit, times
from bot.cards.alternatives import choices
from bot.cards.arguments import FULL, asked, written
from bot.cards.decided import MAX_REASON
from bot.cards.kinds import wording
from bot.cards.pending import approvable
from bot.cards.view import name_of
from bot.ids import DETAILS, Origin, Ref
from bot.modals.approve import approval_reason
from bot.modals.bundle import RECENT, as_json, conversation, text_of
from bot.modals.frame import modal, read_reason
from bot.modals.sheet import MAX_UNITS, Sheet
from bot.modals.weighed import because, confidence, risk, rules
from bot.words import Json, clip, flowing, one_line
from graph.law.request import Decision, EffectClass, Kind, Request, Status
from graph.spans import trace_id
from graph.verbs.decide import needs_reason
from graph.verbs.ports import Question
from graph.verbs.ports.talk import AGENT

_PROMISES: Final = {
    EffectClass.IDEMPOTENT: "The receiver recognises a repeated attempt, so it happens at most once.",
    EffectClass.QUERYABLE: "Gatepost can look up whether it happened.",
    EffectClass.OPAQUE: "Nobody but a person could tell whether it happened; it is tried at most once.",
}


def build(
    request: Request,
    ref: Ref,
    channel: str | None,
    ts: str | None,
    *,
    names: Mapping[str, str] | None = None,
    earlier: Sequence[Decision] = (),
    asked: Sequence[Question] = (),
    traces: str | None = None,
) -> Json:
    """The page; `earlier` are decisions on the same thing, newest first, `asked` what people wanted to know;
    `traces` where the run's trace can be looked at.
    """
    sheet = Sheet()
    whole = _action(sheet, request)
    whole = sheet.add("Flags", _flags(request), most=MAX_UNITS) and whole
    _reasons(sheet, request)
    sheet.add("Questions and answers", _conversation(asked, names or {}), most=12_000)
    rest = _context(sheet, request.brief.context)
    sheet.add("Facts Gatepost looked at", text_of(request.brief.facts))
    sheet.add("Earlier decisions on this", _earlier(earlier, names or {}))
    sheet.add("Record", _record(request, traced=traces is not None))
    if link := kit.link("Open the trace", (traces or "").replace("{trace_id}", trace_id(request.run_id))):
        sheet.blocks.append(kit.context(kit.mrkdwn(link)))
    for title, turns in rest:
        sheet.add(title, turns, most=20_000)
    submit = wording(request).yes if whole and must_be_read(request) else None
    reason = [approval_reason(request)] if submit and needs_reason(request) else []
    return modal("Details", DETAILS, Origin(ref, channel, ts), [*sheet.close(), *reason], submit)


def parse(state: object, request: Request) -> tuple[str, dict[str, str]]:
    """The reason where approving needs one, and errors by block_id."""
    return read_reason(state) if needs_reason(request) else ("", {})


def must_be_read(request: Request) -> bool:
    """Whether approving needs this page, because the card can't show everything."""
    return request.status is Status.PENDING and not approvable(request)


def _action(sheet: Sheet, request: Request) -> bool:
    """The question and the arguments, never shortened: whether they are whole."""
    question = sheet.add("Asked", asked(request), most=MAX_UNITS)
    long = {name: text for name, value in request.args.items() if len(text := written(value)) > FULL}
    short = [f"{one_line(name)}: {one_line(written(request.args[name]))}" for name in request.args if name not in long]
    values = [sheet.add("Arguments", "\n".join(short), most=MAX_UNITS)]
    values += [_argument(sheet, name, request.args[name]) for name in long]
    sheet.add(f"On {wording(request).yes}", "" if request.kind is Kind.REVIEW else request.form.after_approve)
    return question and all(values)


def _argument(sheet: Sheet, name: str, value: Any) -> bool:
    text = as_json(value) if isinstance(value, dict | list) else written(value)
    return sheet.add(f"{one_line(name)} ({len(text)} characters)", text, most=MAX_UNITS)


def _reasons(sheet: Sheet, request: Request) -> None:
    brief = request.brief
    sheet.add("Agent says", brief.rationale, most=12_000)
    sheet.add("Agent on delay", brief.cost_of_delay)
    sheet.add("Risk", risk(request))
    sheet.add("Confidence", confidence(request))
    asking = "Why it ran alone" if request.kind is Kind.REVIEW else "Why a person is asked"
    sheet.add(asking, because(request))
    sheet.add("Rules that matched", rules(request), most=12_000)
    sheet.add("Alternatives, in the agent's words", _alternatives(request))


def _alternatives(request: Request) -> str:
    found = []
    for choice in choices(request):
        note = "" if choice.choosable else "\n   (can't be chosen here)"
        found.append(f"{choice.letter}: {choice.title}\n   {choice.deed}{note}")
    return "\n".join(found)


def _flags(request: Request) -> str:
    return "\n".join(flag.spoken() for flag in flags.flags(request))


def _context(sheet: Sheet, bundle: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The agent's context under its own headings; the older part of conversations comes back for later."""
    older = []
    for key, value in bundle.items():
        title = f"Agent's context: {clip(flowing(str(key)), 60)[0]}"
        turns = conversation(value)
        if turns is None:
            sheet.add(title, text_of(value))
            continue
        recent = turns[-RECENT:]
        count = f" (last {len(recent)} of {len(turns)} turns)" if len(turns) > RECENT else ""
        sheet.add(title + count, "\n".join(recent))
        if len(turns) > RECENT:
            older.append((f"{title} (the {len(turns) - RECENT} turns before)", "\n".join(turns[:-RECENT])))
    return older


def _earlier(decisions: Sequence[Decision], names: Mapping[str, str]) -> str:
    shown = []
    for taken in decisions:
        reason = f": “{clip(flowing(taken.reason), MAX_REASON)[0]}”" if taken.reason.strip() else ""
        shown.append(f"{taken.type} by {name_of(taken.by, names)}, {times.utc(taken.at)}{reason}")
    return "\n".join(shown)


def _conversation(asked: Sequence[Question], names: Mapping[str, str]) -> str:
    said = []
    for one in asked:
        said.append(f"{name_of(one.asked_by, names)} asked, {times.utc(one.asked_at)}: “{flowing(one.question)}”")
        if one.answered_by is None or one.answered_at is None:
            said.append("   (no answer yet)")
            continue
        by = "The agent" if one.answered_by.startswith(AGENT) else name_of(one.answered_by, names)
        said.append(f"   {by} answered, {times.utc(one.answered_at)}: “{flowing(one.answer)}”")
    return "\n".join(said)


def _record(request: Request, *, traced: bool = False) -> str:
    lines = [
        f"Request {request.id}, version {request.version}, {request.status}, tier {request.tier}",
        f"Run {request.run_id} of {request.workflow}, turn {request.turn}",
        f"Action {request.action_type}, policy version {request.policy_version}",
        *(_promises(request) if request.kind in (Kind.ACTION, Kind.REVIEW) else ()),
        f"Digest {request.digest}",
        *([f"Trace {trace_id(request.run_id)}"] if traced else ()),
    ]
    return "\n".join(lines)


def _promises(request: Request) -> tuple[str, str]:
    return "Can be undone." if request.reversible else "Can't be undone.", _PROMISES[request.effect_class]

"""Details: all that somebody needs who takes over, under fixed headings, the arguments whole and first.

Where the card could not show all of it, this modal carries Approve: the full text was opened.
"""

from typing import Any

from bot.cards import kit
from bot.cards.arguments import FULL, asked, texts, written
from bot.cards.buttons import approvable
from bot.cards.kinds import wording
from bot.ids import DETAILS, HAND, Origin, Ref
from bot.modals import sections, trail, turns
from bot.modals.approve import approval_reason
from bot.modals.bundle import as_json, text_of
from bot.modals.code import code_field
from bot.modals.frame import modal, read_reason
from bot.modals.handover import Handover, Part, handover
from bot.modals.known import Known
from bot.modals.paging import buttons
from bot.modals.sections import told
from bot.modals.sheet import MAX_UNITS, Sheet
from bot.words import Json, one_line
from graph.law.masking import shown_args
from graph.law.request import Kind, Request, Status
from graph.spans import trace_id
from graph.verbs.decide import needs_reason


def build(request: Request, ref: Ref, channel: str | None, ts: str | None, known: Known | None = None) -> Json:
    """The modal; `known` is what Gatepost knows beside the request. A page that isn't there is the last one."""
    known = known or Known()
    sheet, agent = Sheet(), handover(request.brief.context)
    whole = _asked(sheet, request)
    whole = sheet.add("What is unusual", sections.unusual(request), most=MAX_UNITS) and whole
    page = turns.page(agent.turns, known.page) or turns.page(agent.turns, 0)
    sheet.hold(page.entries if page else ())
    _understand(sheet, request, agent, known)
    sheet.hold(())
    if page:
        sheet.entries(sections.talked(page), page.entries, most=MAX_UNITS)
        turning = buttons(page, ref)
        sheet.blocks += [turning] if turning else []
    _weigh(sheet, request, agent, known)
    if link := kit.link("Open the trace", (known.traces or "").replace("{trace_id}", trace_id(request.run_id))):
        sheet.blocks.append(kit.context(kit.mrkdwn(link)))
    if known.grantable:
        hand = kit.button("Hand to…", HAND, request)
        sheet.blocks.append({"type": "actions", "block_id": "hand", "elements": [hand]})
    submit = wording(request).yes if whole and must_be_read(request) else None
    reason = [approval_reason(request)] if submit and needs_reason(request) else []
    reason += [code_field()] if submit and known.step_up else []
    return modal("Details", DETAILS, Origin(ref, channel, ts), [*sheet.close(), *reason], submit)


def parse(state: object, request: Request) -> tuple[str, dict[str, str]]:
    """The reason where approving needs one, and errors by block_id."""
    return read_reason(state) if needs_reason(request) else ("", {})


def must_be_read(request: Request) -> bool:
    """Whether approving needs this page, because the card can't show everything."""
    return request.status is Status.PENDING and not approvable(request)


def _asked(sheet: Sheet, request: Request) -> bool:
    """The question and the arguments, never shortened: whether they are whole."""
    question = sheet.add("What is asked", asked(request), most=MAX_UNITS)
    shown = texts(request)
    long = [name for name, text in shown.items() if len(text) > FULL]
    short = [f"{one_line(name)}: {one_line(text)}" for name, text in shown.items() if name not in long]
    values = [sheet.add("Arguments", "\n".join(short), most=MAX_UNITS)]
    nested = shown_args(request.form, request.args)
    values += [_argument(sheet, name, nested[name]) for name in long]
    sheet.add(f"On {wording(request).yes}", "" if request.kind is Kind.REVIEW else request.form.after_approve)
    return question and all(values)


def _argument(sheet: Sheet, name: str, value: Any) -> bool:
    text = as_json(value) if isinstance(value, dict | list) else written(value)
    return sheet.add(f"{one_line(name)} ({len(text)} characters)", text, most=MAX_UNITS)


def _understand(sheet: Sheet, request: Request, agent: Handover, known: Known) -> None:
    """What it is about and how it came to this."""
    asking = "Why it ran alone" if request.kind is Kind.REVIEW else "Why a person is asked"
    sheet.entries(asking, sections.why(request, agent, known), most=14_000)
    waits = [("If it waits", request.brief.cost_of_delay)]
    sheet.entries("Recommendation (agent says)", [*agent.of(Part.RECOMMENDATION), *waits])
    # Many agents give the same words twice: as the reason, which stands above, and as the situation.
    told_above = request.brief.rationale.strip()
    situation = [(label or "Situation", text) for label, text in agent.of(Part.SITUATION) if text != told_above]
    sheet.entries("Goal (agent says)", [*agent.of(Part.GOAL), *situation], most=8000)
    sheet.entries("Customer (agent says)", agent.of(Part.CUSTOMER))
    sheet.entries("Transaction (agent says)", agent.of(Part.TRANSACTION))
    sheet.entries("Done in this run (Gatepost's record)", trail.steps(known.steps, known.names), most=10_000)
    sheet.entries("Tried (agent says)", agent.of(Part.TRIED))


def _weigh(sheet: Sheet, request: Request, agent: Handover, known: Known) -> None:
    """What a decision can rest on, and where all of it can be found again."""
    sheet.entries("Policy context", sections.policy(request, agent, known), most=12_000)
    sheet.entries("Confidence, signal by signal", sections.sure(request, agent))
    sheet.entries("Alternatives", sections.alternatives(request), most=10_000)
    before = [*trail.earlier(known.earlier, known.names), *told(agent, Part.EARLIER)]
    sheet.entries("Earlier decisions on the same thing", before, most=8000)
    sheet.entries("Questions and answers", sections.questions(known.asked, known.names), most=12_000)
    sheet.entries("Also (agent says)", agent.of(Part.OTHER), most=20_000)
    sheet.add("Facts that Gatepost looked at", text_of(request.brief.facts) if request.brief.facts else "")
    sheet.add("Record", sections.record(request, known))

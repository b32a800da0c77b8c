"""The card that waits: the decision, what is unusual, the agent's reason, the time left, the buttons."""

from itertools import chain
from typing import Final

from bot.cards import arguments, flags, kit, times
from bot.cards.view import CardView
from bot.ids import (
    APPROVE,
    CHOICE_DETAILS,
    CHOICE_RESPOND,
    EDIT,
    MORE,
    READ,
    REJECT,
    encode_choice,
    ref_of,
)
from bot.words import Json, clip, flowing, line, plain, run
from graph.law.action import fixed_fields
from graph.law.request import Kind, Request

MAX_WHY: Final = 200
MAX_DELAY: Final = 120
UNDECIDED: Final = "Look where it would have happened, then answer."


def pending_blocks(view: CardView) -> list[Json]:
    """The whole card of a pending request."""
    request = view.request
    blocks = [kit.headline(arguments.headline(request)[0], "decision", request)]
    for part, lines in (("facts", _facts(request)), ("why", _why(request))):
        if lines:
            blocks.append(kit.rich(*lines) | {"block_id": kit.block_id(part, request)})
    blocks.append(kit.context(*_context(view)) | {"block_id": kit.block_id("time", request)})
    if view.open():
        blocks.append(_actions(request))
    return blocks


def approvable(request: Request) -> bool:
    """Whether the card alone shows enough to approve; otherwise Details has to be opened first."""
    return request.kind is Kind.RECONCILE or (arguments.complete(request) and flags.all_shown(request))


def can_edit(request: Request) -> bool:
    """Whether there is an argument that a reviewer may change."""
    properties = set(request.form.schema.get("properties", {}))
    return (
        request.kind is Kind.ACTION
        and bool(properties - fixed_fields(request.form))
        and set(request.args) <= properties
    )


def confidence(request: Request) -> str:
    """The agent's confidence in words; what can't be a probability is called that."""
    stated = request.brief.confidence
    if stated is None:
        return "confidence unknown"
    return f"{stated:.0%} confident" if 0.0 <= stated <= 1.0 else f"confidence not credible ({stated})"


def requester(view: CardView) -> str:
    return f"for {view.name(view.request.requester)}" if view.request.requester else ""


def approvals(view: CardView) -> str:
    """`1 of 2 approvals (Alice)`, or nothing where one person suffices."""
    needed = view.request.approvals_required
    if needed <= 1:
        return ""
    by = ", ".join(view.name(user) for user, _ in view.votes[:5])
    return f"{len(view.votes)} of {needed} approvals" + (f" ({by})" if by else "")


def why(request: Request) -> tuple[str, int]:
    """The agent's reason as the card shows it, and how many characters it leaves out."""
    return clip(flowing(request.brief.rationale), MAX_WHY)


def _facts(request: Request) -> list[Json]:
    rows = [part for row in arguments.rows(request) for part in kit.argument(row.label, row.text)]
    rest = arguments.hidden_names(request)
    return [*rows, *([line(run(rest, bold=True))] if rest else []), *flags.flag_lines(request)]


def _why(request: Request) -> list[Json]:
    if request.kind is Kind.RECONCILE:
        return [line(run(UNDECIDED)), *_known(request)]
    text, hidden = why(request)
    said = [run("Agent says: ", bold=True), run(text or "(no reason given)")]
    if hidden:
        said.append(run(f" ({hidden} more characters in Details)"))
    delay = clip(flowing(request.brief.cost_of_delay), MAX_DELAY)[0]
    return [line(*said), *([kit.labelled("Agent on delay:", delay)] if delay else [])]


def _known(request: Request) -> list[Json]:
    text, _ = why(request)
    return [kit.labelled("Known:", text)] if text else []


def _context(view: CardView) -> list[Json]:
    """What stands in small print: who and how sure, until when, what Approve means."""
    request = view.request
    sure = "" if request.kind is Kind.RECONCILE else confidence(request)
    tier = f"tier {request.tier}" if request.tier > 1 or request.approvals_required > 1 else ""
    undo = "" if request.reversible or request.kind is Kind.RECONCILE else "irreversible"
    after = flowing(request.form.after_approve)
    edited = "edited by a person" if request.revision else ""
    then = "Approve" if request.kind is Kind.ACTION else "“It happened”"
    notes = _dots(tier, approvals(view), undo, edited, flowing(view.run_note))
    small = [notes, f"On {then}: {after}" if after else ""]
    who = _dots(sure, requester(view))
    first = [plain(who, 200)] if who else []
    return [*first, kit.mrkdwn(deadline(view)), *(plain(text, 300) for text in small if text)]


def _dots(*notes: str) -> str:
    return " · ".join(note for note in notes if note)


def deadline(view: CardView) -> str:
    """mrkdwn: the absolute time, what is left of it, and the urgency word."""
    if not view.open():
        return "*Expired*: no decision counts any more"
    due = view.due_at()
    return f"Due {times.local(due)} · *{times.left(due, view.now)}* · urgency {view.urgency()}"


def _actions(request: Request) -> Json:
    elements = list(chain(_deciding(request), [_more(request)]))
    return {"type": "actions", "block_id": kit.block_id("buttons", request), "elements": elements}


def _deciding(request: Request) -> list[Json]:
    if request.kind is Kind.RECONCILE:
        return [
            kit.button("It happened", APPROVE, request),
            kit.button("It did not happen…", REJECT, request),
        ]
    first = kit.button("Approve", APPROVE, request, "primary")
    if not approvable(request):
        first = kit.button("Read in full…", READ, request)
    modify = [kit.button("Modify…", EDIT, request)] if can_edit(request) else []
    return [first, *modify, kit.button("Reject…", REJECT, request, "danger")]


def _more(request: Request) -> Json:
    ref = ref_of(request)
    options = [{"text": plain("Details"), "value": encode_choice(CHOICE_DETAILS, ref)}]
    if request.kind is Kind.ACTION:
        options.append({"text": plain("Take over…"), "value": encode_choice(CHOICE_RESPOND, ref)})
    return {"type": "overflow", "action_id": MORE, "options": options}

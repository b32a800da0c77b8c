"""The card that waits: the decision, what is unusual, the agent's reason, the time left, the buttons."""

from datetime import timedelta
from itertools import chain
from typing import Final

from bot.cards import arguments, flags, kit, times
from bot.cards.alternatives import choosable
from bot.cards.brake import stopped_line
from bot.cards.context import context
from bot.cards.kinds import wording
from bot.cards.talk import talk_blocks
from bot.cards.view import CardView
from bot.ids import (
    APPROVE,
    APPROVE_FORM,
    CHOICE_ASK,
    CHOICE_CLAIM,
    CHOICE_DETAILS,
    CHOICE_HAND,
    CHOICE_RELEASE,
    CHOICE_RESPOND,
    EDIT,
    MORE,
    READ,
    REJECT,
    RESPOND,
    encode_choice,
    ref_of,
)
from bot.words import Json, clip, flowing, line, plain, run
from graph.law.action import fixed_fields
from graph.law.request import Kind, Outcome, Request
from graph.law.routing import RouteKind
from graph.verbs.decide import needs_reason

MAX_WHY: Final = 200
MAX_DELAY: Final = 120
_LEADS: Final = {
    Kind.RECONCILE: "Look where it would have happened, then answer.",
    Kind.CHECKPOINT: "Stopping undoes what can be undone.",
    Kind.REVIEW: "It ran alone and stands unless you say otherwise.",
}
_HANDED_OVER: Final = "The agent is too unsure to go on: take over, or approve it against its doubts."
_GONE: Final = "It ran alone and was undone meanwhile."


def pending_blocks(view: CardView) -> list[Json]:
    """The whole card of a pending request; of one that went up, only where it went."""
    request = view.request
    if view.went_to:
        moved = kit.context(plain(moved_up(view), 300)) | {"block_id": kit.block_id("moved", request)}
        return [kit.headline(arguments.headline(request)[0], "decision", request), moved]
    blocks = [kit.headline(arguments.headline(request)[0], "decision", request)]
    if view.stop:
        stopped = kit.context(plain(stopped_line(view), 400)) | {"block_id": kit.block_id("stopped", request)}
        blocks.append(stopped)
    for part, lines in (("facts", _facts(request)), ("why", _why(view))):
        if lines:
            blocks.append(kit.rich(*lines) | {"block_id": kit.block_id(part, request)})
    blocks.append(kit.context(*context(view)) | {"block_id": kit.block_id("time", request)})
    blocks += talk_blocks(view)
    if view.open():
        blocks.append(_actions(view))
    return blocks


def moved_up(view: CardView) -> str:
    """`⬆️ Went up to tier 2 (#approvals-tier-2) at 14:15 UTC: nobody of tier 1 decided in time.`"""
    request = view.request
    at = f"{request.since:%H:%M} UTC"
    why = f": {flowing(request.moved_why)}" if request.moved_why else ""
    return f"⬆️ Went up to tier {request.tier} ({view.went_to}) at {at}{why}. The buttons are there."


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


def can_modify(request: Request) -> bool:
    """Whether a reviewer may change an argument or choose another of the agent's ideas."""
    return can_edit(request) or bool(choosable(request))


def why(request: Request) -> tuple[str, int]:
    """The agent's reason as the card shows it, and how many characters it leaves out."""
    return clip(flowing(request.brief.rationale), MAX_WHY)


def _facts(request: Request) -> list[Json]:
    rows = [part for row in arguments.rows(request) for part in kit.argument(row.label, row.text)]
    rest = arguments.hidden_names(request)
    # What is unusual stands right under the question: it is why somebody looks.
    return [*flags.flag_lines(request), *rows, *([line(run(rest, bold=True))] if rest else [])]


def handed_over(request: Request) -> bool:
    """Whether the agent is too unsure to go on, so that a person is to do it."""
    return request.kind is Kind.ACTION and request.route == RouteKind.TAKEOVER


def lead(view: CardView) -> str:
    """What stands before anything the agent says; nothing on an ordinary card."""
    if handed_over(view.request):
        return _HANDED_OVER
    undone = view.effect is not None and view.effect.status is Outcome.COMPENSATED
    return _GONE if view.request.kind is Kind.REVIEW and undone else _LEADS.get(view.request.kind, "")


def _why(view: CardView) -> list[Json]:
    request = view.request
    first = [line(run(lead(view)))] if lead(view) else []
    text, hidden = why(request)
    if request.kind in (Kind.RECONCILE, Kind.CHECKPOINT):
        return [*first, *([kit.labelled("Known:", text)] if text else [])]
    said = [run("Agent says: ", bold=True), run(text or "(no reason given)")]
    if hidden:
        said.append(run(f" ({hidden} more characters in Details)"))
    waits = cost_of_delay(view)
    return [*first, line(*said), *([kit.labelled("Delay:", waits)] if waits else [])]


def cost_of_delay(view: CardView) -> str:
    """What waiting costs, as the agent says, and how long an answer usually takes: `usual answer 3 min`."""
    request = view.request
    said = "" if request.kind is Kind.REVIEW else clip(flowing(request.brief.cost_of_delay), MAX_DELAY)[0]
    usual = f"usual answer {times.span(timedelta(seconds=view.usual_seconds))}" if view.usual_seconds else ""
    # Ours first: whatever the agent writes can't pose as the rest of it.
    return " · ".join(text for text in (usual, f"agent says “{said}”" if said else "") if text)


def _actions(view: CardView) -> Json:
    request = view.request
    elements = list(chain(_deciding(view), [_more(view)]))
    return {"type": "actions", "block_id": kit.block_id("buttons", request), "elements": elements}


def _deciding(view: CardView) -> list[Json]:
    request = view.request
    words, plain_answer = wording(request), request.kind is Kind.RECONCILE
    if not view.approvable():
        return [kit.button(words.no, REJECT, request, "danger")]
    if handed_over(request):
        take = kit.button("Take over…", RESPOND, request, "primary")
        return [take, _yes(request, None), kit.button(words.no, REJECT, request, "danger")]
    modify = [kit.button("Modify…", EDIT, request)] if can_modify(request) else []
    no = kit.button(words.no, REJECT, request, None if plain_answer else "danger")
    return [_yes(request, None if plain_answer else "primary"), *modify, no]


def _yes(request: Request, style: str | None) -> Json:
    """Approve; or what has to come before it: reading all of it, saying why."""
    if not approvable(request):
        return kit.button("Read in full…", READ, request)
    if needs_reason(request):
        return kit.button(f"{wording(request).yes}…", APPROVE_FORM, request, style)
    return kit.button(wording(request).yes, APPROVE, request, style)


def first_button(request: Request) -> str:
    """What the first button says."""
    return str(_yes(request, None)["text"]["text"])


def _more(view: CardView) -> Json:
    """What else there is to do: at most the five entries that Slack shows."""
    ref = ref_of(view.request)
    entries = [
        (CHOICE_DETAILS, "Details"),
        *([(CHOICE_RESPOND, "Take over…")] if view.request.kind is Kind.ACTION and view.approvable() else []),
        (CHOICE_RELEASE, "Let go") if view.looking() else (CHOICE_CLAIM, "I'm looking at it"),
        (CHOICE_ASK, "Ask…"),
        (CHOICE_HAND, "Hand to…"),
    ]
    options = [{"text": plain(label), "value": encode_choice(choice, ref)} for choice, label in entries]
    return {"type": "overflow", "action_id": MORE, "options": options}

"""The parts of Details that tell what Gatepost knows: each as labelled texts, nothing where nothing is known."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.cards import flags, times
from bot.cards.alternatives import choices
from bot.cards.arguments import counted
from bot.cards.view import name_of
from bot.modals import trail
from bot.modals.handover import Handover, Part
from bot.modals.known import Known
from bot.modals.sheet import Entry
from bot.modals.turns import Page
from bot.modals.weighed import because, confidence, risk, routed, rules, weak
from bot.words import flowing, one_line
from graph.law.request import EffectClass, Kind, Request
from graph.spans import trace_id
from graph.verbs.ports import Question
from graph.verbs.ports.talk import AGENT

_PROMISES: Final = {
    EffectClass.IDEMPOTENT: "The receiver recognises a repeated attempt, so it happens at most once.",
    EffectClass.QUERYABLE: "Gatepost can look up whether it happened.",
    EffectClass.OPAQUE: "Nobody but a person could tell whether it happened; it is tried at most once.",
}


def unusual(request: Request) -> str:
    """Every flag, a line each."""
    return "\n".join(flag.spoken() for flag in flags.flags(request))


def why(request: Request, agent: Handover, known: Known) -> list[Entry]:
    """Why a person is asked: the law's reasons and weak signals, the agent's words, what did not go through."""
    return [
        ("Gatepost says", because(request)),
        ("Signals that are weak or unknown", weak(request)),
        ("Agent says", request.brief.rationale),
        *told(agent, Part.DOUBTS),
        ("Did not go through in this run", "\n".join(trail.setbacks(known.steps))),
    ]


def told(agent: Handover, *parts: Part) -> list[Entry]:
    """What the agent says of these parts, among what others say: marked as the agent's."""
    return [(f"Agent says: {label or part}", text) for part in parts for label, text in agent.of(part)]


def talked(page: Page) -> str:
    """`Conversation (agent says), turns 481 to 490 of 500`, the last ten being called that."""
    if page.pages == 1:
        return f"Conversation (agent says), {counted(page.turns, 'turn')}"
    which = f"last {page.last - page.first + 1}" if page.number == 0 else f"turns {page.first} to {page.last}"
    return f"Conversation (agent says), {which} of {page.turns} turns"


def policy(request: Request, agent: Handover, known: Known) -> list[Entry]:
    """How risky it is, which rules apply on what basis, how it was routed, and who has to agree."""
    return [
        ("Risk", risk(request)),
        ("Rules that matched", rules(request)),
        (f"Routed by policy version {request.policy_version}", routed(request)),
        ("Who has to agree", _agreeing(request, known)),
        *told(agent, Part.POLICY),
    ]


def sure(request: Request, agent: Handover) -> list[Entry]:
    """Every signal, with what it rests on."""
    return [("", confidence(request)), *told(agent, Part.CONFIDENCE)]


def alternatives(request: Request) -> list[Entry]:
    """Each under its letter: what would be done, and the agent's words for it."""
    found = []
    for choice in choices(request):
        asked = [] if choice.question == one_line(request.brief.alternatives[choice.index].type) else [choice.question]
        note = [] if choice.choosable else ["(can't be chosen here)"]
        found.append((f"{choice.letter}: {choice.title}", "\n".join([*asked, choice.deed, *note])))
    return found


def questions(asked: Sequence[Question], names: Mapping[str, str]) -> list[Entry]:
    """What people wanted to know, and what they were told."""
    found = []
    for one in asked:
        found.append((f"{name_of(one.asked_by, names)} asked, {times.utc(one.asked_at)}", flowing(one.question)))
        if one.answered_by is None or one.answered_at is None:
            found.append(("", "(no answer yet)"))
            continue
        by = "The agent" if one.answered_by.startswith(AGENT) else name_of(one.answered_by, names)
        found.append((f"{by} answered, {times.utc(one.answered_at)}", flowing(one.answer)))
    return found


def record(request: Request, known: Known) -> str:
    """Ids, digest and what is promised."""
    lines = [
        f"Request {request.id}, version {request.version}, {request.status}, tier {request.tier}",
        f"Run {request.run_id} of {request.workflow}, turn {request.turn}",
        f"Action {request.action_type}, policy version {request.policy_version}",
        *(_promises(request) if request.kind in (Kind.ACTION, Kind.REVIEW) else ()),
        f"Digest {request.digest}",
        *([f"Trace {trace_id(request.run_id)}"] if known.traces is not None else ()),
    ]
    return "\n".join(lines)


def _agreeing(request: Request, known: Known) -> str:
    needed = request.approvals_required
    from_whom = f" ({', '.join(map(one_line, known.reviewers))})" if known.reviewers else ""
    people = "One person" if needed == 1 else f"{needed} different people"
    votes = [f"Approved so far: {name_of(user, known.names)}, {times.utc(at)}" for user, at in known.votes]
    return "\n".join([f"{people} of tier {request.tier}{from_whom}.", *votes])


def _promises(request: Request) -> tuple[str, str]:
    return "Can be undone." if request.reversible else "Can't be undone.", _PROMISES[request.effect_class]

"""Cards and messages of requests that people talk about: claimed, handed on, asked about, withdrawn."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from bot.cards import letters, notice
from bot.cards.samples import ASKED_AT, HOSTILE, NAMES, decision, request
from bot.cards.view import Card, CardView
from graph.law.request import DecisionType, Kind, Status
from graph.verbs.ports import Question

NOW: Final = ASKED_AT + timedelta(minutes=6)
ASKED: Final = Question(
    id="qst_0123456789abcdef0123",
    request_id=request().id,
    asked_by="UALICE",
    question="Which of the two parcels was damaged?",
    asked_at=ASKED_AT + timedelta(minutes=4),
)
AT: Final = ASKED_AT + timedelta(minutes=5)
BY_RITA: Final = replace(ASKED, answered_by="URITA", answer="The second one, there is a photo.", answered_at=AT)
BY_AGENT: Final = replace(ASKED, answered_by="agent:payments", answer="Order 4711 has one parcel.", answered_at=AT)
STRANGE: Final = replace(BY_AGENT, question=HOSTILE, answer=HOSTILE)


def talked_about() -> dict[str, CardView]:
    """The states that people's talk brings about."""
    until = NOW + timedelta(minutes=6)
    held = replace(request(), held_at=ASKED.asked_at, next_step_at=ASKED.asked_at + timedelta(hours=1))
    handed = replace(request(), assigned_to="UBOB", assigned_by="UALICE", assigned_why="he knows the customer")
    strange = replace(handed, assigned_why=HOSTILE, claimed_by="UEVIL", claimed_until=until)
    taken_back = replace(request(), status=Status.CANCELLED, kind=Kind.CHECKPOINT)
    withdrawn = decision(DecisionType.CANCEL, by="URITA", reason="wrong order")
    return {
        "claimed": _view(replace(request(), claimed_by="UALICE", claimed_until=until)),
        "claim_over": _view(replace(request(), claimed_by="UALICE", claimed_until=NOW)),
        "handed_on": _view(handed),
        "asked": _view(held, question=ASKED, unanswered=1),
        "asked_often": _view(held, question=ASKED, unanswered=3),
        "answered": _view(request(), question=BY_RITA),
        "answered_by_agent": _view(request(), question=BY_AGENT),
        "talk_hostile": _view(strange, question=STRANGE, names={**NAMES, "UEVIL": HOSTILE}),
        "withdrawn": _view(replace(request(), status=Status.CANCELLED), decision=withdrawn),
        "checkpoint_withdrawn": _view(taken_back, decision=withdrawn),
    }


def said() -> dict[str, Card]:
    """What is said about questions and withdrawals."""
    plain, odd = _view(request()), _view(request(), names={**NAMES, "UALICE": HOSTILE})
    return {
        "question_in_thread": letters.question_in_thread(plain, ASKED),
        "question_to_requester": letters.to_requester(plain, ASKED),
        "question_hostile": letters.to_requester(odd, STRANGE),
        "answer_in_thread": letters.answer_in_thread(plain, BY_AGENT),
        "answer_to_asker": letters.to_asker(plain, BY_RITA),
        "answer_hostile": letters.to_asker(odd, STRANGE),
        "withdrawal": notice.withdrawn(request()),
    }


def _view(of: Any, **more: Any) -> CardView:
    return CardView(**{"request": of, "now": NOW, "names": NAMES} | more)

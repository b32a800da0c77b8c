"""Ask: a reviewer wants to know more before deciding; the agent or the requester answers, and the clock may wait."""

import secrets
from dataclasses import dataclass, replace

from graph.law.authorization import Person
from graph.law.canonical import storable
from graph.law.request import Request, Status
from graph.law.words import answer_problem, made_storable, question_problem
from graph.verbs.approach import Approach, decider, waiting
from graph.verbs.errors import Invalid, NotAllowed, NotFound, Stale
from graph.verbs.escalate import Ladder
from graph.verbs.hold import unhold
from graph.verbs.ports import Question, Store, Tx
from graph.verbs.ports.talk import AGENT

MOST_OPEN = 5
MOST_ANSWER = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What somebody answered at a door; `place` names the message they wrote, if it was one."""

    question_id: str
    user_id: str
    text: str
    via: str
    place: str = ""


async def ask(store: Store, approach: Approach, text: str) -> Question:
    """Ask the agent and the requester. Who may ask is who may decide, for a question can make others wait.

    Raises a `Refusal`.
    """
    if problem := question_problem(text):
        raise Invalid(problem, {"reason": problem})
    async with store.begin() as tx:
        request = await waiting(tx, approach)
        await decider(tx, request, approach.user_id)
        unanswered = [one for one in await tx.talk.of_request(request.id) if one.open]
        if len(unanswered) >= MOST_OPEN:
            raise Stale(f"{MOST_OPEN} questions about this wait for an answer already; decide, or wait for one.")
        now = await tx.now()
        question = Question(
            id="qst_" + secrets.token_hex(10),
            request_id=request.id,
            asked_by=approach.user_id,
            question=text,
            asked_at=now,
        )
        await tx.talk.ask(question)
        await tx.batches.leave([request.id], "somebody asked about it")
        await tx.audit.record(
            "question_asked",
            approach.user_id,
            run_id=request.run_id,
            request_id=request.id,
            question=question.id,
            text=text,
            held=await _hold(tx, request),
            via=approach.via,
            door=approach.door,
        )
        await _tell(tx, request, "question", question, request.requester)
        return question


async def answer_question(store: Store, reply: Reply) -> Question:
    """The requester answers, also where the agent has done so before. Raises a `Refusal`."""
    if problem := answer_problem(reply.text):
        raise Invalid(problem, {"reason": problem})
    async with store.begin() as tx:
        question, request = await answerable(tx, reply.question_id, reply.user_id)
        await _answered(tx, request, question, reply.user_id, reply.text, reply.via, reply.place)
        return question


async def answerable(tx: Tx, question_id: str, user_id: str) -> tuple[Question, Request]:
    """The question and its request, locked, if this person can answer it now; raises a `Refusal`."""
    question, request = await _locked(tx, question_id)
    await _answerer(tx, request, user_id)
    if not question.wants_words:
        raise Stale("This question was answered already.")
    return question, request


async def answer_in_thread(store: Store, request_id: str, user_id: str, text: str, place: str) -> bool:
    """Words of the requester under a card are the answer to what was asked first; False when they aren't one.

    `place` names the message: however often it is delivered, it answers one question.
    """
    if answer_problem(text):
        return False
    async with store.begin() as tx:
        request = await tx.requests.lock(request_id)
        if request is None or request.status is not Status.PENDING:
            return False
        questions = await tx.talk.of_request(request.id)
        unheard = [one for one in questions if one.wants_words]
        if not unheard or any(one.answered_in == place for one in questions):
            return False
        try:
            await _answerer(tx, request, user_id)
        except NotAllowed:
            return False
        question = next((one for one in unheard if one.open), unheard[-1])
        await _answered(tx, request, question, user_id, text, "slack", place)
        return True


async def answer_by_agent(store: Store, question_id: str, text: str | None) -> bool:
    """The agent was asked; without words it has nothing to say. False when the answer came too late."""
    words = made_storable(text or "").strip()[:MOST_ANSWER]
    async with store.begin() as tx:
        try:
            question, request = await _locked(tx, question_id)
        except (Stale, NotFound):
            return False
        await tx.talk.agent_was_asked(question.id)
        if answer_problem(words) or not question.open:
            return False
        by = f"{AGENT}{request.workflow}"
        await _answered(tx, request, question, by, words, "agent")
        return True


async def requesters_person(tx: Tx, request: Request, user_id: str, deed: str) -> Person | None:
    """Whoever asked for it, on any of their accounts; None for a requester whom no directory knows."""
    known = await tx.people.many([user_id, request.requester or ""])
    person, requester = known.get(user_id), known.get(request.requester or "")
    same = person is not None and requester is not None and person.person == requester.person
    if not request.requester or not (same or user_id == request.requester):
        raise NotAllowed(f"Only who asked for this can {deed}.")
    if person is not None and (not person.active or person.bot):
        raise NotAllowed("This account can't be used here.")
    return person


async def _answerer(tx: Tx, request: Request, user_id: str) -> None:
    """Refuse an answer from anybody but the requester, and from outside."""
    person = await requesters_person(tx, request, user_id, "answer")
    if person is not None and (person.guest or person.external):
        raise NotAllowed("Guests and people from outside this organisation can't answer here.")


async def _locked(tx: Tx, question_id: str) -> tuple[Question, Request]:
    """The question as it is while its request is locked."""
    found = await tx.talk.get(question_id) if storable(question_id) else None
    request = await tx.requests.lock(found.request_id) if found else None
    question = await tx.talk.get(question_id) if request else None
    if question is None or request is None:
        raise NotFound("There is no such question.")
    if request.status is not Status.PENDING:
        raise Stale(f"This request is already {request.status}; nobody waits for an answer any more.")
    return question, request


async def _answered(
    tx: Tx, request: Request, question: Question, by: str, text: str, via: str, place: str = ""
) -> None:
    """Write the answer down; when nothing is left open, the clock runs again."""
    await tx.talk.answer(question.id, by, text, place)
    await tx.audit.record(
        "question_answered",
        by,
        run_id=request.run_id,
        request_id=request.id,
        question=question.id,
        text=text,
        via=via,
    )
    if not any(one.open for one in await tx.talk.of_request(request.id)):
        await _resume(tx, request, by)
    await _tell(tx, request, "answer", replace(question, answered_by=by, answered_in=place), question.asked_by)


async def _hold(tx: Tx, request: Request) -> bool:
    """The clock waits for the answer, if the policy says so and it isn't waiting, nor yet to start, already."""
    rules, now = (await tx.policies.current()).policy.questions, await tx.now()
    if not rules.pauses or request.held_at is not None or request.since > now:
        return False
    await tx.talk.hold(request.id, now + rules.at_most)
    return True


async def _resume(tx: Tx, request: Request, by: str) -> None:
    timer = await tx.requests.lock_timer(request.id, due=False)
    if timer is None:
        raise RuntimeError(f"request {request.id} is locked and can't be read")
    now = await tx.now()
    timing = Ladder(tx, await tx.policies.current(), now).timing(timer)
    await unhold(tx, timer, timing, now, by)


async def _tell(tx: Tx, request: Request, kind: str, question: Question, user: str | None) -> None:
    """Owe the words to the Slack threads of the cards that count, and to one person directly."""
    key = f"{question.id}:{question.answered_by or 'asked'}"
    cards = await tx.cards.of_request(request.id)
    # Where the answer was written, it need not be said again.
    written = question.answered_in.partition(":")[0]
    places = [card for card in cards if card.ts and card.tier in (0, request.tier) and card.channel != written]
    owed = {f"{key}:{card.id}": {"question_id": question.id, "card_id": card.id} for card in places}
    if user:
        owed[f"{key}:{user}"] = {"question_id": question.id, "user": user}
    await tx.owed.add_many(kind, owed)
    await tx.cards.touch(request.id)

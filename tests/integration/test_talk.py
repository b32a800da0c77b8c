"""The conversation around a request: claimed, handed on, asked about, answered, withdrawn; and what time does to it."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from graph.flow.answering import answer_once
from graph.flow.runner import Runner
from graph.flow.workflow import Case, Workflow
from graph.law.request import DecisionType, Kind, Request, Status
from graph.verbs.approach import Approach
from graph.verbs.ask import MOST_OPEN, Reply, answer_by_agent, answer_in_thread, answer_question, ask
from graph.verbs.claim import claim, unclaim
from graph.verbs.decide import Answer, decide
from graph.verbs.errors import Invalid, NotAllowed, NotFound, Refusal, Stale
from graph.verbs.ports import Question
from graph.verbs.reassign import reassign
from graph.verbs.report import queue, show
from graph.verbs.report import run as report_run
from graph.verbs.start import start
from graph.verbs.stop import Order, stop
from graph.verbs.sweep import sweep
from graph.verbs.withdraw import Withdrawal, withdraw
from storage.checkpoints import PgCheckpoints
from storage.store import PgStore
from tests.support.clock import Clock
from tests.support.db import DEFAULT_POLICY
from tests.support.slack import pending
from tests.support.toy import Plan, World, toy

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Room:
    """A store, its clock, and what is on record."""

    def __init__(self, store: PgStore) -> None:
        self.store, self.clock = store, Clock(store.engine)

    async def later(self, by: timedelta) -> None:
        await self.clock.forward(by)
        await sweep(self.store)

    async def request(self, asked: Request) -> Request:
        async with self.store.begin() as tx:
            found = await tx.requests.get(asked.id)
        assert found is not None
        return found

    async def question(self, asked: Question) -> Question:
        async with self.store.begin() as tx:
            found = await tx.talk.get(asked.id)
        assert found is not None
        return found

    async def cards(self, asked: Request) -> dict[str, int]:
        """Channel or person → how many renderings were wanted of its card."""
        async with self.store.begin() as tx:
            return {card.target: card.wanted for card in await tx.cards.of_request(asked.id)}

    async def events(self, asked: Request) -> list[str]:
        async with self.store.engine.connect() as connection:
            found = text("select event from audit where request_id = :id order by id")
            return [row.event for row in await connection.execute(found, {"id": asked.id})]

    async def owed(self, kind: str) -> list[dict[str, Any]]:
        async with self.store.engine.connect() as connection:
            found = text("select payload from owed where kind = :kind order by id")
            return [row.payload for row in await connection.execute(found, {"kind": kind})]

    async def policy(self, *changes: tuple[str, str]) -> None:
        source = DEFAULT_POLICY.read_text()
        for old, new in changes:
            assert old in source
            source = source.replace(old, new)
        async with self.store.begin() as tx:
            await tx.policies.apply(source, "test")

    async def ask(self, asked: Request, user: str = "UALICE", words: str = "Which invoice is it?") -> Question:
        return await ask(self.store, by(user, asked), words)

    async def answer(self, question: Question, user: str = "UREQ", words: str = "No. 17") -> Question:
        return await answer_question(self.store, Reply(question_id=question.id, user_id=user, text=words, via="slack"))


def by(user: str, asked: Request, **more: Any) -> Approach:
    return Approach(request_id=asked.id, user_id=user, via="slack", **more)


@pytest.fixture
def room(store: PgStore) -> Room:
    return Room(store)


async def test_a_claim_is_seen_ends_by_itself_and_keeps_nobody_from_deciding(room: Room) -> None:
    asked = await pending(room.store)
    until = await claim(room.store, by("UALICE", asked))
    claimed = await room.request(asked)
    assert (claimed.claimed_by, claimed.claimed_until) == ("UALICE", until)
    assert claimed.version == asked.version, "buttons on cards that are there stay valid"
    drawn = (await room.cards(asked))["#approvals"]
    with pytest.raises(Stale, match="Alice is looking at it until"):
        await claim(room.store, by("UBOB", asked))
    with pytest.raises(Stale, match="not you"):
        await unclaim(room.store, by("UBOB", asked))
    # The first quarter of the SLA has passed by then: one moment, one rendering more, nothing else.
    await room.later(10 * MINUTE + timedelta(seconds=1))
    over = await room.request(asked)
    assert over.looked_at_by(until) is None and (over.tier, over.status) == (1, Status.PENDING)
    assert (await room.cards(asked))["#approvals"] == drawn + 1, "the card no longer says so"
    await claim(room.store, by("UBOB", asked))
    done = await decide(
        room.store,
        Answer(
            request_id=asked.id,
            type=DecisionType.APPROVE,
            user_id="UALICE",
            digest=asked.digest,
            version=asked.version,
            via="slack",
        ),
    )
    assert done.decision is not None
    with pytest.raises(Stale):
        await claim(room.store, by("UALICE", asked))
    found = await room.events(asked)
    assert found == ["request_claimed", "request_claimed", "request_approved"]


async def test_letting_go_makes_room_for_somebody_else(room: Room) -> None:
    asked = await pending(room.store)
    await claim(room.store, by("UALICE", asked))
    await claim(room.store, by("UALICE", asked))
    await unclaim(room.store, by("UALICE", asked))
    with pytest.raises(Stale, match="Nobody"):
        await unclaim(room.store, by("UALICE", asked))
    await claim(room.store, by("UBOB", asked))
    assert (await room.request(asked)).claimed_by == "UBOB"
    assert (await room.events(asked)).count("request_unclaimed") == 1


async def test_two_claim_at_once_and_one_has_it(room: Room) -> None:
    for _ in range(10):
        asked = await pending(room.store)
        both = await asyncio.gather(
            *(claim(room.store, by(user, asked)) for user in ("UALICE", "UBOB")), return_exceptions=True
        )
        assert sorted(isinstance(each, Stale) for each in both) == [False, True], both
        assert (await room.events(asked)).count("request_claimed") == 1


@pytest.mark.parametrize("user", ["UREQ", "UCARA", "UGONE", "UGUEST", "UEXT", "UBOTX", "UNOBODY"])
async def test_who_could_not_decide_it_takes_no_part(room: Room, user: str) -> None:
    asked = await pending(room.store)
    with pytest.raises(NotAllowed):
        await claim(room.store, by(user, asked))
    with pytest.raises(NotAllowed):
        await ask(room.store, by(user, asked), "Why so much?")
    with pytest.raises(NotAllowed):
        await reassign(room.store, by(user, asked), "UBOB")
    assert await room.request(asked) == asked and await room.events(asked) == []


async def test_what_was_seen_must_be_what_is_there(room: Room) -> None:
    asked = await pending(room.store)
    with pytest.raises(Stale):
        await claim(room.store, by("UALICE", asked, version=asked.version + 1))
    with pytest.raises(Stale):
        await claim(room.store, by("UALICE", asked, digest="0" * 16))
    with pytest.raises(Stale, match="copy"):
        await claim(room.store, by("UALICE", asked, where=("C0COPY", "1.1")))
    with pytest.raises(NotFound):
        await claim(room.store, Approach(request_id="req_\0", user_id="UALICE", via="slack"))


async def test_handing_on_gives_the_card_to_somebody_who_could_decide(room: Room) -> None:
    asked = await pending(room.store)
    await claim(room.store, by("UALICE", asked))
    with pytest.raises(NotAllowed, match=r"Cara could not decide it .*not a reviewer of tier 1.*Alice, Bob"):
        await reassign(room.store, by("UALICE", asked), "UCARA")
    with pytest.raises(NotAllowed, match="You asked for this yourself"):
        await reassign(room.store, by("UALICE", asked), "UREQ")
    with pytest.raises(Invalid):
        await reassign(room.store, by("UALICE", asked), "UBOB", "x" * 3001)
    await reassign(room.store, by("UALICE", asked), "UBOB", "he knows the customer")
    handed = await room.request(asked)
    assert (handed.assigned_to, handed.assigned_by, handed.assigned_why) == ("UBOB", "UALICE", "he knows the customer")
    assert handed.claimed_by is None and handed.version == asked.version
    assert set(await room.cards(asked)) == {"#approvals", "UBOB"}
    await room.later(16 * MINUTE)
    up = await room.request(asked)
    assert (up.tier, up.assigned_to, up.assigned_by) == (2, None, None), "it was handed on within the tier before"
    assert (await room.events(asked))[:2] == ["request_claimed", "request_assigned"]


async def test_an_operator_may_hand_on_what_they_could_not_decide(room: Room) -> None:
    await room.policy(('operators = ["@tier-3-managers"]', 'operators = ["UOUT"]'))
    asked = await pending(room.store)
    await reassign(room.store, by("UOUT", asked), "UBOB")
    assert (await room.request(asked)).assigned_to == "UBOB"


async def test_a_question_stops_the_clock_until_it_is_answered(room: Room) -> None:
    asked = await pending(room.store)
    question = await room.ask(asked)
    held = await room.request(asked)
    assert held.held_at is not None and held.next_step_at == held.held_at + HOUR
    assert held.version == asked.version
    await room.later(50 * MINUTE)
    still = await room.request(asked)
    assert (still.tier, still.status, still.asked_at) == (1, Status.PENDING, asked.asked_at), "no step meanwhile"
    assert await room.owed("reminder") == []
    await room.answer(question)
    going = await room.request(asked)
    assert going.held_at is None and asked.expires_at and going.expires_at
    for moved in (going.since - asked.since, going.expires_at - asked.expires_at):
        assert 50 * MINUTE <= moved < 51 * MINUTE, "all its times are later by as long as it stood still"
    answered = await room.question(question)
    assert (answered.answered_by, answered.answer) == ("UREQ", "No. 17")
    with pytest.raises(Stale, match="answered already"):
        await room.answer(question)
    await room.later(16 * MINUTE)
    assert (await room.request(asked)).tier == 2, "and then it goes its way"
    found = await room.events(asked)
    assert found[:3] == ["question_asked", "question_answered", "clock_resumed"]
    assert [each["user"] for each in await room.owed("question")] == ["UREQ"]
    assert [each["user"] for each in await room.owed("answer")] == ["UALICE"]


async def test_the_clock_waits_no_longer_than_the_policy_says(room: Room) -> None:
    asked = await pending(room.store)
    await room.ask(asked)
    await room.later(HOUR)
    going = await room.request(asked)
    assert going.held_at is None and (going.tier, going.status) == (1, Status.PENDING)
    assert going.since - asked.since >= HOUR
    assert "clock_resumed" in await room.events(asked)
    await room.later(16 * MINUTE)
    assert (await room.request(asked)).tier == 2
    assert (await show(room.store, asked.id))["questions"][0]["answered_by"] is None


async def test_where_the_policy_says_so_the_clock_runs_on(room: Room) -> None:
    await room.policy(("pauses = true", "pauses = false"))
    asked = await pending(room.store)
    await room.ask(asked)
    assert (await room.request(asked)).held_at is None
    await room.later(16 * MINUTE)
    assert (await room.request(asked)).tier == 2


async def test_it_can_be_decided_while_a_question_is_open(room: Room) -> None:
    asked = await pending(room.store)
    question = await room.ask(asked)
    # Later than it would have expired, had its clock not stood still.
    await room.clock.forward(timedelta(days=5))
    await decide(
        room.store,
        Answer(request_id=asked.id, type=DecisionType.APPROVE, user_id="UBOB", digest=asked.digest, via="cli"),
    )
    assert (await room.request(asked)).status is Status.APPROVED
    with pytest.raises(Stale, match="already approved"):
        await room.answer(question)


async def test_a_claim_while_the_clock_stands_still_lets_it_stand(room: Room) -> None:
    asked = await pending(room.store)
    await room.ask(asked)
    await claim(room.store, by("UALICE", asked))
    await room.later(11 * MINUTE)
    assert (await room.request(asked)).held_at is not None


async def test_the_clock_runs_when_the_last_question_is_answered(room: Room) -> None:
    asked = await pending(room.store)
    questions = [await room.ask(asked, words=f"Question {number}?") for number in range(MOST_OPEN)]
    with pytest.raises(Stale, match="wait for an answer already"):
        await room.ask(asked)
    for question in questions[:-1]:
        await room.answer(question)
    assert (await room.request(asked)).held_at is not None
    await room.answer(questions[-1])
    assert (await room.request(asked)).held_at is None


async def test_only_the_requester_answers_on_any_account(room: Room) -> None:
    asked = await pending(room.store, requester="UDIRK")
    question = await room.ask(asked)
    for user in ("UALICE", "UBOB", "UNOBODY", "UGONE"):
        with pytest.raises(NotAllowed, match="Only who asked for this"):
            await room.answer(question, user)
    for words in ("", "\u200b", "x" * 3001, "a\0b"):
        with pytest.raises(Invalid):
            await room.answer(question, "UDIRK", words)
    await room.answer(question, "UDIRK2")
    assert (await room.question(question)).answered_by == "UDIRK2"
    with pytest.raises(NotFound):
        await room.answer(Question(id="qst_x", request_id="", asked_by="", question="", asked_at=asked.created_at))


async def test_a_reply_under_the_card_answers_what_was_asked_first_once(room: Room) -> None:
    asked = await pending(room.store)
    first, second = await room.ask(asked, words="First?"), await room.ask(asked, words="Second?")

    async def reply(user: str, words: str, place: str) -> bool:
        return await answer_in_thread(room.store, asked.id, user, words, place)

    assert not await reply("UBOB", "I know!", "C1:1")
    assert not await reply("UREQ", " ", "C1:2")
    assert await reply("UREQ", "one", "C1:3")
    assert not await reply("UREQ", "one", "C1:3"), "delivered twice"
    assert await reply("UREQ", "two", "C1:4")
    assert not await reply("UREQ", "by the way", "C1:5"), "nothing is asked any more"
    assert [(await room.question(each)).answer for each in (first, second)] == ["one", "two"]


class Knowing(Plan):
    """The plan's agent, and what it says when it is asked."""

    def __init__(self, says: Any) -> None:
        self.says, self.heard = says, list[tuple[Case, str]]()

    async def answer(self, case: Case, question: str) -> str | None:
        self.heard.append((case, question))
        if isinstance(self.says, Exception):
            raise self.says
        return self.says  # type: ignore[no-any-return]


class House:
    """Real runs of the toy workflow, whose agent answers so."""

    def __init__(self, store: PgStore, world: World, says: Any = None) -> None:
        shown = toy(world)
        self.agent = Knowing(says)
        workflow = Workflow(
            name=shown.name, title=shown.title, agent=self.agent, actions=shown.actions, demo_cases=shown.demo_cases
        )
        self.store, self.world, self.workflows = store, world, {"toy": workflow}
        self.runner = Runner(store, PgCheckpoints(store), self.workflows, lease_seconds=5)

    async def propose(self, *plan: str, key: str = "k1") -> str:
        run = await start(self.store, "toy", {"plan": list(plan)}, key=key, requester="UREQ")
        await self.settle()
        return run.id

    async def settle(self) -> None:
        while await self.runner.work():
            pass

    async def pending(self) -> Request:
        (row,) = await queue(self.store)
        async with self.store.begin() as tx:
            found = await tx.requests.get(row["id"])
        assert found is not None
        return found

    async def approve(self) -> None:
        asked = await self.pending()
        await decide(
            self.store,
            Answer(
                request_id=asked.id,
                type=DecisionType.APPROVE,
                user_id="UALICE",
                digest=asked.digest,
                via="cli",
                reason="looked at it",
            ),
        )
        await self.settle()

    async def answers(self) -> int:
        return await answer_once(self.store, self.workflows)


async def test_the_agent_is_asked_once_and_its_words_are_marked(room: Room, tmp_path: Path) -> None:
    house = House(room.store, World(tmp_path / "world.sqlite"), "It is invoice\0 17.")
    await house.propose("hold", "pay")
    await house.approve()
    asked = await house.pending()
    question = await room.ask(asked)
    assert sum(await asyncio.gather(*(house.answers() for _ in range(4)))) == 1
    ((case, heard),) = house.agent.heard
    assert heard == "Which invoice is it?" and case.waiting["action"] == "pay" and case.input["plan"] == ["hold", "pay"]
    assert [turn.action for turn in case.history] == ["hold"]
    answered = await room.question(question)
    assert (answered.answered_by, answered.answer) == ("agent:toy", "It is invoice␀ 17.")
    assert (await room.request(asked)).held_at is None
    # A person knows better than the agent: their words take its place.
    await room.answer(question, words="No, 18")
    assert (await room.question(question)).answer == "No, 18"
    assert not await answer_by_agent(room.store, question.id, "17!")
    assert (await room.question(question)).answer == "No, 18"


@pytest.mark.parametrize("says", [None, "", 17, RuntimeError("the model is away")])
async def test_an_agent_without_an_answer_leaves_the_question_open(room: Room, tmp_path: Path, says: Any) -> None:
    house = House(room.store, World(tmp_path / "world.sqlite"), says)
    await house.propose("pay")
    asked = await house.pending()
    question = await room.ask(asked)
    assert await house.answers() == 1
    assert await house.answers() == 0, "it isn't asked again"
    assert (await room.question(question)).open and (await room.request(asked)).held_at is not None


async def test_a_worker_that_dies_while_it_asks_leaves_it_to_another(room: Room, tmp_path: Path) -> None:
    house = House(room.store, World(tmp_path / "world.sqlite"), "17")
    await house.propose("pay")
    question = await room.ask(await house.pending())
    async with room.store.begin() as tx:
        assert len(await tx.talk.for_agents(["toy"], 4, 120.0)) == 1
        assert not await tx.talk.for_agents(["other"], 4, 120.0)
    assert await house.answers() == 0
    await room.clock.forward(3 * MINUTE)
    assert await house.answers() == 1
    assert not (await room.question(question)).open


async def test_withdrawing_stops_the_run_and_undoes_what_was_done(room: Room, tmp_path: Path) -> None:
    house = House(room.store, World(tmp_path / "world.sqlite"))
    run_id = await house.propose("hold", "pay", "tell")
    await house.approve()
    await house.approve()
    asked = await house.pending()
    with pytest.raises(NotAllowed, match="Only who asked for this"):
        await withdraw(room.store, Withdrawal(request_id=asked.id, user_id="UALICE", via="slack"))
    ended = await withdraw(
        room.store, Withdrawal(request_id=asked.id, user_id="UREQ", via="slack", reason="wrong order")
    )
    assert ended.status is Status.CANCELLED
    await house.settle()
    assert house.world.names() == ["hold", "pay", "undo pay", "undo hold"]
    run = await report_run(room.store, run_id)
    assert (run["status"], run["outcome"]) == ("rolled_back", "The requester withdrew it.")
    found = await show(room.store, asked.id)
    assert (found["decision"]["type"], found["decision"]["by"], found["decision"]["reason"]) == (
        "cancel",
        "UREQ",
        "wrong order",
    )
    assert await room.events(asked) == ["request_opened", "decision_denied", "request_cancelled"]
    with pytest.raises(Stale):
        await withdraw(room.store, Withdrawal(request_id=asked.id, user_id="UREQ", via="slack"))


async def test_a_stop_keeps_nobody_from_withdrawing(room: Room) -> None:
    asked = await pending(room.store, requester="UDIRK")
    await stop(room.store, Order(workflow="all", user_id="UEVE", reason="incident 12", via="cli"))
    await room.clock.forward(timedelta(days=5))
    ended = await withdraw(room.store, Withdrawal(request_id=asked.id, user_id="UDIRK2", via="cli"))
    assert ended.status is Status.CANCELLED


async def test_what_has_happened_and_what_has_expired_can_not_be_withdrawn(room: Room) -> None:
    review = await pending(room.store, kind=Kind.REVIEW)
    with pytest.raises(NotAllowed, match="has happened"):
        await withdraw(room.store, Withdrawal(request_id=review.id, user_id="UREQ", via="slack"))
    asked = await pending(room.store)
    await room.clock.forward(timedelta(days=5))
    with pytest.raises(Stale, match="expired"):
        await withdraw(room.store, Withdrawal(request_id=asked.id, user_id="UREQ", via="slack"))
    with pytest.raises(NotFound):
        await withdraw(room.store, Withdrawal(request_id="req_\0", user_id="UREQ", via="slack"))


async def test_withdrawn_or_approved_but_never_both(room: Room) -> None:
    for _ in range(100):
        asked = await pending(room.store)
        approval = Answer(
            request_id=asked.id, type=DecisionType.APPROVE, user_id="UALICE", digest=asked.digest, via="slack"
        )
        wish = Withdrawal(request_id=asked.id, user_id="UREQ", via="slack")
        both = await asyncio.gather(decide(room.store, approval), withdraw(room.store, wish), return_exceptions=True)
        lost = [each for each in both if isinstance(each, BaseException)]
        assert len(lost) == 1 and isinstance(lost[0], Refusal), both
        found = await room.request(asked)
        assert found.status in (Status.APPROVED, Status.CANCELLED)
        assert len([event for event in await room.events(asked) if event in _ENDS]) == 1


_ENDS = ("request_approved", "request_cancelled")

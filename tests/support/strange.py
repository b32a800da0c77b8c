"""Requests and views made of random words: whatever agents, people and databases could ever say."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from bot.cards.examples import NOW
from bot.cards.samples import CREDIT, REFUND_SCHEMA, decision, effect, request
from bot.cards.view import CardView
from graph.law.confidence import Signal
from graph.law.request import (
    Alternative,
    Brief,
    DecisionType,
    Form,
    Kind,
    Match,
    Outcome,
    Reason,
    Request,
    Risk,
    Status,
)
from graph.law.words import made_storable
from graph.verbs.ports import Question

Words = st.SearchStrategy[str]
NASTY = st.sampled_from(
    [
        *(
            "<!channel>",
            "<@U1>",
            "<#C1>",
            "<http://x|y>",
            "<!date^1^{date}|x>",
            "&amp;",
            "```",
            "*b*",
            ":joy:",
            "@here",
        ),
        *("\u202e", "\u200b", "\0", "\ud800", "\U000e0041", "\x1b[2K", "\r", "\x85", "\u2028", "\ufeff", "\ue000"),
        *(
            "e" + "\u0301" * 9,
            "\u05e9\u05dc\u05d5\u05dd",
            "\u0645\u0631\u062d\u0628\u0627",
            "👨‍👩‍👧",
            "🏴\U000e0067\U000e007f",
            "1️⃣",
        ),
    ]
)
WORDS: Words = st.lists(st.text(max_size=40) | NASTY, max_size=8).map("".join).map(made_storable)
CONFIDENCE = st.none() | st.floats()
ROLES = st.sampled_from(["conversation", "tried", "customer", "goal", "errors", "transaction", "confidence"])


@dataclass(frozen=True, slots=True)
class Strange:
    """Strategies whose every text is made of these words."""

    words: Words = WORDS

    def long(self) -> Words:
        return st.tuples(self.words, st.integers(0, 4000)).map(lambda pair: pair[0] * (pair[1] // 40 + 1))

    def json(self) -> st.SearchStrategy[Any]:
        return st.recursive(
            st.none() | st.booleans() | st.integers(-(2**53), 2**53) | self.words,
            lambda inside: st.lists(inside, max_size=4) | st.dictionaries(self.words, inside, max_size=4),
            max_leaves=12,
        )

    def forms(self) -> st.SearchStrategy[Form]:
        titled = self.words.map(lambda title: {"properties": {"order": {"title": title}}})
        return st.builds(
            Form,
            title=self.words,
            question=self.words.map(lambda text: text + "{order} {x}?"),
            schema=st.just(REFUND_SCHEMA) | st.just({}) | titled,
            after_approve=self.words,
        )

    def briefs(self) -> st.SearchStrategy[Brief]:
        option = st.builds(
            Alternative,
            title=self.words,
            type=self.words,
            args=st.dictionaries(self.words, self.json(), max_size=2),
            nature=st.none() | st.just(CREDIT),
        )
        turn = st.fixed_dictionaries({"role": self.words, "text": self.long()})
        return st.builds(
            Brief,
            rationale=self.long(),
            confidence=CONFIDENCE,
            signals=st.dictionaries(self.words, CONFIDENCE, max_size=3),
            flags=st.lists(self.words, max_size=8).map(tuple),
            alternatives=st.lists(option, max_size=30).map(tuple),
            cost_of_delay=self.words,
            context=st.dictionaries(self.words | ROLES, self.json() | st.lists(turn, max_size=12), max_size=4),
            facts=st.dictionaries(self.words, self.json(), max_size=3),
        )

    def args(self) -> st.SearchStrategy[dict[str, Any]]:
        typed = st.fixed_dictionaries({}, optional=dict.fromkeys(REFUND_SCHEMA["properties"], self.json()))
        more = st.dictionaries(self.words, self.json() | self.long(), max_size=4)
        return st.tuples(typed, more).map(lambda pair: pair[0] | pair[1])

    def requests(self) -> st.SearchStrategy[Request]:
        matches = st.builds(
            Match,
            self.words,
            st.just("review"),
            self.words,
            self.words,
            st.sampled_from(["", *Risk]),
            st.none() | st.integers(1, 3),
        )
        judged = {
            "signals": st.dictionaries(st.sampled_from(Signal), CONFIDENCE),
            "computed": st.dictionaries(st.sampled_from(Signal), CONFIDENCE),
            "record": st.fixed_dictionaries(
                {"asked": st.integers(0, 99), "totals": st.dictionaries(self.words, self.words)}
            ),
        }
        return st.builds(
            request,
            form=self.forms(),
            args=self.args(),
            brief=self.briefs(),
            status=st.sampled_from(Status),
            kind=st.sampled_from(Kind),
            requester=st.none() | self.words,
            route=st.sampled_from(["review", "takeover", "auto"]),
            route_why=st.lists(self.words, max_size=3).map(tuple),
            approvals_required=st.integers(1, 3),
            reversible=st.booleans(),
            action_type=self.words,
            risk=st.sampled_from(Risk),
            reasons=st.lists(st.sampled_from(Reason), unique=True).map(tuple),
            matched=st.lists(matches, max_size=4).map(tuple),
            confidence=st.none() | st.floats(0, 1),
            judged=st.just({}) | st.fixed_dictionaries(judged),
            target=st.none() | self.long(),
            revision=st.sampled_from([0, 1]),
            assigned_to=st.none() | st.just("UBOB"),
            assigned_by=st.none() | st.just("UALICE"),
            assigned_why=self.words,
            moved_why=self.words,
            first_tier=st.none() | st.integers(1, 3),
        )

    def questions(self) -> st.SearchStrategy[Question]:
        return st.builds(
            Question,
            id=st.just("qst_0123456789abcdef0123"),
            request_id=st.just("req_0"),
            asked_by=self.words,
            question=self.long(),
            asked_at=st.just(NOW),
            answered_by=st.none() | self.words | st.just("agent:payments"),
            answer=self.long(),
            answered_at=st.none() | st.just(NOW),
        )

    @st.composite
    @staticmethod
    def _views(draw: st.DrawFn, self: "Strange") -> CardView:
        asked, words = draw(self.requests()), self.words
        results = st.none() | st.dictionaries(words, self.json(), max_size=3)
        return CardView(
            request=asked,
            now=NOW + timedelta(minutes=draw(st.integers(-30, 10**6))),
            decision=draw(st.none() | st.builds(decision, st.sampled_from(DecisionType), words, self.long())),
            decided_name=draw(words),
            effect=draw(st.none() | st.builds(effect, st.sampled_from(Outcome), self.long(), results)),
            undo=draw(st.none() | st.builds(effect, st.sampled_from(Outcome))),
            before=draw(st.none() | st.just(asked)),
            changed_by=draw(words),
            votes=tuple((draw(words), NOW) for _ in range(draw(st.integers(0, 3)))),
            run_note=draw(words),
            run_status=draw(st.sampled_from(["", "failed", "strange"])),
            followup=draw(st.none() | st.just(asked)),
            followup_url=draw(words | st.just("https://x.slack.com/archives/C1/p1")),
            went_to=draw(st.just("") | words),
            question=draw(st.none() | self.questions()),
            unanswered=draw(st.integers(0, 3)),
            names=draw(st.dictionaries(words, words, max_size=2)),
        )

    def views(self) -> st.SearchStrategy[CardView]:
        return Strange._views(self)

"""People and callers: runs that are proposed in bursts, and reviewers who look into Slack sooner, later or never.

Reviewers know only what Slack shows them: they click what is on a message, and come back when nothing answers.
"""

import functools
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from graph.law.request import DecisionType
from graph.verbs.decide import Answer, decide
from graph.verbs.errors import NotAllowed, Refusal
from graph.verbs.start import start
from graph.verbs.withdraw import Withdrawal, withdraw
from storage.store import PgStore
from tests.sim.law import RUNGS, channel_of
from tests.sim.replica import AWAY
from tests.sim.slack import Message, SimSlack

STRANGERS: Final = ("UREQ", "UGONE", "UGUEST", "UBOTX", "UOUT")
MINUTE: Final = timedelta(minutes=1)
_GIVEN_UP: Final = 8
"""So often somebody comes back to a card that nothing can be done on."""


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody was told, which may not be lost: their answer was recorded."""

    request_id: str
    kind: str
    user: str
    at: datetime
    vote: bool


def patience(rng: random.Random) -> timedelta | None:
    """How long until somebody looks at a new card: minutes, hours, up to three days; None: nobody ever does."""
    look = timedelta(minutes=5)
    kind = rng.choices(("soon", "hours", "days", "edge", "never"), (62, 18, 8, 4, 8))[0]
    match kind:
        case "soon":
            wait = timedelta(minutes=min(600.0, rng.lognormvariate(1.6, 1.0)))
            # Whoever looks into Slack answers what else is there as well.
            return wait if wait < look else look * (wait // look)
        case "hours":
            return look * rng.randint(3, 144)
        case "days":
            return look * rng.randint(144, 864)
        case "edge":
            # Between the end of an SLA and the sweep.
            return RUNGS[rng.choice((1, 2))].sla + timedelta(seconds=rng.uniform(-3, 6))
    return None


class People:
    """`later` asks for a call at a moment; `store` is whichever replica's door a person comes to, if one is up."""

    def __init__(
        self,
        rng: random.Random,
        slack: SimSlack,
        now: Callable[[], datetime],
        later: Callable[[timedelta, Callable[[], Any]], None],
        store: Callable[[], PgStore | None],
    ) -> None:
        self._rng, self._slack, self._now, self._later, self._store = rng, slack, now, later, store
        self.started: dict[str, str] = {}
        """Taken proposals: the key and the run it was told to be."""
        self.told: list[Told] = []
        self.refused: dict[str, int] = {}
        self._seen: set[str] = set()

    async def propose(self, key: str, tries: int = 0) -> None:
        """Propose until it is taken, always under the same key."""
        dice = random.Random(key)
        plan = [dice.choice(("hold", "pay", "pay", "pay", "tell")) for _ in range(dice.choice((1, 1, 2, 3)))]
        case = {
            "plan": plan,
            "amount": dice.choice(("50.00", "420.00", "420.00", "420.00", "6000.00", "60000.00")),
            "confidence": dice.choice((0.5, 0.7, 0.8, 0.95)),
        }
        store = self._store()
        if store is not None:
            try:
                run = await start(store, "toy", case, key=key, requester=dice.choice((None, "UREQ")))
                self.started[key] = run.id
                return
            except AWAY:
                self._count("no answer")
        self._later(MINUTE * min(30, 2**tries), lambda: self.propose(key, tries + 1))

    def look(self) -> None:
        """Notice new cards, and plan when somebody will have a look at each."""
        for message in self._slack.fresh:
            request = message.request_id
            if request and request not in self._seen:
                self._seen.add(request)
                if self._rng.random() < 0.02:
                    self._later(MINUTE * self._rng.randint(1, 300), functools.partial(self._withdraw, request))
                wait = patience(self._rng)
                if wait is not None:
                    self._later(wait, functools.partial(self.answer, request))
        self._slack.fresh.clear()

    async def answer(self, request: str, tries: int = 0) -> None:
        """Look at a request's cards and answer on one of them; two at once now and then."""
        live = self._slack.live(request)
        store = self._store()
        if not live or store is None or (self._slack.trouble == "down" and self._rng.random() < 0.8):
            if tries < _GIVEN_UP:
                self._later(timedelta(minutes=20 * (tries + 1)), lambda: self.answer(request, tries + 1))
            return
        crowd = 2 if self._rng.random() < 0.1 else 1
        ended = [await self._click(store, request, self._rng.choice(live)) for _ in range(crowd)]
        if not any(ended) and tries < _GIVEN_UP:
            self._later(timedelta(minutes=self._rng.uniform(1, 30)), lambda: self.answer(request, tries + 1))

    async def _withdraw(self, request: str) -> None:
        """The requester doesn't want it any more."""
        store = self._store()
        if store is None or self._slack.trouble == "down":
            return
        try:
            await withdraw(store, Withdrawal(request_id=request, user_id="UREQ", via="slack"))
        except Refusal as refusal:
            self._count(f"withdrawal {refusal.code}")
        except AWAY:
            self._count("no answer")
        else:
            self.told.append(Told(request, "cancel", "UREQ", self._now(), False))

    async def _click(self, store: PgStore, request: str, card: Message) -> bool:
        """One answer, by the card's buttons (or its code at the terminal); True when the request is decided."""
        ref = next(card.buttons())
        by_hand = self._slack.trouble == "down"
        user, (kind, more) = self._who(card), self._mood(request)
        answer = Answer(
            request_id=ref.request_id,
            type=DecisionType(kind),
            user_id=user,
            digest=ref.digest,
            version=ref.version,
            via="cli" if by_hand else "slack",
            where=None if by_hand else (card.channel, card.ts),
            **more,
        )
        try:
            decided = await decide(store, answer)
        except Refusal as refusal:
            self._count(refusal.code)
            return not isinstance(refusal, NotAllowed) and refusal.code == "stale"
        except AWAY:
            self._count("no answer")
            return False
        self.told.append(Told(request, kind, user, self._now(), decided.decision is None))
        return decided.decision is not None

    def _who(self, card: Message) -> str:
        if self._rng.random() < 0.03:
            return self._rng.choice(STRANGERS)
        if card.channel.startswith("D"):
            return "U" + card.channel[1:]
        rung = next(rung for tier, rung in RUNGS.items() if channel_of(tier) == card.channel)
        return self._rng.choice(rung.people)

    def _mood(self, request: str) -> tuple[str, dict[str, Any]]:
        kind = self._rng.choices(("approve", "reject", "edit", "respond"), (78, 12, 6, 4))[0]
        if kind == "edit":
            args = {"order": "4711", "amount": self._rng.choice(("9.99", "410.00", "6000.00")), "currency": "EUR"}
            return kind, {"args": args, "reason": "less is enough"}
        return kind, {"reason": "looked at the order"}

    def _count(self, what: str) -> None:
        self.refused[what] = self.refused.get(what, 0) + 1

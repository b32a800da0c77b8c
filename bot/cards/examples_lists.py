"""Lists for one person's eyes in every state: pages of the queue, the Home tab, what was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from bot.cards import queue
from bot.cards.brake import Brake
from bot.cards.examples_stop import LATER, STOP
from bot.cards.examples_talk import ASKED
from bot.cards.home import MAX_ROWS, Desk, home
from bot.cards.rowlist import Sites
from bot.cards.samples import (
    ASKED_AT,
    COSTLY,
    HOSTILE,
    LONG,
    MAIL,
    NAMES,
    REFUND_ARGS,
    decided,
    decision,
    effect,
    request,
)
from bot.cards.view import Card, CardView
from bot.words import Json
from graph.law.looking import Filter
from graph.law.request import DecisionType, Kind, Outcome, Request, Risk, Status, request_id
from graph.verbs.ports import Incident, Tally, Wrong
from graph.verbs.queue import COUNTED, Page, spot
from graph.verbs.stats import own_figures

NOW: Final = ASKED_AT + timedelta(minutes=3)
URL: Final = "https://example.slack.com/archives/C1/p1"
INCIDENT: Final = Incident(
    id="inc_1",
    request_id=request().id,
    kind=Wrong.DECISION,
    what="The customer had been refunded already, see ticket 8812.",
    reported_by="UBOB",
    person="bob@example.com",
    via="slack",
    at=NOW,
)
_QUESTIONS: Final = (20, 25, 40, 120, 420)


def pages(odd: Sequence[Request]) -> dict[str, Card]:
    """Answers to `queue` and `mine`; `odd`: requests that try to be something else."""
    rows, everything = _rows(40), Filter()
    strange = [replace(each, id=request_id("run_odd", n, 0)) for n, each in enumerate(odd)][: queue.MAX_ROWS]
    forged = {strange[0].id: "javascript:alert(1)", strange[1].id: "https://evil|x>"}
    sites = Sites({**_links(rows), **forged}, {rows[2].id: 47})
    first, second, last = rows[:15], rows[15:30], rows[30:]
    none = Sites()
    wide: dict[str, Any] = {"before": 15, "total": 40, "previous": spot(second[0])}
    narrow = Filter(mine=True, overdue=True, tier=2, type="payments.refund")
    nothing = Page(types=("content.publish", "payments.refund"))
    own = [request(id=request_id("run_own", n, 0)) for n in range(2)]
    return {
        "queue": queue.queue(Page(requests=first, total=40, next=spot(first[-1])), everything, NOW, sites),
        "queue_second_page": queue.queue(Page(requests=second, next=spot(second[-1]), **wide), everything, NOW, sites),
        "queue_last_page": queue.queue(
            Page(requests=last, before=30, total=40, previous=spot(last[0])), everything, NOW, sites
        ),
        "queue_very_many": queue.queue(
            Page(requests=first, total=COUNTED + 1, next=spot(first[-1])), everything, NOW, sites
        ),
        "queue_filtered": queue.queue(
            Page(requests=first[:2], before=15, total=17, about=True, previous=spot(first[0])), narrow, LATER, sites
        ),
        "queue_odd": queue.queue(Page(requests=strange, total=len(strange)), everything, NOW, sites),
        "queue_empty": queue.queue(Page(), everything, NOW, none),
        "queue_nothing_overdue": queue.queue(Page(), Filter(mine=True, overdue=True), NOW, none),
        "queue_none_of_these": queue.queue(
            Page(total=412, about=True, next=spot(rows[0])), Filter(mine=True), NOW, none
        ),
        "queue_unknown_type": queue.queue(nothing, Filter(type="payments.refnud"), NOW, none),
        "mine": queue.mine(Page(requests=rows[:1], total=1), own, NOW, sites),
        "mine_nothing": queue.mine(Page(), [], NOW, none),
    }


def homes(odd: Sequence[CardView]) -> dict[str, Json]:
    """The Home tab: full, hostile, empty, and while something is stopped."""
    rows = _rows(MAX_ROWS)
    page = Page(requests=rows, total=COUNTED + 1, about=True, next=spot(rows[-1]))
    full = Desk(
        now=NOW,
        page=page,
        waiting=[*map(_view, _various(rows))],
        sites=Sites(_links(rows), {rows[2].id: 47}),
        made=_made(),
        numbers=_numbers(),
        brake=Brake(may_stop=True),
    )
    ids = [request_id("run_odd", n, 0) for n in range(MAX_ROWS)]
    strange = [replace(view, request=replace(view.request, id=name)) for view, name in zip(odd, ids, strict=False)]
    two = [(STOP, "Eve Evans"), (replace(STOP, id=2, workflow="payments", reason=HOSTILE), HOSTILE)]
    many = [(replace(STOP, id=n, workflow=f"workflow_{n}", reason=LONG), HOSTILE) for n in range(60)]
    stopped = [replace(view, stop=STOP, stopped_since=STOP.at, now=LATER) for view in map(_view, rows[:2])]
    busy = [*map(_talked_about, full.waiting)]
    stuck = Brake(stops=many, may_stop=True, may_lift=True)
    two_rows = Page(requests=rows[:2], total=2)
    return {
        "home": home(full),
        "home_odd": home(Desk(now=NOW, page=Page(total=len(strange)), waiting=strange, made=_strange_made())),
        "home_empty": home(Desk(now=NOW)),
        "home_decided_only": home(Desk(now=NOW, made=_made()[:2], numbers=_numbers())),
        "home_brake": home(Desk(now=LATER, brake=Brake(may_stop=True))),
        "home_stopped": home(Desk(now=LATER, page=two_rows, waiting=stopped, brake=Brake(stops=two[:1]))),
        "home_stopped_may": home(Desk(now=LATER, brake=Brake(stops=two, may_stop=True, may_lift=True))),
        "home_everything_at_once": home(replace(full, waiting=busy, brake=stuck)),
    }


def _view(of: Request) -> CardView:
    return CardView(request=of, now=NOW, names=NAMES)


def _talked_about(view: CardView) -> CardView:
    of = replace(view.request, claimed_by="UALICE", claimed_until=NOW + timedelta(minutes=6))
    return replace(view, request=of, question=replace(ASKED, request_id=of.id), unanswered=1)


def _rows(number: int) -> list[Request]:
    """Refunds of several amounts, due one after the other, asked of three tiers."""
    return [
        request(
            args={**REFUND_ARGS, "order": str(4711 + n), "amount": f"{_QUESTIONS[n % 5] + n}.00"},
            id=request_id("run_demo", n, 0),
            sla_seconds=900 + 60 * n,
            tier=1 + n % 3,
        )
        for n in range(number)
    ]


def _various(rows: Sequence[Request]) -> list[Request]:
    """Each with other buttons: to be read in full, to be given a reason, taken over, answered."""
    high: dict[str, Any] = {"impact": Risk.HIGH, "risk": Risk.HIGH, "matched": (COSTLY,), "value": Decimal(420)}
    found = list(rows)
    found[1] = replace(found[1], **high)
    found[2] = request(MAIL, {"to": "jo@shop.example", "body": LONG}, id=found[2].id, sla_seconds=1020)
    found[3] = replace(found[3], route="takeover", confidence=0.41)
    found[4] = replace(found[4], kind=Kind.REVIEW)
    return found


def _links(rows: Sequence[Request]) -> Mapping[str, str]:
    return {each.id: URL for each in rows[::2]}


def _made() -> list[CardView]:
    ends = (
        (Status.APPROVED, decision(DecisionType.APPROVE), effect(Outcome.DONE, result={"refund_id": "re_81"})),
        (Status.APPROVED, decision(DecisionType.APPROVE), effect(Outcome.COMPENSATED)),
        (Status.APPROVED, decision(DecisionType.APPROVE), effect(Outcome.UNKNOWN, error="no answer after 15 s")),
        (Status.REJECTED, decision(DecisionType.REJECT, reason="The photos show another parcel."), None),
        (Status.MODIFIED, decision(DecisionType.EDIT, reason="10 € were store credit"), effect(Outcome.DONE)),
        (Status.HANDLED, decision(DecisionType.RESPOND, reason="Done by phone."), None),
    )
    return [
        CardView(request=decided(status), now=NOW, decision=made, decided_name="you", effect=came)
        for status, made, came in ends
    ]


def _strange_made() -> list[CardView]:
    hostile = replace(decided(Status.REJECTED), form=replace(MAIL, question="Send {to}?"), args={"to": HOSTILE})
    made = decision(DecisionType.REJECT, reason=HOSTILE)
    return [CardView(request=hostile, now=NOW, decision=made, decided_name="you")]


def _numbers() -> list[dict[str, Any]]:
    month = Tally(approved=171, edited=9, rejected=14, handled=2, median_seconds=185.0)
    return [own_figures(Tally(), 0, 7), own_figures(month, 1, 30)]

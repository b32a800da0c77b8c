"""Was anything early, double, overdue or lost? Asked of the rows, the outside and Slack, not of the product's code."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from storage.audit import seal, verify
from tests.sim.law import CONSENT_GRACE, DIGEST_AT, DIGEST_ZONE, RUNGS, SILENT, channel_of
from tests.sim.plan import START
from tests.sim.play import PROBE, Play
from tests.sim.record import Record, Stay, load, overlaps, recovered
from tests.sim.replica import KEY

LATE: Final = timedelta(seconds=60)
SECOND: Final = timedelta(seconds=1)
TOP: Final = max(RUNGS)
ENDS: Final = {
    "approve": "approved",
    "edit": "modified",
    "reject": "rejected",
    "respond": "handled",
    "expire": "expired",
    "cancel": "cancelled",
}
CHANGES: Final = (
    datetime(2027, 2, 7, 2, tzinfo=UTC),
    datetime(2027, 3, 14, 2, tzinfo=UTC),
    datetime(2027, 3, 28, 1, tzinfo=UTC),
)
"""When Casablanca puts its clocks back and forward, and Berlin forward."""
Check = Callable[[Play, Record], Iterator[str]]


async def check(play: Play) -> Record:
    """Everything that was wrong, led by its kind."""
    engine = play.replicas["replica-0"].engine
    while await seal(engine, KEY):
        pass
    sealed = await verify(engine, KEY)
    record = await load(play)
    record.problems += play.problems
    for name, one in CHECKS.items():
        record.problems += [f"{name}: {found}" for found in one(play, record)]
    record.problems += [f"audit: {problem}" for problem in sealed.problems]
    record.problems += [f"error: {n} × {kind}" for kind, n in play.errors.items() if not _explained(kind)]
    return record


def _explained(kind: str) -> bool:
    """What an outage or a killed connection looks like in the log."""
    return kind.split()[0] in (
        "OperationalError",
        "InterfaceError",
        "TimeoutError",
        "ConnectionTimeout",
        "AdminShutdown",
    )


def lost(play: Play, record: Record) -> Iterator[str]:
    """What was taken is there, and has come to its end; what people were told is on record."""
    for key, run_id in play.people.started.items():
        if run_id not in record.runs:
            yield f"the proposal {key} was taken, and is gone"
    for run in record.runs.values():
        if run["status"] not in ("done", "rolled_back", "failed"):
            yield f"{run['id']} is still {run['status']}: {run['last_error']} {run['outcome']}"
    for request in record.requests.values():
        if request["status"] == "pending":
            yield f"{request['id']} still waits"
    for told in play.people.told:
        decision = record.decisions.get(told.request_id)
        voted = any(vote["user_id"] == told.user for vote in record.votes.get(told.request_id, ()))
        if told.vote and not voted:
            yield f"{told.user}'s vote on {told.request_id} was taken, and is gone"
        if not told.vote and (decision is None or decision["decided_by"] != told.user):
            yield f"{told.user}'s answer to {told.request_id} was taken, and is gone"


def decided_once(play: Play, record: Record) -> Iterator[str]:
    """One terminal decision, told once, in time."""
    terminal = Counter(
        row["request_id"] for row in record.audit if row["event"].removeprefix("request_") in ENDS.values()
    )
    for request in record.requests.values():
        decision = record.decisions.get(request["id"])
        status = ENDS[decision["type"]] if decision else "pending"
        if request["status"] != status or terminal[request["id"]] != (decision is not None):
            yield f"{request['id']} is {request['status']}, {status} by its decision, told {terminal[request['id']]}×"
        if decision is None or not record.of("request_opened", request["id"]):
            continue
        stay = record.stays(request)[-1]
        if request["kind"] != "reconcile":
            expires = stay.since + RUNGS[stay.tier].expires
            if decision["type"] == "expire":
                yield from _punctual(play, record, f"{request['id']} expired", expires, decision["at"])
            elif decision["at"] >= expires:
                yield f"{request['id']} was decided at {decision['at']}, after its expiry at {expires}"
        if decision["decided_by"] == "clock" and decision["type"] == "approve":
            yield from _silence(play, record, stay, decision["at"])


def _silence(play: Play, record: Record, stay: Stay, at: datetime) -> Iterator[str]:
    """Silence was consent only where people could have objected all the time."""
    request, rung = stay.request, RUNGS[stay.tier]
    record.counts["silent consents"] += 1
    shown = [card.at for card in play.slack.cards.get(request["id"], ()) if card.at <= stay.since + CONSENT_GRACE]
    if request["action_type"] != SILENT or not request["reversible"] or request["approvals_required"] > 1:
        yield f"silence was taken for consent to {request['id']} ({request['action_type']})"
    if not shown:
        yield f"silence was taken for consent to {request['id']}, which nobody saw"
    elif overlaps(stay.since + CONSENT_GRACE, at - PROBE, [*play.outages.down, *play.outages.database]):
        yield f"silence was taken for consent to {request['id']} while nobody could answer"
    yield from _punctual(play, record, f"silence on {request['id']}", stay.since + rung.sla, at)


def escalated(play: Play, record: Record) -> Iterator[str]:
    """Tier by tier, each step once, none early, none late; none missing."""
    for request in record.requests.values():
        if not record.of("request_opened", request["id"]):
            continue
        tier = None
        for stay in record.stays(request):
            if tier is not None and stay.tier != tier + 1:
                yield f"{request['id']} went from tier {tier} to {stay.tier}"
            tier = stay.tier
            due, until = stay.since + RUNGS[tier].sla, stay.until or play.clock.now
            record.counts["stays over a change of the clocks"] += any(stay.since < one < until for one in CHANGES)
            if stay.ended is not None and stay.ended.get("event") == "request_escalated":
                record.counts["escalations"] += 1
                yield from _punctual(play, record, f"{request['id']} left tier {tier}", due, until)
            elif tier < TOP and until > recovered(due, until, play.outages.workers) + LATE:
                yield f"{request['id']} stayed in tier {tier} until {until}, due at {due}"
            yield from _card(play, record, stay, until)


def _card(play: Play, record: Record, stay: Stay, until: datetime) -> Iterator[str]:
    """Each tier that was asked got a card of its own, soon."""
    channel = channel_of(stay.tier)
    posted = [card.at for card in play.slack.cards.get(stay.request["id"], ()) if card.channel == channel]
    shown = min(posted, default=until)
    able = recovered(stay.since, shown, play.outages.slack, play.outages.workers, play.outages.leases)
    if posted:
        record.posting.append(max(0.0, (shown - able).total_seconds()))
    if shown > able + LATE + SECOND:
        yield f"the card of {stay.request['id']} for tier {stay.tier} came at {shown}, owed since {stay.since}"


def reminded(play: Play, record: Record) -> Iterator[str]:
    """Once before each SLA ends, and at every repeat after the last one's."""
    sent: dict[tuple[str, int], list[datetime]] = defaultdict(list)
    for row in record.owed:
        if row["kind"] == "reminder":
            sent[row["payload"]["request_id"], int(row["payload"]["tier"])].append(row["created_at"])
    for request in record.requests.values():
        for stay in record.stays(request) if record.of("request_opened", request["id"]) else ():
            times = sorted(sent.pop((request["id"], stay.tier), []))
            record.counts["reminders"] += len(times)
            yield from _reminders(play, stay, times)
    for (request_id, tier), times in sent.items():
        yield f"{request_id} was reminded of in tier {tier}, where it never was: {times}"


def _reminders(play: Play, stay: Stay, times: list[datetime]) -> Iterator[str]:
    rung, until = RUNGS[stay.tier], stay.until or play.clock.now
    due, name = stay.since + rung.sla, f"{stay.request['id']} in tier {stay.tier}"
    wanted = [due - rung.remind] if rung.remind else []
    if rung.repeat:
        wanted += [due + rung.repeat * n for n in range(1, (until - due) // rung.repeat + 2)]
    for number, moment in enumerate(wanted):
        following = wanted[number + 1] if number + 1 < len(wanted) else until
        found = [at for at in times if moment <= at < following or (at == until == moment)]
        able = recovered(moment, until, play.outages.workers)
        if len(found) > 1:
            yield f"{name}: reminded {len(found)} times of {moment}: {found}"
        elif not found and able + LATE < min(until, due if moment < due else until) and able == moment:
            yield f"{name}: not reminded at {moment}"
        elif found and found[0] > able + LATE:
            yield f"{name}: reminded at {found[0]}, due at {moment}"
    early = [at for at in times if not wanted or at < wanted[0]]
    late = [at for at in times if at > until]
    if early or late:
        yield f"{name}: reminded early {early} or when it was over {late}"


def _punctual(play: Play, record: Record, what: str, due: datetime, at: datetime) -> Iterator[str]:
    """Never before it was due by the database's clock; not later than a minute after somebody could do it."""
    late = (at - recovered(due, at, play.outages.workers)).total_seconds()
    record.lateness.append(late)
    if at < due:
        yield f"EARLY: {what} at {at}, due at {due}"
    if late > LATE.total_seconds():
        yield f"LATE: {what} at {at}, due at {due}"


def acted(play: Play, record: Record) -> Iterator[str]:
    """Each effect at most once for its key, after the valid decision that it needs."""
    for key, times in Counter(one.key for one in play.world.effects).items():
        if times > 1:
            yield f"DOUBLE: {key} happened {times} times"
    for one in play.world.effects:
        effect = record.effects.get(one.key)
        if effect is None:
            yield f"{one.key} happened and is not in the ledger"
        elif effect["undo_of"] is None:
            yield from _allowed(record, effect, one.at)
    for effect in record.effects.values():
        happened = any(one.key == effect["id"] for one in play.world.effects) if effect["status"] != "done" else True
        if effect["status"] in ("intent", "unknown") or (effect["status"] == "failed" and happened):
            by_hand = effect["reconciled_by"] or effect["status"] == "unknown"
            if not by_hand or effect["status"] == "intent":
                yield f"{effect['id']} is {effect['status']}; it {'did' if happened else 'did not'} happen"


def _allowed(record: Record, effect: dict[str, Any], at: datetime) -> Iterator[str]:
    request, decision = record.requests[effect["request_id"]], record.decisions.get(effect["request_id"])
    if decision is None or decision["type"] != "approve" or decision["digest"] != effect["digest"]:
        yield f"{effect['id']} happened without an approval"
        return
    if decision["at"] > effect["intent_at"] or at < effect["intent_at"]:
        yield f"{effect['id']} happened before it was decided"
    who, tier = decision["decided_by"], request["tier"]
    if who.startswith("policy:"):
        if request["route"] != "auto" or not request["reversible"]:
            yield f"{effect['id']} ran alone"
    elif who != "clock" and (who not in RUNGS[tier].entitled or who == request["requester"]):
        yield f"{effect['id']} was approved by {who}, who is not of tier {tier}"
    voted = {record.people[vote["user_id"]]["person"] for vote in record.votes.get(request["id"], ())}
    if request["approvals_required"] > 1 and len(voted) < request["approvals_required"]:
        yield f"{effect['id']} was approved by {len(voted)} of {request['approvals_required']} persons"


def told(play: Play, record: Record) -> Iterator[str]:
    """Every notice was said, and said once."""
    said: dict[str, int] = Counter(one.key for one in play.slack.messages.values() if one.key and not one.gone)
    for row in record.owed:
        if row["done_at"] is None:
            yield f"{row['id']} is owed since {row['created_at']}: {row['last_error']}"
        elif row["kind"] in ("outcome", "run_ended", "digest") and not said[row["id"]]:
            yield f"LOST: {row['id']} was never said"
    yield from (f"DOUBLE: {key} was said {times} times" for key, times in said.items() if times > 1)
    record.counts["notices"] = len(record.owed)
    for request_id in play.slack.cards:
        for card in play.slack.live(request_id):
            yield f"the card of {request_id} in {card.channel} has buttons although it is decided"


def digests(play: Play, record: Record) -> Iterator[str]:
    """One digest for each week, at its local hour, whatever the clocks did; each told once to each."""
    zone = ZoneInfo(DIGEST_ZONE)
    posted = [row for row in record.audit if row["event"] == "digest_posted"]
    weeks = Counter(row["detail"]["week"] for row in posted)
    record.counts["digests"] = len(posted)
    yield from (f"DOUBLE: the digest of {week} was posted {times} times" for week, times in weeks.items() if times > 1)
    for row in posted:
        local = row["at"].astimezone(zone)
        due = datetime.combine(local.date(), DIGEST_AT, zone).astimezone(UTC)
        able = recovered(due, row["at"], play.outages.workers)
        if local.weekday() or not due <= row["at"] <= able + timedelta(minutes=5) + LATE:
            yield f"the digest of {row['detail']['week']} came at {local}"
    first, last = START.astimezone(zone), (START + timedelta(days=play.plot.days)).astimezone(zone)
    mondays = [first.date() + timedelta(days=n) for n in range(2, (last.date() - first.date()).days)]
    wanted = [day for day in mondays if day.weekday() == 0]
    if len(posted) < len(wanted):
        yield f"LOST: {len(posted)} digests for {len(wanted)} Mondays"


CHECKS: Final[dict[str, Check]] = {
    "lost": lost,
    "decided once": decided_once,
    "escalated": escalated,
    "reminded": reminded,
    "acted": acted,
    "told": told,
    "digests": digests,
}


def figures(play: Play, record: Record) -> dict[str, object]:
    """The figures to print."""
    waits = [
        (row["at"] - record.requests[row["request_id"]]["created_at"]).total_seconds() / 3600
        for row in record.decisions.values()
    ]
    kinds = Counter(problem.split(":")[0] for problem in record.problems)
    words = " ".join(record.problems)
    return {
        "runs": len(record.runs),
        "requests": len(record.requests),
        "by_status": dict(Counter(row["status"] for row in record.requests.values())),
        "runs_by_status": dict(Counter(row["status"] for row in record.runs.values())),
        "longest_wait_hours": round(max(waits, default=0.0), 1),
        "waits_over_36_h": sum(wait > 36 for wait in waits),
        **dict(play.counts),
        **dict(record.counts),
        "displaced_runs": sum(row["event"] == "run_displaced" for row in record.audit),
        "effects": len(play.world.effects),
        "unknown_effects": sum(row["event"] == "effect_unknown" for row in record.audit),
        "slack_calls": play.slack.calls,
        "slack_answers_lost": play.slack.answers_lost,
        "slack_calls_refused": play.slack.refused,
        "clicks_refused": dict(play.people.refused),
        "errors_logged": dict(play.errors),
        "step_late_s_p50_p99_max": _spread(record.lateness),
        "card_late_s_p50_p99_max": _spread(record.posting),
        "early": words.count("EARLY"),
        "double": words.count("DOUBLE"),
        "overdue": words.count("LATE") + kinds["overdue"],
        "lost": kinds["lost"] + words.count("LOST"),
        "violations": len(record.problems),
    }


def _spread(values: list[float]) -> list[float]:
    if len(values) < 2:
        return [round(value, 1) for value in values]
    cuts = statistics.quantiles(values, n=100)
    return [round(cuts[49], 1), round(cuts[98], 1), round(max(values), 1)]

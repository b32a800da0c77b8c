"""Auditor: is everything where it should be? One pass of cheap questions; what it finds is said to operators.

It changes nothing but what is certain: a run whose gate was answered and that still waits is owed its resume.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from graph.law.request import Status
from graph.verbs.ports import Check, Condition, Found, Gauges, Store, Tx

SECONDS: Final = 30.0
"""A pass of the auditor so often, by whichever worker."""
SILENT: Final = timedelta(minutes=2)
"""What has not been seen to be well for so long is not."""
NAME: Final = "auditor"
_A_MINUTE: Final = 60.0
_OLD: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Since when something is wrong, what it is called, and what to do. What is not `grave` is only said."""

    seconds: float
    what: str
    mend: str
    grave: bool = True


RULES: Final = {
    Check.OVERDUE: Rule(
        seconds=_A_MINUTE,
        what="requests whose next step is overdue",
        mend="see that a worker is up",
    ),
    Check.CARDS_OWED: Rule(
        seconds=_OLD, what="cards not shown as they should be", mend="gatepost doctor says whether Slack takes them"
    ),
    Check.MESSAGES_OWED: Rule(
        seconds=_OLD, what="messages not delivered", mend="gatepost doctor says whether Slack takes them"
    ),
    Check.RUNS_OWED: Rule(
        seconds=_OLD,
        what="runs not carried on",
        mend="see that a worker has their workflows",
    ),
    Check.UNKNOWN_UNSEEN: Rule(
        seconds=_A_MINUTE,
        what="effects nobody knows the outcome of, and nobody was asked",
        mend="gatepost runs, then look",
    ),
    Check.RUN_WAITS_FOR_NOTHING: Rule(
        seconds=0.0, what="paused runs that no request belongs to", mend="gatepost runs RUN shows them; report it"
    ),
    Check.NOBODY_WAITS: Rule(
        seconds=0.0, what="requests that no run waits for", mend="reject them: gatepost decide REQUEST reject"
    ),
    Check.UNDECIDABLE: Rule(
        seconds=0.0, what="requests that nobody may decide", mend="change the policy's tiers, or withdraw them"
    ),
    Check.DISPLACED: Rule(
        seconds=0.0, what="runs whose place is not in this release", mend="deploy a release that has it"
    ),
    Check.SET_ASIDE: Rule(
        seconds=_A_MINUTE, what="failed runs that nobody was told about", mend="gatepost runs RUN, then RUN --again"
    ),
    Check.HASTY: Rule(
        seconds=0.0,
        what="people who approved twenty times or more within a minute, one after the other",
        mend="ask them whether they read what they approve",
        grave=False,
    ),
    Check.STOPPED: Rule(seconds=0.0, what="workflows that are stopped", mend="/approvals resume", grave=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it should be (or, not `grave`, worth knowing)."""

    name: str
    count: int
    what: str
    mend: str
    oldest: datetime | None = None
    ids: tuple[str, ...] = ()
    grave: bool = True

    def said(self, now: datetime) -> str:
        """`Requests whose next step is overdue: 3, the oldest for 4 min (req_1, …). See that a worker is up.`"""
        counted = f"{self.what[:1].upper()}{self.what[1:]}: {self.count}" if self.ids else self.what
        age = f", the oldest for {_span(now - self.oldest)}" if self.oldest is not None else ""
        ids = ", ".join(self.ids) + (", …" if self.count > len(self.ids) else "")
        return f"{counted}{age}{f' ({ids})' if ids else ''}. {self.mend[:1].upper()}{self.mend[1:]}."


async def inspect(tx: Tx) -> list[Finding]:
    """What is not as it should be at this moment; reads only."""
    found = [await tx.checks.find(check, rule.seconds) for check, rule in RULES.items()]
    others = [condition for condition in await tx.health.all() if condition.name != NAME]
    return [*map(_finding, filter(None, found)), *unwell(others, await tx.now())]


async def audit(store: Store) -> Sequence[Finding] | None:
    """A pass: on record as well or ill, operators told once an hour of each kind. None: another worker just did it."""
    async with store.begin() as tx:
        now = await tx.now()
        before = {condition.name: condition for condition in await tx.health.all()}.get(NAME)
        if before is not None and _just_looked(before, now):
            return None
        await _carry_on(tx)
        findings = await inspect(tx)
        grave = [finding for finding in findings if finding.grave]
        if not grave:
            await tx.health.well(NAME, gap=SILENT)
            return findings
        await tx.health.ill(NAME, "; ".join(f"{finding.name} {finding.count}" for finding in grave))
        for finding in grave:
            hour = f"{now:%Y-%m-%dT%H}"
            text = f"Not as it should be: {finding.said(now)}"
            await tx.owed.add("operators", f"auditor:{finding.name}:{hour}", {"text": text})
        return findings


async def gauges(store: Store) -> Gauges:
    """Figures of this moment, for whoever draws them."""
    async with store.begin() as tx:
        return await tx.checks.gauges()


async def _carry_on(tx: Tx) -> None:
    """A run that waits although its gate was answered goes on: a decision's own transaction wakes it, so that
    somebody must have changed rows by hand.
    """
    found = await tx.checks.find(Check.RUN_WAITS_FOR_NOTHING)
    for run_id in found.ids if found else ():
        run = await tx.runs.get(run_id)
        at_gate = [one for one in await tx.requests.of_run(run_id) if run and one.interrupt_id == run.interrupt_id]
        if at_gate and at_gate[-1].status not in (Status.PENDING, Status.MODIFIED):
            await tx.runs.wake(run_id)
            await tx.audit.record("run_carried_on", NAME, run_id=run_id, request_id=at_gate[-1].id)


def unwell(conditions: Sequence[Condition], now: datetime) -> list[Finding]:
    """Parts of the installation that are ill, or that nobody has heard of for too long."""
    found = []
    for condition in conditions:
        problem = trouble(condition, now)
        if problem:
            mend = f"look after {condition.name}"
            found.append(Finding(name=condition.name, count=1, what=f"{condition.name}: {problem}", mend=mend))
    return found


def trouble(condition: Condition, now: datetime) -> str:
    """What is wrong with a part, in words; "" when it is well."""
    if condition.ok_since is None:
        return condition.problem or "ill"
    return f"not heard of since {condition.last_ok_at:%Y-%m-%d %H:%M} UTC" if silent(condition, now) else ""


def silent(condition: Condition, now: datetime) -> bool:
    """Whether a part was well when it was last heard of, and that was too long ago."""
    unheard = condition.last_ok_at is None or now - condition.last_ok_at > SILENT
    return condition.ok_since is not None and unheard


def _just_looked(condition: Condition, now: datetime) -> bool:
    seen = [moment for moment in (condition.last_ok_at, condition.last_problem_at) if moment is not None]
    return bool(seen) and timedelta() <= now - max(seen) < timedelta(seconds=SECONDS / 2)


def _finding(found: Found) -> Finding:
    rule = RULES[found.check]
    return Finding(
        name=str(found.check),
        count=found.count,
        what=rule.what,
        mend=rule.mend,
        oldest=found.oldest,
        ids=found.ids,
        grave=rule.grave,
    )


def _span(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"

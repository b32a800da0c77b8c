"""The weekly digest: a week's figures beside those of the week before, posted once a week by whoever is first."""

from datetime import datetime
from typing import Any

from graph.law.policy import Policy
from graph.law.weeks import Week, last_due
from graph.verbs.errors import Invalid, Refusal
from graph.verbs.escalate import MOST_MESSAGES
from graph.verbs.ports import Store, Tx
from graph.verbs.stats import count


async def digest(store: Store, week: Week | None = None) -> dict[str, Any]:
    """The figures of a week, its days those of the team's time zone; the last full one if not said.

    As `stats`, with `week`, `timezone`, `complete` (whether it is over) and `before`: the same of the week before.
    """
    async with store.begin() as tx:
        return await _figures(tx, week, (await tx.policies.current()).policy, await tx.now())


async def post_due(store: Store) -> bool:
    """Post the newest digest that is due and was not made yet; what was missed longer ago is not made up for.

    Safe to be called at any time, by any number of processes. Says whether this call posted it.
    """
    async with store.begin() as tx:
        policy, now = (await tx.policies.current()).policy, await tx.now()
        moment = policy.digest.moment
        if moment is None:
            return False
        week = last_due(now, moment, policy.digest.zone)
        if not await tx.figures.any_before(week.end(policy.digest.zone)):
            return False  # the week was over before the first decision of this installation
        targets = await _targets(tx, policy)
        return bool(targets) and await _post(tx, week, policy, now, targets, "clock")


async def post_digest(store: Store, week: Week | None = None, *, by: str) -> bool:
    """Post the digest of a week that is over; False when that was done before. Refused when nobody would get it."""
    async with store.begin() as tx:
        policy, now = (await tx.policies.current()).policy, await tx.now()
        week = week or Week.of(now, policy.digest.zone).shifted(-1)
        if week.end(policy.digest.zone) > now:
            raise Refusal(f"Week {week} is not over yet; look at it without posting it.")
        targets = await _targets(tx, policy)
        if not targets:
            raise Refusal("The policy names nobody who gets the digest; set channel or dm in its [digest] section.")
        return await _post(tx, week, policy, now, targets, by)


async def _figures(tx: Tx, week: Week | None, policy: Policy, now: datetime) -> dict[str, Any]:
    zone = policy.digest.zone
    week = week or Week.of(now, zone).shifted(-1)
    if week.start(zone) > now:
        raise Invalid(f"Week {week} has not begun yet.")
    before = week.shifted(-1)
    return {
        "week": str(week),
        "timezone": policy.digest.timezone,
        "complete": week.end(zone) <= now,
        **await count(tx, week.start(zone), week.end(zone)),
        "before": {"week": str(before), **await count(tx, before.start(zone), before.end(zone))},
    }


async def _post(tx: Tx, week: Week, policy: Policy, now: datetime, targets: list[str], by: str) -> bool:
    """Whoever inserts the week's row owes its messages, in the same transaction: once, however many try."""
    if await tx.digests.get(str(week)) is not None:
        return False
    figures = await _figures(tx, week, policy, now)
    if not await tx.digests.add(str(week), figures):
        return False
    await tx.owed.add_many(
        "digest", {f"{tx.workspace_id}:{week}:{target}": {"week": str(week), "target": target} for target in targets}
    )
    await tx.audit.record("digest_posted", by, week=str(week), targets=targets, requests=figures["total"]["requests"])
    return True


async def _targets(tx: Tx, policy: Policy) -> list[str]:
    """The policy's channel, and the accounts of those who get it directly."""
    channel = policy.digest.channel or policy.roles.operators_channel
    people = await tx.people.many(await tx.people.members(policy.digest.dm))
    fit = [user for user, person in people.items() if person.active and not (person.bot or person.external)]
    return [*([channel] if channel else []), *sorted(fit)[:MOST_MESSAGES]]

"""Who may do what with a request: under its own policy and the one in force, as the mirror knows people now."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from graph.law import grants
from graph.law.authorization import Person, Standing, authorize
from graph.law.duty import Absence
from graph.law.facts import Facts, from_json
from graph.law.policy import Policy
from graph.law.request import Decision, DecisionType, Request
from graph.law.routing import Route, RouteKind, route
from graph.verbs.duty import seniors
from graph.verbs.ports import PolicyVersion, Tx
from graph.verbs.record import totals
from graph.verbs.stepup import counting, required

GRANT: Final = "grant"
"""Where a request says, among what it was judged on, which grant decided it."""
_SLACK_USER: Final = re.compile(r"[UW][A-Z0-9_]{2,}", re.ASCII)


async def standing(
    tx: Tx, request: Request, current: PolicyVersion, *, any_age: bool = False, since: datetime | None = None
) -> Standing:
    """The rights that apply to this request at this moment; with `any_age` also as groups were long ago.

    `since`: deputies count who stood in at any time from then on.
    """
    asked = (await tx.policies.version(request.policy_version)).policy
    fresh = None if any_age else await tx.now() - current.policy.max_age(request.risk)
    tier_then, tier_now = asked.tiers.get(request.tier), current.policy.tiers.get(request.tier)
    then = await tx.people.members(tier_then.reviewers if tier_then else (), fresh)
    same = tier_then == tier_now
    now = then if same else await tx.people.members(tier_now.reviewers if tier_now else (), fresh)
    policy, editors = current.policy, current.policy.roles.may_edit
    requester = await tx.people.get(request.requester) if request.requester else None
    named = policy.owners.get(request.workflow, ())
    own = Standing(
        pool_then=then,
        pool_now=now,
        editors=None if "*" in editors else await tx.people.members(editors, fresh),
        requester_person=requester.person if requester else None,
        requester_unknown=requester is None and bool(_SLACK_USER.fullmatch(request.requester or "")),
        max_age=policy.max_age(request.risk),
        owners=await owners(tx, named),
        owners_unknown=bool(named) and bool(await tx.people.strangers(named)),
        team=await team(tx, policy, request.workflow),
        registers=tuple(
            {entry.user: entry for entry in document.reviewers}
            for document, tier in ((asked, tier_then), (policy, tier_now))
            if tier is not None and tier.registered
        ),
    )
    away = [absence for absence in await tx.duty.absences(since) if absence.deputy_id]
    if not away:
        return own
    able = await seniors(tx, asked, request.tier, fresh)
    able = able if same and asked is policy else able & await seniors(tx, policy, request.tier, fresh)
    return await _with_deputies(tx, request, own, [one for one in away if one.deputy_id in able], any_age)


async def _with_deputies(tx: Tx, request: Request, own: Standing, away: Sequence[Absence], any_age: bool) -> Standing:
    """Whoever stands in gets what the one who is away could decide, and nothing beyond it."""
    people, now = await tx.people.many({absence.user_id for absence in away}), await tx.now()
    deputies: dict[str, frozenset[str]] = {}
    for absence in away:
        verdict = authorize(request, people.get(absence.user_id), DecisionType.APPROVE, own, now)
        deputy = absence.deputy_id or ""
        able = verdict.allowed or (any_age and verdict.undetermined)
        if able and deputy not in own.pool_then & own.pool_now:
            deputies[deputy] = deputies.get(deputy, frozenset()) | {absence.user_id}
    return replace(
        own, pool_then=own.pool_then | deputies.keys(), pool_now=own.pool_now | deputies.keys(), deputies=deputies
    )


async def team(tx: Tx, policy: Policy, workflow: str) -> frozenset[str] | None:
    """Who may see requests of this workflow: user ids, or None for everybody. Auditors see all."""
    rows = [row for row in policy.teams if workflow in row.workflows]
    if not rows:
        return None
    return await tx.people.members([*(name for row in rows for name in row.members), *policy.roles.auditors])


async def may_see(tx: Tx, user_id: str, workflow: str) -> bool:
    """Whether somebody may look at requests of this workflow."""
    members = await team(tx, (await tx.policies.current()).policy, workflow)
    return members is None or user_id in members


async def holds_role(tx: Tx, user_id: str, role: str) -> bool:
    """Whether somebody active has one of the roles `stop`, `resume`, `policy_owners`, `auditors`, `operators`."""
    entries: tuple[str, ...] = getattr((await tx.policies.current()).policy.roles, role)
    person = await tx.people.get(user_id)
    return person is not None and person.active and user_id in await tx.people.members(entries)


async def owners(tx: Tx, named: Sequence[str]) -> frozenset[str]:
    """The persons who answer for the agent; an account nobody has looked up yet stands for itself."""
    if not named:
        return frozenset()
    users = await tx.people.members(named)
    known = await tx.people.many(users)
    return frozenset(known[user].person if user in known else user for user in users)


async def approvers(tx: Tx, request: Request, users: Sequence[str]) -> dict[str, Person]:
    """Of these users, those whose approval counts now, one account a person: person → account."""
    rights, now = await standing(tx, request, await tx.policies.current()), await tx.now()
    able = {
        person.person: person
        for person in (await tx.people.many(users)).values()
        if authorize(request, person, DecisionType.APPROVE, rights, now).allowed
    }
    seats = {seat for user in users for seat in rights.deputies.get(user, ())}
    away = {user: person.person for user, person in (await tx.people.many(seats)).items()} if seats else {}
    # Whoever is away and decides all the same has no deputy beside: one seat is one vote.
    return {
        name: person
        for name, person in able.items()
        if any(away.get(seat) not in able for seat in rights.deputies.get(person.user_id, ("",)))
    }


async def outgrown(tx: Tx, request: Request) -> str | None:
    """Why what was decided no longer covers the action, or None: more was done meanwhile that counts together
    with it (held until this commits), or the policy in force asks for more than was given.
    """
    current = await tx.policies.current()
    if not request.judged:
        return None
    facts = from_json(request.judged, request.args)
    rows = current.policy.book(facts.action).totals if facts.value is not None else ()
    done = await totals(tx, rows, request.workflow, request.target, request.requester, lock=True)
    rose = any(total > facts.record.totals.get(name, 0) for name, total in done.items())
    if not rose and current.version == request.policy_version:
        return None
    moved = replace(facts, record=replace(facts.record, totals=done))
    fresh = route(current.policy, moved)
    if covers(request, fresh) or await _still_granted(tx, request, moved, current):
        return None
    cause = (
        f"Together with what was done meanwhile it makes {facts.value + max(done.values()):,.2f}"
        if rose and facts.value is not None
        else f"The policy asks for more since version {current.version}"
    )
    return f"{cause}: {gist(fresh)}"


async def _still_granted(tx: Tx, request: Request, facts: Facts, current: PolicyVersion) -> bool:
    """Whether the grant that decided it covers it with these facts as well."""
    grant = await tx.grants.get(str(request.judged.get(GRANT, "")))
    if grant is None:
        return False
    others = replace(grant, used=grant.used - 1)
    return grants.covers(others, current.policy, facts, await tx.now())


def covers(request: Request, fresh: Route) -> bool:
    """Whether what was decided about the request is as much as this route asks for."""
    enough = fresh.tier <= request.tier and fresh.approvals <= request.approvals_required and not fresh.final
    if request.route == RouteKind.AUTO:
        return enough and fresh.kind is RouteKind.AUTO
    return enough and (request.risk.needs_reason or not fresh.risk.needs_reason)


def gist(fresh: Route) -> str:
    """The first thing that a route says beside the threshold it rests on."""
    return fresh.why[1] if len(fresh.why) > 1 else fresh.why[0]


async def lapsed(tx: Tx, request: Request, decision: Decision) -> str | None:
    """Why a person's approval no longer carries, or None. What can't be checked now was checked when it was given."""
    if decision.person is None:
        return None
    votes = await tx.requests.votes(request.id, request.digest) if request.approvals_required > 1 else ()
    # An approval given in somebody's place stands when they are back.
    since = min([decision.at, *(vote.at for vote in votes)])
    current = await tx.policies.current()
    if votes and await required(tx, request, current.policy):
        coded = {vote.person for vote in counting(votes, coded=True)}
        if len(coded) < request.approvals_required:
            return "Approving it takes a one-time code now, and somebody gave none."
    rights, now = await standing(tx, request, current, since=since), await tx.now()
    users = sorted({decision.by, *(vote.user_id for vote in votes)})
    people = await tx.people.many(users)
    for user in users:
        verdict = authorize(request, people.get(user), DecisionType.APPROVE, rights, now)
        if not verdict.allowed and not verdict.undetermined:
            return "Somebody who approved it may no longer do so."
    return None

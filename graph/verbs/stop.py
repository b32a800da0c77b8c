"""Stop and lift: the emergency brake. Once a stop has committed nothing begins in its scope and every clock there
stands still; when the last stop is lifted, they go on from where they stood.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from graph.law.authorization import Person, account_problem
from graph.law.escalation import frozen_clock
from graph.law.policy import Policy
from graph.law.request import DecisionType, Request
from graph.law.stopping import ALL, Stop, forbids, scope
from graph.law.words import reason_problem
from graph.verbs.errors import Invalid, NotAllowed, NotFound, Refusal, Stale, Stopped, Undetermined
from graph.verbs.ports import Store, Tx

STOP_SECONDS: Final = 20.0
"""So long a stop waits for INTENTs that are being written; each takes milliseconds."""
LIFT_SECONDS: Final = 60.0
_EVERYTHING: Final = ("all", ALL)
_MOST_NAMED: Final = 60

Right = Literal["stop", "resume"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody wants at a door. `workflow`: a name or `all`; to lift, empty means the only stop there is."""

    workflow: str
    user_id: str
    reason: str
    via: str
    door: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """In force. `begun` effects were under way and finish; `waiting` requests stand still."""

    stop: Stop
    begun: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifted:
    """No more in force; `still` are the stops that are."""

    stop: Stop
    still: Sequence[Stop]


async def stop(store: Store, order: Order) -> Pulled:
    """Stop a workflow, or all; raises a `Refusal` that says why not."""
    async with store.begin() as tx:
        result = await _stop(tx, order)
        if isinstance(result, Refusal):
            await _deny(tx, order, "stop", result)
    if isinstance(result, Refusal):
        raise result
    return result


async def lift(store: Store, order: Order) -> Lifted:
    """Let a stopped scope go on; raises a `Refusal` that says why not."""
    async with store.begin() as tx:
        result = await _lift(tx, order)
        if isinstance(result, Refusal):
            await _deny(tx, order, "resume", result)
    if isinstance(result, Refusal):
        raise result
    return result


async def in_force(store: Store) -> list[tuple[Stop, str]]:
    """Every stop that nobody has lifted, with the name of who made it."""
    async with store.begin() as tx:
        return await named(tx)


async def named(tx: Tx) -> list[tuple[Stop, str]]:
    """The same, in a transaction."""
    stops = await tx.stops.in_force()
    people = await tx.people.many({each.stopped_by for each in stops})
    return [(each, people[each.stopped_by].name if each.stopped_by in people else each.stopped_by) for each in stops]


async def standstill(tx: Tx, request: Request) -> tuple[Stop | None, datetime]:
    """The stop that covers a request, and the request's own time, which stands still with it or a question."""
    covering = await tx.stops.in_force(request.workflow)
    since = await tx.stops.since(request.workflow) if covering else None
    return covering[0] if covering else None, frozen_clock(await tx.now(), request.held_at, since)


async def forbidden(tx: Tx, stop: Stop | None, request: Request, decision: DecisionType) -> Stopped | None:
    """The refusal of what would set something off while it is stopped."""
    if stop is None or not forbids(request.kind, decision):
        return None
    return Stopped(f"{await said(tx, stop)}. Until that is lifted, only rejecting works.")


async def said(tx: Tx, stop: Stop) -> str:
    """`Stopped by Eve since 21 Nov 14:02 UTC: incident 12`."""
    person = await tx.people.get(stop.stopped_by)
    return stop.said(person.name if person else "")


async def barred(tx: Tx, workflow: str) -> str | None:
    """Why an undo may not begin now, or None. From here until this commits, no stop does."""
    await tx.stops.pass_by()
    covering = await tx.stops.in_force(workflow)
    if not covering or (await tx.policies.current()).policy.stop.compensations:
        return None
    return await said(tx, covering[0])


async def refusal(tx: Tx, user_id: str, right: Right) -> NotAllowed | None:
    """Why this person may not stop, or let things go on; None when they may."""
    person, policy = await tx.people.get(user_id), (await tx.policies.current()).policy
    if person is None:
        return NotAllowed("Gatepost does not know you.")
    if problem := account_problem(person):
        return NotAllowed(problem)
    entries = _holders(policy, right)
    if user_id not in await tx.people.members(entries):
        what = "stop workflows" if right == "stop" else "let stopped workflows go on"
        return NotAllowed(f"You may not {what}; the policy names others for it.")
    # The brake works on what was known last; to let go of it takes as much certainty as any decision.
    known_since = await tx.now() - policy.directory_max_age
    fresh = person.checked_at >= known_since and user_id in await tx.people.members(entries, known_since)
    if right == "resume" and not fresh:
        return Undetermined("Your rights could not be checked recently enough. Please try again in a minute.")
    return None


async def known_workflows(tx: Tx) -> list[str]:
    """What can be stopped by name."""
    return sorted({*(await tx.policies.current()).policy.parts, *await tx.stops.workflows()})


async def _stop(tx: Tx, order: Order) -> Pulled | Refusal:
    allowed = await _allowed(tx, order, "stop")
    if isinstance(allowed, Refusal):
        return allowed
    known = await known_workflows(tx)
    workflow = ALL if order.workflow.lower() in _EVERYTHING else order.workflow
    if workflow not in (ALL, *known):
        return Invalid(f"There is no workflow {_short(workflow)}. Say all, or one of: {', '.join(known)}.")
    waiting = await tx.stops.waiting(workflow)
    await tx.stops.shut(STOP_SECONDS)
    already = [each for each in await tx.stops.in_force() if each.workflow == workflow]
    if already:
        return Stale(f"{scope(workflow).capitalize()}: {await said(tx, already[0])}. It stays so.")
    made = await tx.stops.add(workflow, order.user_id, allowed.person, order.reason, order.via)
    pulled = Pulled(stop=made, begun=await tx.stops.begun(workflow), waiting=sum(count for *_, count in waiting))
    await tx.audit.record(
        "stop_on",
        order.user_id,
        person=allowed.person,
        stop=made.id,
        workflow=workflow,
        reason=order.reason,
        via=order.via,
        door=order.door,
        begun=pulled.begun,
        waiting=pulled.waiting,
    )
    finish = f" What had begun before is finished and reported ({pulled.begun})." if pulled.begun else ""
    text = f"⛔ {allowed.name} has stopped {scope(workflow)}: {order.reason}\nNothing new begins there.{finish}"
    await _announce(tx, made, "on", f"{text} Requests that wait ({pulled.waiting}) can be rejected only.", waiting)
    return pulled


async def _lift(tx: Tx, order: Order) -> Lifted | Refusal:
    allowed = await _allowed(tx, order, "resume")
    if isinstance(allowed, Refusal):
        return allowed
    await tx.stops.shut(LIFT_SECONDS)
    stops = await tx.stops.in_force()
    stop = _meant(stops, order.workflow)
    if isinstance(stop, Refusal):
        return stop
    policy = (await tx.policies.current()).policy
    if policy.stop.another_resumes and allowed.person in (stop.person, stop.stopped_by):
        return NotAllowed("You stopped it yourself; another person has to let it go on.")
    still = [each for each in stops if each.id != stop.id]
    waiting = await tx.stops.waiting(stop.workflow)
    held = {each.workflow for each in still}
    freed = {name for name, *_ in waiting if not held & {name, ALL}}
    since = {name: await tx.stops.since(name) for name in freed}
    lifted_at = await tx.stops.lift(stop, order.user_id, order.reason)
    for name, start in since.items():
        await tx.stops.thaw(name, start or stop.at, lifted_at)
    await tx.audit.record(
        "stop_off",
        order.user_id,
        person=allowed.person,
        stop=stop.id,
        workflow=stop.workflow,
        stopped_by=stop.stopped_by,
        reason=order.reason,
        via=order.via,
        door=order.door,
        freed=sorted(freed),
    )
    text = f"{allowed.name} lets {scope(stop.workflow)} go on: {order.reason}\n"
    text += "What was approved before and had not begun is asked again. Clocks go on from where they stood."
    if still:
        text += f" Still stopped: {', '.join(scope(each.workflow) for each in still)}."
    await _announce(tx, stop, "off", text, waiting)
    return Lifted(stop=stop, still=still)


async def _allowed(tx: Tx, order: Order, right: Right) -> Person | Refusal:
    """Who it is; or why not: their rights first, then their reason."""
    denied, person = await refusal(tx, order.user_id, right), await tx.people.get(order.user_id)
    if denied is not None or person is None:
        return denied or NotAllowed("Gatepost does not know you.")
    problem = reason_problem(order.reason, required=True)
    return Invalid(problem, {"reason": problem}) if problem else person


def _meant(stops: Sequence[Stop], workflow: str) -> Stop | Refusal:
    """The stop of exactly this scope: who lifts one must know which."""
    if not stops:
        return NotFound("Nothing is stopped.")
    listed = ", ".join("all" if each.workflow == ALL else each.workflow for each in stops)
    if not workflow:
        return stops[0] if len(stops) == 1 else Invalid(f"Say which: {listed}.")
    wanted = ALL if workflow.lower() in _EVERYTHING else workflow
    found = [each for each in stops if each.workflow == wanted]
    return found[0] if found else NotFound(f"{_short(workflow)} is not what was stopped. Stopped: {listed}.")


def _holders(policy: Policy, right: Right) -> Sequence[str]:
    """Who has the right; where nobody is named to stop, whoever may be asked about anything."""
    anybody = [*(entry for tier in policy.tiers.values() for entry in tier.reviewers), *policy.roles.operators]
    stopping = policy.roles.stop or anybody
    return stopping if right == "stop" else policy.roles.resume or stopping


async def _announce(tx: Tx, stop: Stop, what: str, text: str, waiting: Sequence[tuple[str, int, int]]) -> None:
    """Operators hear of it, and the channels in which something of it waits."""
    await tx.owed.add("operators", f"stop:{stop.id}:{what}", {"text": text})
    policy = (await tx.policies.current()).policy
    channels = {policy.channel(workflow, tier) for workflow, tier, _ in waiting if tier in policy.tiers}
    elsewhere = sorted(channels - {policy.roles.operators_channel})
    told = {f"stop:{stop.id}:{what}:{each}": {"channel": each, "text": text} for each in elsewhere}
    await tx.owed.add_many("channel", told)


async def _deny(tx: Tx, order: Order, wanted: Right, refused: Refusal) -> None:
    if isinstance(refused, NotAllowed):
        await tx.audit.record(
            "stop_denied",
            order.user_id,
            wanted=wanted,
            workflow=order.workflow,
            why=str(refused),
            code=refused.code,
            via=order.via,
            door=order.door,
        )


def _short(text: str) -> str:
    return f"“{text[:_MOST_NAMED]}”"

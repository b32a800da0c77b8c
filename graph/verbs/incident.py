"""Incident: what was decided turned out to be wrong. It changes no decision, but the record never forgets it."""

import hashlib
from dataclasses import dataclass
from typing import Final

from graph.law.canonical import storable
from graph.law.request import Request, Status
from graph.law.words import reason_problem
from graph.verbs.errors import Invalid, NotAllowed, NotFound, Stale
from graph.verbs.ports import Incident, Item, ItemState, Store, Tx, Wrong
from graph.verbs.sight import may_see

_NOT_ALLOWED: Final = "Only reviewers and who asked for this may report what went wrong with it."
_UNDECIDED: Final = "Nothing was decided here yet. If it is wrong, reject it."
_SAID: Final = {
    Wrong.DECISION: "it should have been decided otherwise",
    Wrong.EXECUTION: "it was carried out wrongly",
    Wrong.OTHER: "something else went wrong",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What somebody said at a door."""

    request_id: str
    user_id: str
    kind: Wrong
    what: str
    via: str
    door: str = ""


async def report_incident(store: Store, complaint: Complaint) -> Incident:
    """Write it down, tell operators; the same words about the same request count once. Raises a `Refusal`.

    From then on it speaks against letting actions like this run alone.
    """
    if problem := reason_problem(complaint.what, required=True):
        raise Invalid(problem, {"reason": problem})
    async with store.begin() as tx:
        request = await reportable(tx, complaint.request_id, complaint.user_id)
        person = await tx.people.get(complaint.user_id)
        incident = Incident(
            id=_id(complaint),
            request_id=request.id,
            kind=complaint.kind,
            what=complaint.what,
            reported_by=complaint.user_id,
            person=person.person if person else None,
            via=complaint.via,
            at=await tx.now(),
        )
        if await tx.incidents.add(incident):
            await _told(tx, request, incident, person.name if person else complaint.user_id, complaint.door)
        return incident


async def reportable(tx: Tx, request_id: str, user_id: str) -> Request:
    """The request, if it was decided and this person may look into it; raises a `Refusal`."""
    request = await tx.requests.get(request_id) if storable(request_id) else None
    if request is None:
        raise NotFound("There is no such request.")
    if not await may_see(tx, user_id, request):
        raise NotAllowed(_NOT_ALLOWED)
    if request.status is Status.PENDING:
        raise Stale(_UNDECIDED)
    return request


async def reportable_items(tx: Tx, batch_id: str, user_id: str) -> list[Item]:
    """What was decided while it was in this batch and this person may look into, at least one; raises a `Refusal`."""
    tx.people.remember()
    inside = [item for item in await tx.batches.items(batch_id) if item.state is ItemState.IN]
    seen = [item for item in inside if await may_see(tx, user_id, item.request)]
    if not seen:
        raise NotAllowed(_NOT_ALLOWED)
    decided = [item for item in seen if item.request.status is not Status.PENDING]
    if not decided:
        raise Stale(_UNDECIDED)
    return decided


async def _told(tx: Tx, request: Request, incident: Incident, name: str, door: str) -> None:
    await tx.audit.record(
        "incident_reported",
        incident.reported_by,
        run_id=request.run_id,
        request_id=request.id,
        incident=incident.id,
        kind=incident.kind,
        what=incident.what,
        status=request.status,
        digest=request.digest,
        via=incident.via,
        door=door,
    )
    text = (
        f"Incident: {name} reports about request {request.id} ({request.workflow}.{request.action_type},"
        f" {request.status}) that {_SAID[incident.kind]}: “{incident.what}”"
    )
    await tx.owed.add("operators", f"incident:{incident.id}", {"text": text, "run_id": request.run_id})
    await tx.cards.touch(request.id)


def _id(complaint: Complaint) -> str:
    said = "\0".join((complaint.request_id, complaint.user_id, complaint.kind, complaint.what))
    return "inc_" + hashlib.sha256(said.encode()).hexdigest()[:20]

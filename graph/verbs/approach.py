"""Approach: somebody turns to a request that waits, without deciding it. Is it as they saw it, and may they?"""

from dataclasses import dataclass

from graph.law.authorization import Person, authorize, refusal_of_state
from graph.law.canonical import storable
from graph.law.request import DecisionType, Request
from graph.verbs.authority import standing
from graph.verbs.errors import NotAllowed, NotFound, Stale, Undetermined
from graph.verbs.ports import Tx
from graph.verbs.stop import standstill


@dataclass(frozen=True, slots=True, kw_only=True)
class Approach:
    """Who turns to which request at which door.

    `digest` and `version` are what they saw of it (empty, None: not known), `where` the (channel, ts) of the message
    that was clicked, if it was one.
    """

    request_id: str
    user_id: str
    via: str
    digest: str = ""
    version: int | None = None
    where: tuple[str, str] | None = None
    door: str = ""
    """What else the door knows of who is there, for the record."""


async def waiting(tx: Tx, approach: Approach) -> Request:
    """The request, locked, if it still waits as it was seen; else a refusal that says what happened instead."""
    request = await tx.requests.lock(approach.request_id) if storable(approach.request_id) else None
    if request is None:
        raise NotFound("There is no such request.")
    _, clock = await standstill(tx, request)
    stale = refusal_of_state(request, approach.version, approach.digest or request.digest, clock)
    if stale:
        raise Stale(stale)
    if approach.where and not await tx.cards.known(request.id, *approach.where):
        raise Stale("This message is a copy of a card. Please use the original card.")
    return request


async def decider(tx: Tx, request: Request, user_id: str) -> Person:
    """The person, if they could approve it now; else a refusal that says why not."""
    person = await tx.people.get(user_id)
    rights = await standing(tx, request, await tx.policies.current())
    verdict = authorize(request, person, DecisionType.APPROVE, rights, await tx.now())
    if not verdict.allowed or person is None:
        raise (Undetermined if verdict.undetermined else NotAllowed)(verdict.reason)
    return person


async def name_of(tx: Tx, user_id: str) -> str:
    """What people call the holder of an account."""
    person = await tx.people.get(user_id)
    return person.name if person else user_id

"""Opening: a new request is asked where somebody is. Where nobody is anywhere, its time begins when somebody comes."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from graph.law.escalation import next_step
from graph.law.request import Kind, Request
from graph.verbs.duty import too_early
from graph.verbs.escalate import Ladder, go_up
from graph.verbs.ports import PolicyVersion, Tx


@dataclass(frozen=True, slots=True)
class Opening:
    """`request` is what is to be stored; `tier` is asked instead of its own, because of `why`."""

    request: Request
    ladder: Ladder
    tier: int | None = None
    why: str = ""

    @property
    def said(self) -> dict[str, Any]:
        """What the audit says beside."""
        return {"starts_at": self.request.since.isoformat(), "why_later": self.why} if self.later else {}

    @property
    def later(self) -> bool:
        """Whether its time has not begun."""
        return self.tier is None and self.request.since > self.ladder.now


async def opening(tx: Tx, draft: Request, policy: PolicyVersion) -> Opening:
    """Who can be asked about a request that is about to be stored, and from when its time counts."""
    ladder = Ladder(tx, policy, await tx.now())
    there = await ladder.there(draft.tier)
    if there.people or await too_early(tx, policy, draft.tier):
        return Opening(_looked_at(draft, there.closes_at), ladder)
    # Nothing waits for what is only looked at afterwards.
    higher = await ladder.above(draft.tier) if draft.kind is not Kind.REVIEW else None
    if higher is not None:
        return Opening(draft, ladder, higher, there.why)
    comes = ladder.next_arrival(draft.tier) if draft.kind is not Kind.REVIEW else None
    return Opening(_looked_at(_from(draft, there.opens_at, policy, ladder.now), comes), ladder, None, there.why)


async def ask(tx: Tx, opened: Opening) -> None:
    """Owe the cards of a request that is stored now."""
    request, ladder = opened.request, opened.ladder
    if opened.tier is None:
        await tx.cards.want(request.id, ladder.policy.channel(request.workflow, request.tier), request.tier)
        return
    timer = await tx.requests.lock_timer(request.id, due=False)
    if timer is None:
        raise RuntimeError(f"request {request.id} is not pending")
    await go_up(ladder, [ladder.move(timer, opened.tier, opened.why)], "clock")


def _from(draft: Request, opens: datetime | None, policy: PolicyVersion, now: datetime) -> Request:
    """The request with all its time from `opens` on."""
    if opens is None or draft.expires_at is None:
        return draft
    expires = draft.expires_at + (opens - draft.since)
    following = next_step(policy.policy.tiers[draft.tier].timing, opens, expires, now)
    return replace(draft, asked_at=opens, expires_at=expires, next_step_at=following)


def _looked_at(draft: Request, at: datetime | None) -> Request:
    """The request with its next step at this moment, if nothing comes earlier."""
    if at is None or draft.next_step_at is None or draft.next_step_at <= at:
        return draft
    return replace(draft, next_step_at=at)

"""Reviews: people look at what ran alone. A rejected one is undone where it can be, and counts against its kind."""

import hashlib
from dataclasses import replace
from datetime import datetime

from graph.law.escalation import next_step
from graph.law.request import Kind, Request, Status, effect_id
from graph.verbs.opening import ask, opening
from graph.verbs.ports import PolicyVersion, Tx

_REVISION_BASE = 1_000
"""Reviews share their action's turn; revisions from here on are theirs."""


def review_id(about: str) -> str:
    """The id of the one review of a request."""
    return "req_" + hashlib.sha256(f"{about}/review".encode()).hexdigest()[:20]


async def open_review(tx: Tx, about: Request, policy: PolicyVersion, now: datetime) -> None:
    """Owe people a look at what ran alone; asking twice opens one."""
    tier = min(about.tier, len(policy.policy.tiers))
    row = policy.policy.tiers[tier]
    expires = now + row.expires
    review = replace(
        about,
        id=review_id(about.id),
        revision=_REVISION_BASE + about.revision,
        kind=Kind.REVIEW,
        parent_id=about.id,
        status=Status.PENDING,
        version=1,
        tier=tier,
        approvals_required=1,
        policy_version=policy.version,
        interrupt_id=None,
        sla_seconds=int(row.sla.total_seconds()),
        next_step_at=next_step(row.timing, now, expires, now),
        expires_at=expires,
        decided_at=None,
        execution_expires_at=None,
        created_at=now,
        asked_at=now,
        first_tier=tier,
        review_after=False,
    )
    opened = await opening(tx, review, policy)
    if not await tx.requests.insert(opened.request):
        return
    await tx.audit.record(
        "review_opened",
        f"policy:{policy.version}",
        run_id=about.run_id,
        request_id=review.id,
        about=about.id,
        digest=about.digest,
        **opened.said,
    )
    await ask(tx, opened)


async def disown(tx: Tx, review: Request) -> None:
    """It was wrong: the undo is owed; where there is none, operators learn of it."""
    if review.reversible:
        await tx.runs.reverse(review.run_id)
        return
    effect = effect_id(review.parent_id or "")
    text = f"{review.action_type} ({effect}) ran alone, people found it wrong, and it can't be undone."
    await tx.owed.add("operators", f"disowned:{review.id}", {"text": text, "run_id": review.run_id})

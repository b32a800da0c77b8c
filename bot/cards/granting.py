"""Grants on cards: whether more may be allowed for the run, and on the decided card what was, with its way back."""

from datetime import datetime
from typing import Final

from bot.cards import kit, times
from bot.cards.arguments import counted
from bot.cards.buttons import approvable
from bot.cards.flags import flags
from bot.cards.view import CardView
from bot.ids import REVOKE_GRANT, encode_grant
from bot.words import Json, clip, flowing, plain
from graph.law.grants import Grant, offer
from graph.law.policy import Policy
from graph.law.policy_review import GrantRow
from graph.law.request import Request

MAX_TARGET: Final = 80
_OVER: Final = ("done", "rolled_back", "failed", "quarantined")


def grantable(policy: Policy, request: Request) -> GrantRow | None:
    """What a reviewer of this card may allow besides; nothing where the card can't show all, or shows what deceives."""
    row = offer(policy, request)
    return row if row is not None and approvable(request) and not flags(request) else None


def grant_blocks(view: CardView) -> list[Json]:
    """What was allowed with the approval; while it holds, with a button that takes it back."""
    grant = view.grant
    if grant is None:
        return []
    if not in_force(view, grant):
        return [_context(view, plain(_over(view, grant), 300))]
    lead, until = kit.mrkdwn(f"*{_lead(grant)}*"), kit.mrkdwn(f"until {times.local(grant.expires_at)}")
    told = _context(view, lead, plain(_bounds(grant), 300), until)
    button = {
        "type": "button",
        "action_id": REVOKE_GRANT,
        "text": plain("Take it back", 75),
        "value": encode_grant(grant.id),
        "accessibility_label": plain("Take back what is allowed for the rest of the run", 75)["text"],
    }
    return [told, {"type": "actions", "block_id": kit.block_id("revoke", view.request), "elements": [button]}]


def grant_spoken(view: CardView) -> str:
    """The same as a sentence, or nothing."""
    grant = view.grant
    if grant is None:
        return ""
    if not in_force(view, grant):
        return f"{_over(view, grant)}."
    return f"{_lead(grant)}, {_bounds(grant)}, until {times.utc(grant.expires_at)}. Button: Take it back."


def in_force(view: CardView, grant: Grant) -> bool:
    """Whether it still allows anything, as far as the view knows."""
    return grant.in_force(view.now) and view.run_status not in _OVER


def _context(view: CardView, *elements: Json) -> Json:
    return kit.context(*elements) | {"block_id": kit.block_id("grant", view.request)}


def _lead(grant: Grant) -> str:
    return f"And allowed {grant.left} more for this run"


def _bounds(grant: Grant) -> str:
    """`up to 420.00 EUR each, only for 4711`."""
    amount = f"up to {grant.up_to:,.2f} {grant.currency or ''}".strip() + " each" if grant.up_to is not None else ""
    whom = clip(flowing(grant.target or ""), MAX_TARGET)[0]
    concerns = "whatever they concern" if grant.any_target else f"only for {whom}" if whom else ""
    return ", ".join(text for text in (amount, concerns) if text)


def _over(view: CardView, grant: Grant) -> str:
    used = counted(grant.used, "use") if grant.used else "never used"
    if grant.revoked_at is not None:
        return f"Allowing more was taken back by {view.name(grant.revoked_by or '')}{_at(grant.revoked_at)}; {used}"
    return f"Allowing more for this run has ended; {used}"


def _at(at: datetime) -> str:
    return f", {times.utc(at)}"

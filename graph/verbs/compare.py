"""Compare: how two policies would have routed what agents really proposed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, Final

from graph.law.action import question
from graph.law.facts import from_json
from graph.law.policy import Policy
from graph.law.routing import Route, RouteKind, route
from graph.verbs.ports import Proposed, Store

PAGE: Final = 500


@dataclass(slots=True)
class Sums:
    """What one policy makes of all of it. `approvals`: how many people would have had to agree, in all."""

    reviews: int = 0
    approvals: int = 0
    alone: int = 0
    sent_back: int = 0

    def add(self, routed: Route) -> None:
        """Count one more."""
        match routed.kind:
            case RouteKind.AUTO:
                self.alone += 1
            case RouteKind.REJECT:
                self.sent_back += 1
            case _:
                self.reviews += 1
                self.approvals += routed.approvals


@dataclass(slots=True)
class Compared:
    """How many were routed, how many of them differ, `rows` of those that do, and the sums of both policies."""

    routed: int = 0
    differ: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    old: Sums = field(default_factory=Sums)
    new: Sums = field(default_factory=Sums)

    def as_json(self) -> Mapping[str, Any]:
        """Plain JSON, with what the new policy has more of than the old."""
        old, new = asdict(self.old), asdict(self.new)
        more = {name: new[name] - old[name] for name in old}
        counts = {"routed": self.routed, "differ": self.differ}
        return {**counts, "old": old, "new": new, "more": more, "requests": self.rows}


async def compare(store: Store, old: Policy, new: Policy, within: timedelta, *, keep: int | None = None) -> Compared:
    """Route every action that was proposed within this time under both policies, on the facts frozen then.

    Page by page, each in a transaction of its own; `keep` limits how many rows are kept, not what is counted.
    """
    found, last = Compared(), ""
    while True:
        async with store.begin() as tx:
            page = await tx.past.judged(within, last, PAGE)
        for request in page:
            _add(found, request, old, new, keep)
        if len(page) < PAGE:
            found.rows.sort(key=lambda row: (row["created_at"], row["id"]))
            return found
        last = page[-1].id


def _add(found: Compared, request: Proposed, old: Policy, new: Policy, keep: int | None) -> None:
    facts = from_json(request.judged, request.args)
    before, after = route(old, facts), route(new, facts)
    found.routed += 1
    found.old.add(before)
    found.new.add(after)
    if _said(before) == _said(after):
        return
    found.differ += 1
    if keep is None or len(found.rows) < keep:
        found.rows.append(
            {
                "id": request.id,
                "created_at": request.created_at.isoformat(),
                "action": f"{request.workflow}.{request.action_type}",
                "question": question(request.form, request.args),
                "old": _said(before),
                "new": _said(after),
            }
        )


def _said(routed: Route) -> dict[str, Any]:
    return {
        "route": str(routed.kind),
        "tier": routed.tier,
        "approvals": routed.approvals,
        "risk": str(routed.risk),
        "review_after": routed.review_after,
    }

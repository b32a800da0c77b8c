"""Turns: a channel is spoken to by one process at a time, and not faster than Slack likes it.

A turn is taken with the claim of what is to be said and is over when its outcome is written; a process that dies
in its turn blocks the channel for a moment only.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Double, Text, func, literal, select, text
from sqlalchemy.dialects.postgresql import insert

from storage.schema import NOW, paces
from storage.session import Session, after, given

TURN: Final = timedelta(seconds=12)
"""So long a channel is somebody's who doesn't come back: longer than a call to Slack may take."""


class PgTurns:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def end(self, pauses: Mapping[str, float]) -> None:
        if not pauses:
            return
        # In one order everywhere, so that two who end turns never wait for each other.
        over = given({"target": Text, "seconds": Double}, sorted(pauses.items()))
        next_at = NOW + over.c.seconds * timedelta(seconds=1)
        found = select(literal(self._session.workspace_id), over.c.target, next_at).order_by(over.c.target)
        statement = insert(paces).from_select(["workspace_id", "target", "next_at"], found)
        free = {"next_at": statement.excluded.next_at, "problem": ""}
        await self._session.count(statement.on_conflict_do_update(index_elements=["workspace_id", "target"], set_=free))

    async def pause(self, target: str, seconds: float, problem: str = "") -> None:
        statement = insert(paces).values(
            workspace_id=self._session.workspace_id, target=target, next_at=after(seconds), problem=problem[:200]
        )
        longer = {"next_at": statement.excluded.next_at, "problem": statement.excluded.problem}
        await self._session.count(
            statement.on_conflict_do_update(index_elements=["workspace_id", "target"], set_=longer)
        )

    async def paused(self, target: str) -> bool:
        statement = select(paces.c.target).where(
            paces.c.workspace_id == self._session.workspace_id, paces.c.target == target, paces.c.next_at > NOW
        )
        return await self._session.first(statement) is not None

    async def wait(self) -> float | None:
        row = await self._session.one(_WAIT.params(workspace=self._session.workspace_id))
        return None if row is None or row.seconds is None else float(row.seconds)


async def one_claimer(session: Session) -> None:
    """Until this commits nobody else claims: whoever is next sees which turns are taken."""
    name = f"gatepost.claim:{session.workspace_id}"
    await session.count(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


async def take(session: Session, targets: Collection[str]) -> frozenset[str]:
    """Take the turns of these targets; those that are really ours."""
    if not targets:
        return frozenset()
    next_at = NOW + TURN
    statement = insert(paces).values(
        [{"workspace_id": session.workspace_id, "target": target, "next_at": next_at} for target in sorted(targets)]
    )
    taken = statement.on_conflict_do_update(
        index_elements=["workspace_id", "target"], set_={"next_at": next_at}, where=paces.c.next_at <= NOW
    ).returning(paces.c.target)
    return frozenset(row.target for row in await session.all(taken))


def first_of_each(table: str, owed: str, order: str, columns: str) -> Any:
    """The first row of every target whose turn it is.

    The targets are found by skipping from one to the next in the index, and each one's first row by the same
    index: what else is owed is not read, however much it is.
    """
    free = "not_before <= gp_now() and (leased_until is null or leased_until <= gp_now())"
    return text(
        f"""
        with recursive waiting(target) as (
            (select target from {table}
                where workspace_id = :workspace and {owed} and target > '' order by target limit 1)
            union all
            select (select target from {table}
                where workspace_id = :workspace and {owed} and target > waiting.target order by target limit 1)
            from waiting where waiting.target is not null
        )
        select found.id, waiting.target
        from waiting
        left join paces on paces.workspace_id = :workspace and paces.target = waiting.target
        cross join lateral (
            select id, {columns} from {table}
            where workspace_id = :workspace and target = waiting.target and {owed} and {free}
            order by {order} limit 1
        ) as found
        where coalesce(paces.next_at, '-infinity') <= gp_now()
        order by {order} limit :most
        """  # noqa: S608 -- only names of ours
    )


_WAIT: Final = text(
    """
    select extract(epoch from min(next_at) - gp_now())::float8 as seconds
    from paces
    where workspace_id = :workspace and next_at > gp_now() and (
        exists (select from cards where cards.workspace_id = :workspace and cards.target = paces.target
            and cards.ts is null and cards.shown < cards.wanted and cards.not_before <= gp_now())
        or exists (select from owed where owed.workspace_id = :workspace and owed.target = paces.target
            and owed.done_at is null and owed.not_before <= gp_now())
    )
    """
)

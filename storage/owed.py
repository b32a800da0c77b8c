"""Owed chores: notices to people, mostly. Each is done at least once and remembered when done."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, literal, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from graph.verbs.ports import OwedRow
from storage import rows
from storage.schema import NOW, cards, owed
from storage.session import Session, after
from storage.turns import first_of_each, one_claimer, take

_FIRST: Final = first_of_each("owed", "done_at is null", "not_before", "not_before")


class PgOwed:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, kind: str, key: str, payload: Mapping[str, Any], delay_seconds: float = 0.0) -> None:
        await self._add(kind, {key: payload}, after(delay_seconds))

    async def add_many(self, kind: str, payloads: Mapping[str, Mapping[str, Any]]) -> None:
        await self._add(kind, payloads, NOW)

    async def _add(self, kind: str, payloads: Mapping[str, Mapping[str, Any]], not_before: Any) -> None:
        if not payloads:
            return
        new = [
            {
                "id": f"{kind}:{key}",
                "workspace_id": self._session.workspace_id,
                "kind": kind,
                "payload": dict(payload),
                "not_before": not_before,
                "target": _target(kind, payload),
            }
            for key, payload in payloads.items()
        ]
        await self._session.count(insert(owed).values(new).on_conflict_do_nothing())
        self._session.hints.add("owed")

    async def claim(self, limit: int, lease_seconds: float) -> Sequence[OwedRow]:
        await one_claimer(self._session)
        first = await self._session.all(_FIRST.params(workspace=self._session.workspace_id, most=limit))
        ours = await take(self._session, [row.target for row in first])
        due = (
            select(owed.c.id)
            .where(self._mine, owed.c.target == "", owed.c.done_at.is_(None), owed.c.not_before <= NOW, _free())
            .order_by(owed.c.not_before)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        which = or_(
            owed.c.id.in_(due.scalar_subquery()), owed.c.id.in_([row.id for row in first if row.target in ours])
        )
        statement = (
            update(owed)
            .where(which, owed.c.done_at.is_(None), _free())
            .values(leased_until=after(lease_seconds), attempts=owed.c.attempts + 1, tries=owed.c.tries + 1)
            .returning(owed)
        )
        return [rows.owed(row) for row in await self._session.all(statement)]

    async def superseded(self, row: OwedRow) -> bool:
        about = owed.c.payload["request_id"].astext == str(row.payload.get("request_id"))
        newer = select(owed.c.id).where(
            self._mine,
            owed.c.target == row.target,
            owed.c.done_at.is_(None),
            owed.c.kind == row.kind,
            about,
            owed.c.created_at > row.created_at,
        )
        return await self._session.first(newer.limit(1)) is not None

    async def done(self, row: OwedRow) -> None:
        # A response_url is a key to the conversation: not kept longer than it is needed.
        payload = owed.c.payload.op("-")("response_url")
        await self._update(row, done_at=NOW, leased_until=null(), last_error="", payload=payload)

    async def retry(self, row: OwedRow, delay_seconds: float, error: str, *, tried: bool = True) -> None:
        later = {"not_before": after(delay_seconds), "leased_until": null(), "last_error": error}
        if not tried:
            later["tries"] = owed.c.tries - 1
        await self._update(row, **later)

    async def _update(self, row: OwedRow, **values: Any) -> None:
        claimed = update(owed).where(owed.c.id == row.id, owed.c.attempts == row.attempts)
        await self._session.count(claimed.values(**values))

    @property
    def _mine(self) -> Any:
        return owed.c.workspace_id == self._session.workspace_id


def _free() -> Any:
    return or_(owed.c.leased_until.is_(None), owed.c.leased_until <= NOW)


def _target(kind: str, payload: Mapping[str, Any]) -> Any:
    """In whose turn it is said: a person's, the operators', that of the channel where the card is."""
    if kind in ("operators", "ephemeral"):
        # What is for one person's eyes in a channel takes no turn of the channel's.
        return literal("operators" if kind == "operators" else "")
    if named := next((payload[name] for name in ("user", "target", "channel") if payload.get(name)), None):
        return literal(str(named))
    where = select(cards.c.target).order_by(cards.c.created_at).limit(1)
    if "card_id" in payload:
        return func.coalesce(where.where(cards.c.id == str(payload["card_id"])).scalar_subquery(), "")
    if "request_id" in payload and "tier" in payload:
        of_tier = (cards.c.request_id == str(payload["request_id"]), cards.c.tier == int(payload["tier"]))
        return func.coalesce(where.where(*of_tier).scalar_subquery(), "")
    return literal("")

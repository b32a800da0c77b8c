"""Refund cases with their customers and orders: what the shop knows before anybody acts."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bot.sandbox.shop.bodies import NewCase, ShopError
from bot.sandbox.shop.book import Row, stamp, to_amount, to_cents, to_json

RECENT: Final = timedelta(days=30)

# A refund counts until it is reversed.
_REFUNDS: Final = """
    SELECT cents, currency, at FROM past_refunds WHERE customer = :customer
    UNION ALL
    SELECT cents, currency, at FROM ledger deed WHERE customer = :customer AND kind = 'refund'
    AND NOT EXISTS (SELECT 1 FROM ledger WHERE undoes = deed.seq)"""


def open_case(connection: sqlite3.Connection, new: NewCase) -> dict[str, Any]:
    """Open a case, with customer and order where they don't exist yet."""
    now = datetime.now(UTC)
    number = _count(connection, "SELECT count(*) FROM cases") + 10_001
    customer, order = new.customer or f"C-{number}", new.order or str(number)
    case_id = new.id or f"case-{order}" + (f"-{number}" if new.order else "")
    if _one(connection, "SELECT 1 FROM cases WHERE id = ?", case_id):
        raise ShopError(409, f"There is a case {case_id} already.")
    connection.execute(
        "INSERT INTO customers VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (customer, new.name, stamp(now - timedelta(days=new.customer_days))),
    )
    _place_order(connection, new, customer, order, now)
    connection.executemany(
        "INSERT INTO past_refunds VALUES (?, ?, ?, ?)",
        [
            (customer, to_cents(p.amount), new.currency, stamp(now - timedelta(days=p.days_ago)))
            for p in new.past_refunds
        ],
    )
    opened = stamp(now - timedelta(hours=new.waiting_hours))
    turns = [
        {"at": stamp(now - timedelta(hours=t.hours_ago)), "from": t.sender, "text": t.text} for t in new.conversation
    ]
    connection.execute(
        "INSERT INTO cases VALUES (?, ?, ?, ?, ?, 'open', ?, ?, ?)",
        (case_id, customer, order, to_cents(new.amount), new.currency, opened, opened, to_json(turns)),
    )
    return case(connection, case_id)


def _place_order(connection: sqlite3.Connection, new: NewCase, customer: str, order: str, now: datetime) -> None:
    placed = stamp(now - timedelta(hours=new.waiting_hours, days=6))
    connection.execute(
        "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, 'card ending in 4242') ON CONFLICT DO NOTHING",
        (order, customer, to_cents(new.order_total or new.amount), new.currency, placed, new.item),
    )
    if order_row(connection, order)["customer"] != customer:
        raise ShopError(422, f"order: {order} belongs to another customer")


def case(connection: sqlite3.Connection, case_id: str) -> dict[str, Any]:
    """The whole case as one document; `waited_days` is the shop's own count."""
    row = case_row(connection, case_id)
    waited = datetime.now(UTC) - datetime.fromisoformat(row["opened_at"])
    orders = connection.execute("SELECT id FROM orders WHERE customer = ? ORDER BY id", (row["customer"],)).fetchall()
    return {
        "id": row["id"],
        "status": row["status"],
        "amount": to_amount(row["cents"]),
        "currency": row["currency"],
        "opened_at": row["opened_at"],
        "changed_at": row["changed_at"],
        "waited_days": waited.days,
        "order": order(connection, row["order_id"]),
        "orders": [found["id"] for found in orders],
        "customer": customer(connection, row["customer"]),
        "conversation": json.loads(row["conversation"]),
    }


def withdraw(connection: sqlite3.Connection, case_id: str) -> dict[str, Any]:
    """The customer takes the case back; doing so twice changes nothing."""
    case_row(connection, case_id)
    connection.execute(
        "UPDATE cases SET status = 'withdrawn', changed_at = ? WHERE id = ? AND status = 'open'",
        (stamp(), case_id),
    )
    return case(connection, case_id)


def customer(connection: sqlite3.Connection, customer_id: str) -> dict[str, Any]:
    """The customer, with what was refunded so far, per currency."""
    row = _one(connection, "SELECT * FROM customers WHERE id = ?", customer_id)
    if row is None:
        raise ShopError(404, f"The shop has no customer {customer_id}.")
    found = connection.execute(
        "SELECT currency, count(*) AS n, sum(cents) AS cents, sum(at >= :since) AS recent,"  # noqa: S608
        f" sum(CASE WHEN at >= :since THEN cents ELSE 0 END) AS recent_cents FROM ({_REFUNDS}) GROUP BY currency",
        {"customer": customer_id, "since": stamp(datetime.now(UTC) - RECENT)},
    ).fetchall()
    days = (datetime.now(UTC) - datetime.fromisoformat(row["since"])).days
    return {
        "id": row["id"],
        "name": row["name"],
        "since": row["since"],
        "days": days,
        "refunds": {each["currency"]: _summary(each) for each in found},
    }


def _summary(row: Row) -> dict[str, Any]:
    return {
        "count": row["n"],
        "average": to_amount((row["cents"] + row["n"] // 2) // row["n"]),
        "count_30_days": row["recent"],
        "total_30_days": to_amount(row["recent_cents"]),
    }


def order(connection: sqlite3.Connection, order_id: str) -> dict[str, Any]:
    """The order, with what has been refunded of it and not reversed."""
    row = order_row(connection, order_id)
    refunded = _count(
        connection,
        "SELECT coalesce(sum(cents), 0) FROM ledger deed WHERE order_id = ? AND kind = 'refund'"
        " AND NOT EXISTS (SELECT 1 FROM ledger WHERE undoes = deed.seq)",
        order_id,
    )
    return {
        "id": row["id"],
        "customer": row["customer"],
        "item": row["item"],
        "total": to_amount(row["cents"]),
        "currency": row["currency"],
        "placed_at": row["placed_at"],
        "paid_by": row["card"],
        "refunded": to_amount(refunded),
    }


def case_row(connection: sqlite3.Connection, case_id: str) -> Row:
    """The case, or a 404."""
    row = _one(connection, "SELECT * FROM cases WHERE id = ?", case_id)
    if row is None:
        raise ShopError(404, f"The shop has no case {case_id}.")
    return row


def order_row(connection: sqlite3.Connection, order_id: str) -> Row:
    """The order, or a 404."""
    row = _one(connection, "SELECT * FROM orders WHERE id = ?", order_id)
    if row is None:
        raise ShopError(404, f"The shop has no order {order_id}.")
    return row


def _one(connection: sqlite3.Connection, sql: str, *values: Any) -> Row | None:
    found: Row | None = connection.execute(sql, values).fetchone()
    return found


def _count(connection: sqlite3.Connection, sql: str, *values: Any) -> int:
    return int(connection.execute(sql, values).fetchone()[0])

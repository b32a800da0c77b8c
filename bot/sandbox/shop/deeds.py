"""What can be done in the shop; every deed is one row of the ledger, and nothing else is."""

import json
import sqlite3
from collections.abc import Callable
from typing import Any

from bot.sandbox.shop.bodies import Credit, Message, Refund, Release, ShopError
from bot.sandbox.shop.book import Row, stamp, to_amount, to_cents, to_json
from bot.sandbox.shop.cases import case_row, order_row

Answer = dict[str, Any]


def once(connection: sqlite3.Connection, scope: str, key: str | None, body: Any, act: Callable[[], Answer]) -> Answer:
    """Act once per key: the same key and body give the same answer again, another body is a conflict."""
    if key is None:
        return act()
    text = to_json(body)
    known = connection.execute("SELECT body, answer FROM answers WHERE scope = ? AND key = ?", (scope, key)).fetchone()
    if known is not None:
        if known["body"] != text:
            raise ShopError(409, "This Idempotency-Key was used with another body.")
        return dict(json.loads(known["answer"]))
    answer = act()
    connection.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", (scope, key, text, json.dumps(answer)))
    return answer


def reserve(connection: sqlite3.Connection, credit: Credit) -> Answer:
    """Reserve store credit. The reference is kept for looking it up, not for telling duplicates."""
    case = _case_of(connection, credit.case_id, credit.customer)
    seq = _write(
        connection,
        "credit",
        case,
        reference=credit.reference,
        cents=to_cents(credit.amount),
        currency=credit.currency,
    )
    return {
        "credit": f"cr_{seq}",
        "reference": credit.reference,
        "amount": credit.amount,
        "currency": credit.currency,
    }


def credits_by(connection: sqlite3.Connection, reference: str) -> list[Answer]:
    """Every credit with this reference, oldest first."""
    rows = connection.execute(
        "SELECT *, EXISTS (SELECT 1 FROM ledger WHERE undoes = deed.seq) AS released FROM ledger deed"
        " WHERE reference = ? AND kind = 'credit' ORDER BY seq",
        (reference,),
    ).fetchall()
    return [
        {
            "credit": f"cr_{row['seq']}",
            "reference": row["reference"],
            "amount": to_amount(row["cents"]),
            "currency": row["currency"],
            "released": bool(row["released"]),
        }
        for row in rows
    ]


def release(connection: sqlite3.Connection, body: Release, key: str | None) -> Answer:
    """Take a credit back; it can be taken back once."""
    deed = _deed(connection, "credit", "cr_", body.credit)
    seq = _undo(connection, "credit_release", deed, key)
    return {"release": f"re_{seq}", "credit": body.credit, "amount": to_amount(deed["cents"])}


def refund(connection: sqlite3.Connection, body: Refund, key: str | None) -> Answer:
    """Refund the card with which the order was paid."""
    case = _case_of(connection, body.case_id)
    if order_row(connection, body.order)["customer"] != case["customer"]:
        raise ShopError(422, f"order: {body.order} belongs to another customer")
    seq = _write(
        connection,
        "refund",
        case,
        key=key,
        order=body.order,
        cents=to_cents(body.amount),
        currency=body.currency,
    )
    return {"refund": f"rf_{seq}", "order": body.order, "amount": body.amount, "currency": body.currency}


def reverse(connection: sqlite3.Connection, refund_id: str, key: str | None) -> Answer:
    """Reverse a refund; it can be reversed once."""
    deed = _deed(connection, "refund", "rf_", refund_id)
    seq = _undo(connection, "refund_reversal", deed, key)
    return {"reversal": f"rv_{seq}", "refund": refund_id, "amount": to_amount(deed["cents"])}


def write(connection: sqlite3.Connection, message: Message) -> Answer:
    """Write to the customer. Nobody can find out afterwards whether it was sent, except in the ledger."""
    case = _case_of(connection, message.case_id, message.customer)
    _write(connection, "message", case, detail=message.body)
    return {"sent": True}


def ledger(connection: sqlite3.Connection, case_id: str | None) -> list[Answer]:
    """What really happened, in order."""
    rows = connection.execute(
        "SELECT * FROM ledger WHERE :case_id IS NULL OR case_id = :case_id ORDER BY seq", {"case_id": case_id}
    ).fetchall()
    return [
        {
            "seq": row["seq"],
            "at": row["at"],
            "kind": row["kind"],
            "key": row["key"],
            "reference": row["reference"],
            "case_id": row["case_id"],
            "order": row["order_id"],
            "customer": row["customer"],
            "amount": None if row["cents"] is None else to_amount(row["cents"]),
            "currency": row["currency"],
            "detail": row["detail"],
        }
        for row in rows
    ]


def _case_of(connection: sqlite3.Connection, case_id: str, customer: str | None = None) -> Row:
    case = case_row(connection, case_id)
    if customer is not None and customer != case["customer"]:
        raise ShopError(422, f"customer: case {case_id} is of another customer")
    return case


def _deed(connection: sqlite3.Connection, kind: str, prefix: str, deed_id: str) -> Row:
    number = deed_id.removeprefix(prefix)
    row: Row | None = connection.execute(
        "SELECT * FROM ledger WHERE seq = ? AND kind = ?", (int(number) if number.isdecimal() else -1, kind)
    ).fetchone()
    if row is None or deed_id != f"{prefix}{row['seq']}":
        raise ShopError(404, f"The shop has no {kind} {deed_id}.")
    if connection.execute("SELECT 1 FROM ledger WHERE undoes = ?", (row["seq"],)).fetchone():
        raise ShopError(409, f"The {kind} {deed_id} has been taken back already.")
    return row


def _undo(connection: sqlite3.Connection, kind: str, deed: Row, key: str | None) -> int:
    case = case_row(connection, deed["case_id"])
    return _write(
        connection,
        kind,
        case,
        key=key,
        reference=deed["reference"],
        order=deed["order_id"],
        cents=deed["cents"],
        currency=deed["currency"],
        undoes=deed["seq"],
    )


def _write(
    connection: sqlite3.Connection,
    kind: str,
    case: Row,
    *,
    key: str | None = None,
    reference: str | None = None,
    order: str | None = None,
    cents: int | None = None,
    currency: str | None = None,
    undoes: int | None = None,
    detail: str = "",
) -> int:
    row = connection.execute(
        "INSERT INTO ledger"
        " (at, kind, key, reference, undoes, case_id, order_id, customer, cents, currency, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq",
        (stamp(), kind, key, reference, undoes, case["id"], order, case["customer"], cents, currency, detail),
    ).fetchone()
    return int(row["seq"])

"""Deeds of any domain: what was done, to what, and whether it was undone. Each is a row, and so is each undo."""

import sqlite3
from typing import Any

from bot.sandbox.shop.bodies import Deed, ShopError
from bot.sandbox.shop.book import Row, stamp, to_amount, to_cents

Answer = dict[str, Any]


def do(connection: sqlite3.Connection, deed: Deed, key: str | None) -> Answer:
    """Do it. Whether the subject still stands is the caller's question, as in most outside worlds."""
    row = connection.execute(
        "INSERT INTO deeds (at, domain, kind, subject, title, cents, currency, reference, key, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
        (
            stamp(),
            deed.domain,
            deed.kind,
            deed.subject,
            deed.title,
            None if deed.amount is None else to_cents(deed.amount),
            deed.currency,
            deed.reference,
            key,
            deed.detail,
        ),
    ).fetchone()
    return _short(row)


def undo(connection: sqlite3.Connection, deed_id: str, key: str | None) -> Answer:
    """Undo a deed; it can be undone once."""
    deed = _row(connection, deed_id)
    row = connection.execute(
        "INSERT INTO deeds (at, domain, kind, subject, title, cents, currency, reference, key, undoes, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '') RETURNING seq",
        (
            stamp(),
            deed["domain"],
            f"undo: {deed['kind']}",
            deed["subject"],
            f"Undone: {deed['title']}",
            deed["cents"],
            deed["currency"],
            deed["reference"],
            key,
            deed["seq"],
        ),
    ).fetchone()
    return {"undo": _id(row["seq"]), "deed": deed_id}


def deeds(
    connection: sqlite3.Connection,
    reference: str | None = None,
    domain: str | None = None,
    subject: str | None = None,
) -> list[Answer]:
    """What was done and undone, oldest first; whatever is not None has to fit."""
    rows = connection.execute(
        "SELECT deed.*, later.at AS undone_at FROM deeds deed LEFT JOIN deeds later ON later.undoes = deed.seq"
        " WHERE (:reference IS NULL OR deed.reference = :reference)"
        " AND (:domain IS NULL OR deed.domain = :domain)"
        " AND (:subject IS NULL OR deed.subject = :subject) ORDER BY deed.seq",
        {"reference": reference, "domain": domain, "subject": subject},
    ).fetchall()
    return [
        {
            **_short(row),
            "key": row["key"],
            "undoes": None if row["undoes"] is None else _id(row["undoes"]),
            "undone": row["undone_at"] is not None,
            "undone_at": row["undone_at"],
            "detail": row["detail"],
        }
        for row in rows
    ]


def _short(row: Row) -> Answer:
    return {
        "deed": _id(row["seq"]),
        "at": row["at"],
        "domain": row["domain"],
        "kind": row["kind"],
        "subject": row["subject"],
        "title": row["title"],
        "amount": None if row["cents"] is None else to_amount(row["cents"]),
        "currency": row["currency"],
        "reference": row["reference"],
    }


def _row(connection: sqlite3.Connection, deed_id: str) -> Row:
    number = deed_id.removeprefix("dd_")
    # Nineteen digits and more need not fit into SQLite's integers.
    seq = int(number) if number.isdecimal() and len(number) < 19 else -1
    row: Row | None = connection.execute("SELECT * FROM deeds WHERE seq = ?", (seq,)).fetchone()
    if row is None or deed_id != _id(row["seq"]):
        raise ShopError(404, f"The shop has no deed {deed_id}.")
    if row["undoes"] is not None:
        raise ShopError(409, f"{deed_id} is an undo itself; it can't be undone.")
    if connection.execute("SELECT 1 FROM deeds WHERE undoes = ?", (seq,)).fetchone():
        raise ShopError(409, f"The deed {deed_id} has been undone already.")
    return row


def _id(seq: int) -> str:
    return f"dd_{seq}"

"""What deeds are about. A subject is open until somebody withdraws it; the shop need not have heard of it before."""

import sqlite3
from typing import Any

from bot.sandbox.shop.book import Row, stamp

Answer = dict[str, Any]


def subject(connection: sqlite3.Connection, subject_id: str) -> Answer:
    """Whether it is open, and if not, since when and why."""
    row = connection.execute("SELECT * FROM subjects WHERE id = ?", (subject_id,)).fetchone()
    return _answer(subject_id, row)


def close(connection: sqlite3.Connection, subject_id: str, reason: str) -> Answer:
    """Withdraw it; doing so twice changes nothing, not even the reason."""
    connection.execute(
        "INSERT INTO subjects VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (subject_id, stamp(), reason),
    )
    return subject(connection, subject_id)


def known(connection: sqlite3.Connection) -> list[Answer]:
    """Every subject that something was done to or that was withdrawn, the open ones first."""
    rows = connection.execute(
        "SELECT known.id AS id, closed_at, reason FROM"
        " (SELECT subject AS id FROM deeds UNION SELECT id FROM subjects) known"
        " LEFT JOIN subjects ON subjects.id = known.id ORDER BY closed_at IS NOT NULL, known.id"
    ).fetchall()
    return [_answer(row["id"], row if row["closed_at"] else None) for row in rows]


def _answer(subject_id: str, row: Row | None) -> Answer:
    return {
        "id": subject_id,
        "open": row is None,
        "reason": None if row is None else row["reason"],
        "changed_at": None if row is None else row["closed_at"],
    }

"""Runs, requests, decisions, votes, effects, cards, owed work, people, policies, audit."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    # Straight to psycopg: the file holds percent signs that are no placeholders.
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    raise RuntimeError("the first migration can't be taken back: drop the database instead")

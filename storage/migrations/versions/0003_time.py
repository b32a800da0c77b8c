"""Time: when a tier was asked, who looks at it, what was asked of whom; stops, absences, shifts, digests, health."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    raise RuntimeError("stops and escalations would be forgotten: restore a backup instead")

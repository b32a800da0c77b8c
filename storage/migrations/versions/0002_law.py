"""What the law decided and on what: risk, reasons, rules, facts; and the parts that domains ship to the policy."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    raise RuntimeError("requests would lose what they were judged on: restore a backup instead")

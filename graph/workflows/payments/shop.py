"""What of the shop only refund cases need."""

from typing import Any
from urllib.parse import quote

from graph.workflows.shop import get


async def case_of(case_id: str) -> dict[str, Any]:
    """The refund case as the shop knows it now."""
    return await get(f"/cases/{quote(case_id, safe='')}")

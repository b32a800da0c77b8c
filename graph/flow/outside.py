"""Asking agents and the world: bounded in time, and an outage is nobody's fault."""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

from graph.flow.effects import RetryLater
from graph.flow.workflow import Refused

T = TypeVar("T")

AGENT_SECONDS: Final = 300.0
QUESTION_SECONDS: Final = 20.0
OUTAGE_SECONDS: Final = 15.0


async def asked(question: Awaitable[T], patience: float = QUESTION_SECONDS) -> T:
    """Ask an agent or the world, bounded in time; when the outside isn't there, the segment comes again."""
    try:
        return await asyncio.wait_for(question, patience)
    except (Refused, OSError, TimeoutError) as away:
        raise RetryLater(f"the outside can't be asked ({type(away).__name__})", OUTAGE_SECONDS) from away

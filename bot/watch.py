"""What a worker watches beside its work: the auditor's pass with its heartbeat, and runs that a deploy displaced."""

from typing import TYPE_CHECKING, Final

import httpx
import structlog
from pydantic import SecretStr

from bot.jobs import Every
from graph.verbs.auditor import SECONDS, audit
from graph.verbs.ports import Store

if TYPE_CHECKING:
    from graph.flow.runner import Runner

PLACES_SECONDS: Final = 60.0
_HEARTBEAT_SECONDS: Final = 5.0
_log: Final = structlog.get_logger("gatepost.watch")


def watching(store: Store, runner: "Runner", heartbeat: SecretStr | None) -> dict[str, Every]:
    """These ticks by name."""

    async def audited() -> None:
        found = await audit(store)
        if found is not None and not any(finding.grave for finding in found) and heartbeat is not None:
            await beat(heartbeat)

    async def places() -> None:
        await runner.places.look(sorted(runner.workflows))

    return {"audit": Every(SECONDS, audited), "places": Every(PLACES_SECONDS, places, at_once=True)}


async def beat(url: SecretStr) -> bool:
    """Say that all is well to whoever watches from outside; whether it was heard. The URL is a key: never logged."""
    try:
        async with httpx.AsyncClient(timeout=_HEARTBEAT_SECONDS) as client:
            answer = await client.get(url.get_secret_value())
    except httpx.HTTPError as problem:
        _log.warning("heartbeat not heard", error=type(problem).__name__)
        return False
    if not answer.is_success:
        _log.warning("heartbeat not heard", status=answer.status_code)
    return answer.is_success

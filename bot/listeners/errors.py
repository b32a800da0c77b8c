"""The one error handler: nothing was acknowledged, so Slack shows the person an error and the button stays live."""

import secrets
import traceback
from typing import Final

import structlog
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp

from bot.listeners.services import Services

_FRAMES: Final = 4
_log = structlog.get_logger(__name__)


def register(app: AsyncApp, services: Services) -> None:
    async def failed(error: Exception) -> BoltResponse:
        report(error)
        return BoltResponse(status=503, body="")

    app.error(failed)


def report(error: BaseException) -> None:
    """Log what failed and where, but no message: those of the database hold what people wrote."""
    chain = [error, *filter(None, (error.__cause__, error.__context__))]
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    _log.error(
        "interaction failed",
        reference=secrets.token_hex(4),
        errors=[type(each).__name__ for each in chain],
        where=[f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames],
    )

"""Logging a failure by its kinds and places, without its message: those of the database hold what people wrote."""

import secrets
import traceback
from typing import Final

import structlog

_FRAMES: Final = 4
_log = structlog.get_logger(__name__)


def report(what: str, error: BaseException) -> str:
    """Log what failed and where; gives a reference to find the line by."""
    chain = [error, *filter(None, (error.__cause__, error.__context__))]
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    reference = secrets.token_hex(4)
    _log.error(
        what,
        reference=reference,
        errors=[type(each).__name__ for each in chain],
        where=[f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames],
    )
    return reference

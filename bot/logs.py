"""Logs: one JSON line an event, to stderr, with secrets replaced. No local variables in tracebacks: they hold more."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from graph.law.masking import shown_value
from graph.law.secrets import redacted


class _Redacting(logging.Formatter):
    """Other people's log lines, tracebacks included, with secrets replaced."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


def without_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An event whose values are plain JSON without secrets; anything else in it as its text."""
    return {name: shown_value(_plain(value), name) for name, value in event.items()}


def configure(level: str) -> None:
    """Set up structlog and the standard library's logging alike."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            without_secrets,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting(logging.BASIC_FORMAT))
    logging.basicConfig(level=max(logging.WARNING, logging.getLevelNamesMapping()[level]), handlers=[handler])
    # These print bodies, headers or URLs with tokens at INFO and DEBUG.
    for noisy in ("slack_bolt", "slack_sdk", "httpx", "httpcore", "apscheduler", "aiohttp", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _plain(value: Any) -> Any:
    match value:
        case str() | int() | float() | None:
            return value
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return list(map(_plain, value))
        case _:
            return repr(value)

"""Logs: one JSON line an event, to stderr. No local variables in tracebacks: they hold secrets."""

import logging
import sys

import structlog


def configure(level: str) -> None:
    """Set up structlog and the standard library's logging alike."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=max(logging.WARNING, logging.getLevelNamesMapping()[level]), stream=sys.stderr)
    # These print bodies, headers or URLs with tokens at INFO and DEBUG.
    for noisy in ("slack_bolt", "slack_sdk", "httpx", "httpcore", "apscheduler", "aiohttp", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)

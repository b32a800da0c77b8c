"""OpenTelemetry: spans go to a collector when OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) names one.

Nothing of it is loaded otherwise. A run is one trace, whose id comes from the run's: web and workers join it.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from bot.settings import Settings
from graph.spans import Span, trace_id, trace_to

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_FLUSH_SECONDS: Final = 2.0


def traced(settings: Settings) -> bool:
    """Whether spans are to be sent."""
    return bool(settings.otel_exporter_otlp_endpoint or settings.otel_exporter_otlp_traces_endpoint)


@asynccontextmanager
async def tracing(settings: Settings, role: str) -> AsyncIterator[None]:
    """Send this process's spans while inside, the last ones (for a moment) at the end."""
    if not traced(settings):
        yield
        return
    provider = _provider(role)
    trace_to(_sink(provider))
    try:
        yield
    finally:
        trace_to(None)
        # A collector that doesn't answer must not hold up the end: a thread of the SDK's own does the waiting.
        await asyncio.to_thread(provider.force_flush, int(_FLUSH_SECONDS * 1000))


def _provider(role: str) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME", "gatepost")
    provider = TracerProvider(
        resource=Resource.create({"service.name": name, "gatepost.role": role}), shutdown_on_exit=False
    )
    # Where to, with which headers: the exporter reads OTEL_EXPORTER_OTLP_… itself.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=_FLUSH_SECONDS)))
    return provider


def _sink(provider: "TracerProvider") -> Any:
    from opentelemetry.trace import (
        NonRecordingSpan,
        SpanContext,
        Status,
        StatusCode,
        TraceFlags,
        set_span_in_context,
    )

    tracer = provider.get_tracer("gatepost")

    def parent(run_id: str) -> Any:
        """The run itself, as a span that nobody sends: it may wait for days."""
        root = int(hashlib.sha256(b"run " + run_id.encode()).hexdigest()[:16], 16)
        context = SpanContext(int(trace_id(run_id), 16), root, is_remote=True, trace_flags=TraceFlags(1))
        return set_span_in_context(NonRecordingSpan(context))

    def tell(told: Span) -> None:
        about: dict[str, str | int] = {f"gatepost.{name}": value for name, value in told.about.items()}
        if told.run_id:
            about["gatepost.run"] = told.run_id
        context = parent(told.run_id) if told.run_id else None
        sent = tracer.start_span(told.name, context, start_time=told.began, attributes=about)
        if told.error:
            sent.set_status(Status(StatusCode.ERROR, told.error))
        sent.end(told.ended)

    return tell

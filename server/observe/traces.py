"""Turns as OpenTelemetry traces, sent to a collector over OTLP/HTTP; needs the extra `otel`.

A trace is made when a turn ends, from the lines it has kept: nothing is measured twice. What plugins say in their errors
stays here, since it may quote a contact; names, sizes, times and ids go out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..errors import StartupError
from ..version import VERSION

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

EXPORT_SECONDS = 5.0
"""The longest a collector may take; past it, spans are lost and the log says so."""
CLOSE_SECONDS = 6.0
"""How long a stop waits for what has not been sent."""
_LEFT_OUT = frozenset({"at", "what", "reason"})
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Traces:
    """Sends traces to the collector at *endpoint* (its URL without `/v1/traces`); *exporter* in its place, for tests.

    Raises StartupError without the library.
    """

    def __init__(self, endpoint: str, instance: str, *, exporter: SpanExporter | None = None) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as err:
            raise StartupError("server.traces.endpoint needs a library: pip install 'frontdesk[otel]'") from err
        named = {"service.name": "frontdesk", "service.version": VERSION, "service.instance.id": instance}
        # A provider of our own: two servers of one process share nothing.
        self._provider: TracerProvider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
        exporter = exporter or OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("frontdesk", VERSION)

    def turn_ended(
        self, ids: Mapping[str, str], began: datetime, ended: datetime, lines: Sequence[Mapping[str, Any]]
    ) -> None:
        """One take-up of a turn: *ids* (tenant, conversation, turn, ending), and what its trace got meanwhile.

        What took seconds becomes a span, the rest an event.
        """
        from opentelemetry.trace import set_span_in_context

        named = {f"frontdesk.{key}": value for key, value in ids.items()}
        root = self._tracer.start_span("turn", start_time=_nanoseconds(began), attributes=named)
        inside = set_span_in_context(root)
        for line in lines:
            at = datetime.fromisoformat(line["at"])
            attributes = _attributes(line)
            if line["what"] in ("thought", "no answer", "tool", "hook"):
                start = _nanoseconds(at - timedelta(seconds=line["seconds"]))
                span = self._tracer.start_span(line["what"], inside, start_time=start, attributes=attributes)
                span.end(_nanoseconds(at))
            else:
                root.add_event(line["what"], attributes, _nanoseconds(at))
        root.end(_nanoseconds(ended))

    async def close(self) -> None:
        """Send what is left, for a while."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.to_thread(self._provider.shutdown)
        except TimeoutError:
            return  # the exporter has said in the log what it could not send


def _attributes(line: Mapping[str, Any]) -> dict[str, Any]:
    """What OpenTelemetry can hold of a line: numbers, texts, lists of texts."""
    return {
        f"frontdesk.{key}": value
        for key, value in line.items()
        if key not in _LEFT_OUT
        and (
            isinstance(value, str | int | float)
            or (isinstance(value, list) and all(isinstance(each, str) for each in value))
        )
    }


def _nanoseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000

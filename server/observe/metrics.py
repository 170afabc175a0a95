"""What one server counts and measures of itself, in a registry of its own; docs/reference/metrics.md names every family."""

from __future__ import annotations

import platform
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric

from ..step import Running
from ..version import VERSION
from .families import SLOW, Count, Durations, Family, Labels, Level

ENDINGS = ("committed", "without_model", "parked", "superseded", "hearing", "withdrawn", "lost")
DEED_OUTCOMES = ("done", "failed", "unknown")
UNTRUE_OUTCOMES = ("asked_again", "person_called", "replaced")
SENT_STATES = (
    "queued",
    "accepted",
    "sent",
    "delivered",
    "read",
    "failed",
    "parked",
    "expired",
    "withdrawn",
)
"""States of an outbound message that are counted: what it comes to, not the steps between."""


class Metrics:
    """The families of a process. All of them are written and read on the loop's thread."""

    def __init__(self, *, by_tenant: bool = False) -> None:
        self.by_tenant = by_tenant
        self.families: list[Family] = []
        self.webhooks = self._count("webhooks", "Webhooks answered", ("channel", "kind", "outcome"), tenant=False)
        self.webhook_seconds = self._durations(
            "webhook_seconds", "From the first byte of a webhook to its acknowledgement", ("channel",)
        )
        self.inbound = self._count("inbound_messages", "New messages of contacts that were stored", ("kind",))
        self.outbound = self._count("outbound_messages", "Messages to contacts that came to a state", ("state",))
        self.outbox_wait = self._durations(
            "outbox_wait_seconds", "From when a message was written to the provider's yes", bounds=SLOW
        ).of()
        self.turns = self._count("turns", "Turns that ended, by how", ("ending",), starts=ENDINGS)
        turn_seconds = self._durations(
            "turn_seconds", "What a committed turn's time went to, by part", ("part",), bounds=SLOW
        )
        self.settle_seconds = turn_seconds.of("settle")
        self.overhead_seconds = turn_seconds.of("overhead")
        self.model_seconds = turn_seconds.of("model")
        self.model_calls = self._count("model_calls", "Calls of models", ("plugin", "outcome"))
        self.model_tokens = self._count("model_tokens", "Tokens of models", ("plugin", "direction"))
        self.model_cost = self._count(
            "model_cost", "Money that models reported, in the currency", ("plugin", "currency")
        )
        self.deeds = self._count("deeds", "Deeds, by what came of them", ("outcome",), starts=DEED_OUTCOMES)
        self.untrue_replies = self._count(
            "untrue_replies",
            "Replies of models that said what nothing bears out, by what was done about it",
            ("outcome",),
            starts=UNTRUE_OUTCOMES,
        )
        self.hook_failures = self._count("hook_failures", "Hooks that failed and were passed over", ("plugin", "hook"))
        self.plugin_events = self._count("plugin_events", "What plugins counted", ("plugin", "event"))
        self.store_seconds = self._durations("store_call_seconds", "Calls of the store", ("call",))
        self.store_errors = self._count(
            "store_errors", "Calls of the store that failed", ("call", "error"), tenant=False
        )
        self.reloads = self._count(
            "reloads", "Reloads of the tenants file", ("outcome",), starts=("taken", "refused", "failed"), tenant=False
        )
        self.loop_lag = self._durations("loop_lag_seconds", "How late the event loop was, four times a second").of()
        self.show(Level("frontdesk_build_info", "Version, always 1", ("version", "python"), _build))
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def show(self, *families: Family) -> None:
        """Have *families* on the page, too."""
        self.families += families

    def hook_failed(self, label: Running) -> None:
        self.hook_failures.add(label.tenant, label.plugin, label.hook)

    def page(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Called by the registry."""
        for family in self.families:
            yield family.read()

    def _count(
        self, name: str, help: str, labels: Labels, *, starts: tuple[str, ...] = (), tenant: bool = True
    ) -> Count:
        count = Count(
            f"frontdesk_{name}_total",
            help,
            labels,
            starts=[(start,) for start in starts],
            by_tenant=self.by_tenant and tenant,
        )
        self.show(count)
        return count

    def _durations(
        self, name: str, help: str, labels: Labels = (), *, bounds: tuple[float, ...] | None = None
    ) -> Durations:
        name = f"frontdesk_{name}"
        durations = Durations(name, help, labels) if bounds is None else Durations(name, help, labels, bounds=bounds)
        self.show(durations)
        return durations


def _build() -> list[tuple[Labels, float]]:
    return [((VERSION, platform.python_version()), 1.0)]

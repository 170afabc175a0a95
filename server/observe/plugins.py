"""How the plugins of the tenants in use are: what is switched off, what does not run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..runtime import Runtimes
from .families import Labels, Level
from .metrics import Metrics


class PluginStates:
    """Shows them in *metrics*, counted over tenants."""

    def __init__(self, runtimes: Runtimes, metrics: Metrics) -> None:
        self._runtimes = runtimes
        metrics.show(
            Level(
                "frontdesk_breakers_open",
                "Hooks that are switched off after repeated failures, over tenants",
                ("plugin", "hook"),
                self._breakers,
            ),
            Level(
                "frontdesk_plugins_not_running",
                "Plugins that did not start or are quarantined, over tenants",
                ("plugin", "state"),
                self._not_running,
            ),
        )

    def _breakers(self) -> Iterator[tuple[Labels, float]]:
        open_ = Counter(
            (bound.label.plugin, bound.label.hook)
            for runtime in self._runtimes.in_use().values()
            for bound in runtime.bound()
            if bound.breaker.state != "closed"
        )
        yield from open_.items()

    def _not_running(self) -> Iterator[tuple[Labels, float]]:
        states = Counter(
            (plugin, trouble.partition(":")[0].replace(" ", "_"))
            for runtime in self._runtimes.in_use().values()
            for plugin, trouble in runtime.troubles.items()
        )
        yield from states.items()

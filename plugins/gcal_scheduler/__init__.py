"""Books visits: free times by the rules of the business, holds, appointments, and a calendar that shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from frontdesk import Finding, Plugin, Services, Task, hookimpl

from .calendars import Keeper
from .local import LocalCalendars
from .settings import GcalSchedulerSettings

if TYPE_CHECKING:
    from quart import Blueprint


class GcalScheduler(Plugin):
    """Finds, holds, books, moves and cancels visits; in a Google Calendar, too, if there is one."""

    settings: GcalSchedulerSettings

    def __init__(self, name: str, settings: GcalSchedulerSettings, services: Services) -> None:
        super().__init__(name, settings, services)
        self.calendars: Keeper = _keeper(self, settings)

    @hookimpl
    async def start(self) -> None:
        await self.calendars.start()

    @hookimpl
    async def stop(self) -> None:
        await self.calendars.stop()

    @hookimpl
    async def run_task(self, task: Task) -> None:
        if task.name.startswith("google_"):
            await self.calendars.run_task(task)

    @classmethod
    @hookimpl
    def routes(cls, blueprint: Blueprint) -> None:
        """Where Google comes to: its push messages, and operators back from its consent page."""
        from .google import routes  # its SDK is imported by nobody who does not need it

        routes.add(blueprint)

    @hookimpl
    async def check_health(self) -> Mapping[str, Any]:
        return await self.calendars.check_health()

    @hookimpl
    async def diagnose(self) -> tuple[Finding, ...]:
        return await self.calendars.diagnose()

    @hookimpl
    async def repair(self, fix: str) -> None:
        await self.calendars.repair(fix)


def _keeper(plugin: GcalScheduler, settings: GcalSchedulerSettings) -> Keeper:
    if settings.backend == "local":
        return LocalCalendars()
    from .google import GoogleCalendars  # its SDK is imported by nobody who does not need it

    return GoogleCalendars(plugin)

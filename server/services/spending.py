"""What a tenant's models may cost on one day: reserved before a call, settled after it, and told when it is spent.

A plugin's first model may use a share of the ceiling, the cheaper models behind it all of it; past it no paid model is
asked, and the next plugin of the list (the offline model, say) or a person answers.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog

from frontdesk.config import TenantConfig

from .. import alerts
from ..budget.limits import Ceiling, NotBefore, Reservation
from ..budget.service import Budgets
from ..errors import CeilingReached, RetryLater
from ..model import PluginDocument
from ..plugin import CORE
from ..runtime import Runtimes, UnknownTenant
from ..store import Store, StoreError
from ..store.collections import PLUGIN_DATA

log = structlog.get_logger(__name__)

MICRO = 1_000_000
"""The ceiling counts millionths of a US dollar."""
TOLD = "spending-told"
"""The document that says of which day the tenant has been told what."""
Tell = Callable[[str, str, str, str], Awaitable[None]]
"""Have a tenant's operators told: tenant, title, text, case. Raises StoreError."""


class Reserved:
    """What one call may cost. Settle it with what it came to. Who lets go of it without that has spent all of it: if it were
    held for ever, everybody would wait for it to come back, and nobody be told that the ceiling is reached."""

    def __init__(self, budgets: Budgets, reservations: list[Reservation]) -> None:
        self._budgets = budgets
        self.reservations = reservations

    def settle(self, cost: float) -> None:
        """*cost*: US dollars, 0 if nothing was called. Once; the second time changes nothing."""
        reservations, self.reservations = self.reservations, []
        for reservation in reservations:
            self._budgets.settle(reservation, _millionths(cost))

    def __del__(self) -> None:
        for reservation in self.reservations:
            self._budgets.settle(reservation, reservation.amount)


class SpendingOfTenant:
    """`self.spending` of an instance."""

    def __init__(self, budgets: Budgets, store: Store, tenant: TenantConfig, tell: Tell) -> None:
        self._budgets = budgets
        self._store = store
        self._tenant = tenant
        self._tell = tell

    @property
    def limited(self) -> bool:
        return self._tenant.spending.per_day is not None

    async def reserve(self, most: float, *, first: bool = False) -> Reserved:
        spending = self._tenant.spending
        if spending.per_day is None:
            return Reserved(self._budgets, [])
        begins, ends = self._today()
        ceilings = [("models", 1.0)]
        if first and spending.first_models < 1:
            ceilings.insert(0, ("models.first", spending.first_models))
        taken = Reserved(self._budgets, [])
        try:
            for key, share in ceilings:
                limit = Ceiling(_millionths(spending.per_day * share), begins, ends)
                answer = await self._budgets.reserve(self._tenant.id, key, limit, max(1, _millionths(most)))
                if isinstance(answer, NotBefore):
                    if answer.at >= ends:  # else it is only reserved, by calls that have not ended
                        await self._say_once(begins, key, share)
                    left = max(1.0, (answer.at - self._store.now()).total_seconds())
                    raise CeilingReached(self._reached(share), after=left)
                taken.reservations.append(answer)
        except StoreError as err:
            taken.settle(0)
            raise RetryLater(f"whether it may be paid for cannot be told: {err}", after=5) from err
        except BaseException:
            taken.settle(0)  # also if the turn is cancelled here: nothing was called
            raise
        return taken

    def _today(self) -> tuple[datetime, datetime]:
        """The tenant's day, in UTC; it has 23 or 25 hours where clocks are changed."""
        local = self._store.now().astimezone(self._tenant.zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight.astimezone(UTC), (midnight + timedelta(days=1)).astimezone(UTC)

    def _reached(self, share: float) -> str:
        ceiling = f"today's ceiling for models ({self._tenant.spending.per_day:g} USD) has no room for this call"
        return ceiling if share == 1 else f"the first model's share ({share:.0%}) of {ceiling}"

    async def _say_once(self, day: datetime, key: str, share: float) -> None:
        """Once a day and step, over all processes. What cannot be told does not keep the contact waiting."""
        step = f"{day.date()} {key}"
        log.warning("spending_ceiling", tenant=self._tenant.id, ceiling=key)
        if share < 1:
            text = f"{self._reached(share)}: until midnight the cheaper models of the list answer"
        else:
            text = (
                f"{self._reached(share)}: until midnight no paid model is asked for what costs more than is left; the "
                "offline model answers if it is in the list, else people. Raise spending.per_day if that is too early"
            )
        try:
            if step not in _steps(await self._told()):
                await self._tell(self._tenant.id, "The models' spending ceiling is reached", text, step)
                await self._remember(step)
        except StoreError as err:
            log.warning("store_away", reason=str(err), kind="spending")

    async def _told(self) -> PluginDocument | None:
        return await self._store.for_tenant(self._tenant.id).get(PLUGIN_DATA, f"{CORE}/{TOLD}")

    async def _remember(self, step: str) -> None:
        """That it has been told; of days that are over nothing is kept."""
        repository, day = self._store.for_tenant(self._tenant.id), step.partition(" ")[0]
        while step not in (steps := _steps(found := await self._told())):
            data = {"steps": [*(each for each in steps if each.startswith(day)), step]}
            if found is not None:
                await repository.update(PLUGIN_DATA, found, data=data)
                continue
            document = PluginDocument(id=f"{CORE}/{TOLD}", plugin=CORE, collection=TOLD, key=TOLD, data=data)
            await repository.insert(PLUGIN_DATA, document)


def _steps(told: PluginDocument | None) -> list[str]:
    return told.data.get("steps", []) if told is not None else []


def teller(runtimes: Callable[[], Runtimes], store: Store) -> Tell:
    """Tells by a task, whose plugins may take their time (alerts.py)."""

    async def tell(tenant: str, title: str, text: str, case: str) -> None:
        try:
            async with runtimes().use(tenant) as runtime:
                await alerts.alert(runtime, store.for_tenant(tenant), store, title, text, case=case, conversation="")
        except UnknownTenant:
            return  # it was suspended meanwhile, and is told by that

    return tell


def _millionths(amount: float) -> int:
    return math.ceil(round(amount * MICRO, 6))

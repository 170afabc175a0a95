"""A small front desk around the model: a tenant, a booking plugin with opaque ids, and a contact who writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from frontdesk import (
    Contact,
    ModelMessage,
    ModelReply,
    ModelRequest,
    Refused,
    RetryLater,
    TenantConfig,
    ToolCall,
    ToolResult,
    ToolSpec,
    numbered,
    tool,
)
from frontdesk.plugins.rehearsal_llm import dialogue
from frontdesk.plugins.rehearsal_llm.match import Index
from frontdesk.tools import Tool, tools_of
from frontdesk.turn.offer import OFFER_CHOICES, OFFERED, choices_in

FIXTURES = Path(__file__).parent / "fixtures"
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
"""A Monday morning."""

BESIDE_WORDS = {"call_a_person", OFFER_CHOICES.name}
"""Tools whose call ends a turn, if there are words beside it."""
CALL_A_PERSON = ToolSpec(
    name="call_a_person",
    description="Ask a colleague to take over this conversation.",
    schema={
        "type": "object",
        "properties": {"reason": {"type": "string"}},
        "required": ["reason"],
        "additionalProperties": False,
    },
)


class Booking:
    """A booking plugin as a tenant might have: ids say nothing, times must be looked up."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.visits: dict[str, str] = {}
        self.down = False

    @tool
    async def free_times(self, day: date) -> str:
        """Free times for a visit on one day, one a line: the id, a dash, and the time as people say it."""
        if self.down:
            raise RetryLater("the calendar does not answer")
        if day.weekday() == 6:
            return "Nothing is free on that day."
        slots = [(self.slot(day, hour), f"{day:%d/%m/%Y} {hour:02}:30") for hour in (9, 10, 15)]
        return "\n".join(f"{id} — {label}" for id, label in slots if id not in self.taken)

    @tool
    async def my_visits(self) -> str:
        """The visits this contact has booked, one a line: the id, a dash, and when."""
        return "\n".join(f"{id} — {when}" for id, when in self.visits.items()) or "There are none."

    @tool(deed=True, repeatable=True)
    async def book_visit(self, slot_id: str) -> str:
        """Book a visit at one of the free times.

        Args:
            slot_id: The id of a free time, as free_times gave it.
        """
        if slot_id in self.taken:
            raise Refused("that time has just been taken")
        self.taken.add(slot_id)
        when = self.time(slot_id)
        self.visits[f"v-{len(self.visits) + 1}x"] = when
        return f"visit booked for {when} ({slot_id})"

    @tool(deed=True, repeatable=True)
    async def cancel_visit(self, visit_id: str) -> str:
        """Cancel a booked visit.

        Args:
            visit_id: The id of the visit, as my_visits gave it.
        """
        return f"visit of {self.visits.pop(visit_id)} cancelled"

    @tool(deed=True, repeatable=True)
    async def move_visit(self, visit_id: str, slot_id: str) -> str:
        """Move a booked visit to another free time.

        Args:
            visit_id: The id of the visit, as my_visits gave it.
            slot_id: The id of the new time, as free_times gave it.
        """
        self.visits[visit_id] = self.time(slot_id)
        return f"visit moved to {self.visits[visit_id]}"

    @staticmethod
    def slot(day: date, hour: int) -> str:
        return f"sl{day.toordinal() * 7919 % 100_000:05x}{hour:x}"

    def time(self, slot_id: str) -> str:
        days = [NOW.date() + timedelta(days=n) for n in range(400)]
        found = next((d, h) for d in days for h in (9, 10, 15) if self.slot(d, h) == slot_id)
        return f"{found[0]:%d/%m/%Y} {found[1]:02}:30"


class Desk:
    """One conversation: what earlier turns looked up is forgotten between turns, as in the core."""

    def __init__(self, tenant: TenantConfig, plugin: Any = None, contact: Contact | None = None) -> None:
        self.tenant = tenant
        self.plugin = plugin
        self.tools: dict[str, Tool] = {t.spec.name: t for t in tools_of(type(plugin))} if plugin else {}
        self.contact = contact or Contact(id="c1", created_at=datetime(2026, 1, 1, tzinfo=UTC))
        self.history: list[ModelMessage] = []
        self.calls: list[ToolCall] = []
        self.index = Index(tenant)
        self.taps = False
        """Whether the contact's phone shows choices."""
        self.choices: list[dict[str, str]] = []
        """What could be tapped below the last answer."""

    @property
    def called_a_person(self) -> bool:
        return any(call.name == "call_a_person" for call in self.calls)

    @property
    def deeds(self) -> list[str]:
        return [call.name for call in self.calls if call.name in self.tools and self.tools[call.name].deed]

    def request(self, messages: list[ModelMessage]) -> ModelRequest:
        return ModelRequest(
            tenant=self.tenant,
            contact=self.contact,
            now=NOW.astimezone(self.tenant.zone),
            messages=tuple(messages),
            tools=(*(t.spec for t in self.tools.values()), CALL_A_PERSON),
        )

    def ask(self, messages: list[ModelMessage]) -> ModelReply:
        return dialogue.reply(self.request(messages), self.index, 0.5, "rehearsal", taps=self.taps)

    async def says(self, *texts: str | ModelMessage) -> str:
        """Write one or several messages; the words of the answer."""
        self.history += [t if isinstance(t, ModelMessage) else ModelMessage(role="user", text=t) for t in texts]
        self.calls, exchange = [], list[ModelMessage]()
        for _ in range(8):
            reply = self.ask(self.history + exchange)
            assert len(reply.text) < 1000
            self.calls += reply.tool_calls
            exchange.append(ModelMessage(role="assistant", text=reply.text, tool_calls=reply.tool_calls))
            results = [await self.run(call) for call in reply.tool_calls]
            if not reply.tool_calls or (reply.text and {c.name for c in reply.tool_calls} <= BESIDE_WORDS):
                assert reply.text.strip()
                offers = (call for call in reply.tool_calls if call.name == OFFER_CHOICES.name)
                offered = next((choices_in(call, self.tenant.opt_out) for call in offers), ())
                self.choices = [asdict(choice) for choice in offered]
                self.history.append(ModelMessage(role="assistant", text=numbered(reply.text, offered)))
                return reply.text
            exchange.append(ModelMessage(role="user", tool_results=tuple(results)))
        raise AssertionError("the model asked for tools eight times and said nothing")

    async def run(self, call: ToolCall) -> ToolResult:
        if call.name == OFFER_CHOICES.name:
            return ToolResult(id=call.id, name=call.name, content=OFFERED)
        if call.name == "call_a_person":
            assert isinstance(call.arguments["reason"], str) and call.arguments["reason"]
            return ToolResult(id=call.id, name=call.name, content="A colleague has been asked to take over.")
        try:
            arguments = self.tools[call.name].validate(call.arguments)
            content = await getattr(self.plugin, call.name)(**arguments)
        except Refused as err:
            return ToolResult(id=call.id, name=call.name, content=err.reason, error=True, refused=True)
        except RetryLater:
            return ToolResult(id=call.id, name=call.name, content="it is not possible right now", error=True)
        return ToolResult(id=call.id, name=call.name, content=content)


@pytest.fixture(scope="session")
def tenants() -> dict[str, TenantConfig]:
    written = yaml.safe_load((FIXTURES / "tenants.yaml").read_text(encoding="utf-8"))
    return {name: TenantConfig.model_validate(one) for name, one in written.items()}


@pytest.fixture
def booking() -> Booking:
    return Booking()


@pytest.fixture
def school(tenants: dict[str, TenantConfig], booking: Booking) -> Desk:
    """A Vietnamese language school that takes bookings."""
    return Desk(tenants["school"], booking)


@pytest.fixture
def clinic(tenants: dict[str, TenantConfig], booking: Booking) -> Desk:
    """An English dental clinic that takes bookings."""
    return Desk(tenants["clinic"], booking)


@pytest.fixture
def desk(tenants: dict[str, TenantConfig]) -> Callable[..., Desk]:
    """A desk for `school` or `clinic` with any plugin, or none."""

    def make(tenant: str, plugin: Any = None, **more: Any) -> Desk:
        return Desk(tenants[tenant], plugin, **more)

    return make

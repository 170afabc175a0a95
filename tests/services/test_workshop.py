"""The workshop: a draft is tried and nobody meets it; published like any change; an earlier version is put back."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from frontdesk import ModelReply, Plugin, Settings, ToolCall, Usage, hookimpl, tool
from frontdesk.auth import Principal
from frontdesk.services.rehearsal import Line
from frontdesk.services.settings_desk import FormRefused
from frontdesk.services.workshop import DraftMoved, OverlayConflict
from frontdesk.store.collections import COLLECTIONS, DRAFTS
from frontdesk.testing.desk import TENANT
from frontdesk.testing.plugins import Phone

LAN = Principal(id="1", name="lan", display_name="Lan")
AN = Principal(id="2", name="an", display_name="An")


class Calendar(Plugin):
    """Changes the world."""

    booked: ClassVar[list[str]] = []

    @tool(deed=True, repeatable=True)
    async def book(self, day: str) -> str:
        """Book a visit."""
        self.booked.append(day)
        return "booked"

    @tool
    async def free_times(self) -> str:
        """Times that are free."""
        self.booked.append("asked")
        return "9:00"


class Model(Plugin):
    """Books when it is asked to; else says its name and a fact. Tries to reach whatever it is given."""

    settings: Settings
    reached: ClassVar[list[str]] = []

    @hookimpl
    async def think(self, request: Any) -> ModelReply:
        last = request.messages[-1]
        if last.tool_results:
            assert all(result.refused for result in last.tool_results)
            return ModelReply(text=last.tool_results[0].content, model="m", usage=Usage(cost=0.01))
        if "book" in last.text:
            calls = (
                ToolCall(id="1", name="book", arguments={"day": "thứ Hai"}),
                ToolCall(id="2", name="free_times", arguments={}),
            )
            return ModelReply(tool_calls=calls, model="m", usage=Usage(cost=0.01))
        if "person" in last.text:
            call = ToolCall(id="1", name="call_a_person", arguments={"reason": "wants one"})
            return ModelReply(text="Somebody comes.", tool_calls=(call,), model="m")
        if "reach" in last.text:
            await self.tasks.schedule("call", "1", self.clock.now())
        if "note" in last.text:
            await self.store.put("notes", "1", {"said": last.text})
        tenant = request.tenant
        return ModelReply(text=f"{tenant.persona.name}: {len(tenant.facts)} facts, {len(request.messages)} messages")


DESK = {
    "plugins": {"phone": Phone, "calendar": Calendar, "model": Model},
    "tenants": {"clinic": {**TENANT, "persona": {"name": "Mai"}}},
}
FORM = {
    "f.persona.name": ["Lan Hương"],
    "f.persona.tone.emoji": ["", "on"],
    "f.facts.shown": ["1"],
    "f.facts[0].topic": ["Parking"],
    "f.facts[0].answer": ["Behind the house."],
}


async def everything(server: Any) -> dict[str, int]:
    """How much each collection of the tenant holds, but for drafts."""
    counts = {}
    for collection in COLLECTIONS:
        if collection.tenant_data and collection is not DRAFTS:
            counts[collection.name] = len(await server.server.store.bulk.page(collection, tenant="clinic"))
    return counts


@pytest.fixture(autouse=True)
def nothing_booked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Calendar, "booked", [])


async def test_a_draft_is_tried_and_is_in_force_for_nobody(desk: Any) -> None:
    async with desk(**DESK) as server:
        workshop = server.server.office.workshop
        bench = await workshop.save("clinic", FORM, (await workshop.bench("clinic")).token, LAN)
        assert bench.changed == ("facts", "persona.name", "persona.tone.emoji")
        assert [each.text for each in bench.form.entries if each.field.key == "persona.name"] == ["Lan Hương"]
        tried = await workshop.answer("clinic", [Line(who="contact", text="hi")])
        assert tried.text == "Lan Hương: 1 facts, 1 messages"
        unsaved = await workshop.answer("clinic", [Line(who="contact", text="hi")], {"f.persona.name": ["Thử"]})
        assert unsaved.text == "Thử: 0 facts, 1 messages"
        assert server.server.office.tenant("clinic").persona.name == "Mai"
        preview = await workshop.preview("clinic")
        assert "Lan Hương" in preview.rules and "Behind the house." in preview.rules and "book" in preview.tools


async def test_nothing_of_a_rehearsal_reaches_a_tool_a_task_or_the_store(desk: Any) -> None:
    async with desk(**DESK) as server:
        workshop = server.server.office.workshop
        before = await everything(server)
        for text in ("please book a visit", "note this", "reach out", "a person, please"):
            await workshop.answer("clinic", [Line(who="contact", text=text)])
        tried = await workshop.answer("clinic", [Line(who="contact", text="please book a visit")])
        assert [(each.name, each.deed) for each in tried.asked] == [("book", True), ("free_times", False)]
        assert "rehearsal" in tried.text and tried.cost == pytest.approx(0.02)
        assert (await workshop.answer("clinic", [Line(who="contact", text="a person")])).person == "wants one"
        assert (
            "nothing is kept, scheduled"
            in (await workshop.answer("clinic", [Line(who="contact", text="reach")])).trouble
        )
        assert Calendar.booked == [] and await everything(server) == before
        assert "clinic" not in server.server.runtimes.in_use()  # not even its plugins were made


async def test_publishing_shows_what_changes_and_puts_it_in_force(desk: Any) -> None:
    async with desk(**DESK) as server:
        workshop = server.server.office.workshop
        bench = await workshop.save("clinic", FORM, "0", LAN)
        told = {
            each.key: [(line.sign, line.text) for line in each.lines] for each in await workshop.differences("clinic")
        }
        assert told["persona.name"] == [("-", "Mai"), ("+", "Lan Hương")]
        assert await workshop.publish("clinic", bench.token, LAN) == ["facts", "persona.name", "persona.tone.emoji"]
        tenant = server.server.office.tenant("clinic")
        assert tenant.persona.name == "Lan Hương" and tenant.facts[0].topic == "Parking"
        assert (await workshop.bench("clinic")).changed == ()
        assert {each.key for each in await server.server.overlays.history("clinic")} == {
            "facts",
            "persona.name",
            "persona.tone.emoji",
        }
        (now, _), (before, lines) = await workshop.versions("clinic")
        assert (now.by, now.no, before.no) == ("lan", 2, 1)
        assert ("+", "  name: Mai") in [(line.sign, line.text) for line in lines]
        assert await workshop.roll_back("clinic", 1, AN)
        tenant = server.server.office.tenant("clinic")
        assert (tenant.persona.name, tenant.persona.tone.emoji, tenant.facts) == ("Mai", False, ())
        assert server.server.overlays.keys("clinic") == (), "what is as in the file is the file's again"
        assert not await workshop.roll_back("clinic", 99, AN)
        assert [each.what for each in await server.server.office.audit.entries("clinic", what="persona.rolled_back")]


async def test_neither_a_draft_nor_what_is_in_force_is_overwritten_unseen(desk: Any) -> None:
    async with desk(**DESK) as server:
        workshop, settings = server.server.office.workshop, server.server.office.settings
        await workshop.save("clinic", FORM, "0", LAN)
        with pytest.raises(DraftMoved, match="lan"):
            await workshop.save("clinic", FORM, "0", AN)
        token = (await workshop.bench("clinic")).token
        form = await settings.form("clinic")
        await settings.save("clinic", "", {"f.persona.name": ["Bích"]}, form.seen, AN)
        assert (await workshop.bench("clinic")).moved
        with pytest.raises(OverlayConflict):
            await workshop.publish("clinic", token, LAN)
        bench = await workshop.save("clinic", FORM, token, LAN)  # seen now
        assert not bench.moved
        await workshop.publish("clinic", bench.token, LAN)
        assert server.server.office.tenant("clinic").persona.name == "Lan Hương"


async def test_what_is_in_force_is_in_the_audit_whoever_saves_the_draft_meanwhile(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(**DESK) as server:
        workshop, took = server.server.office.workshop, server.server.take_changes
        bench = await workshop.save("clinic", FORM, "0", LAN)

        async def meanwhile() -> None:
            await took()
            await workshop.discard("clinic", AN)

        monkeypatch.setattr(server.server, "take_changes", meanwhile)
        with pytest.raises(DraftMoved):
            await workshop.publish("clinic", bench.token, LAN)
        monkeypatch.undo()
        assert server.server.office.tenant("clinic").persona.name == "Lan Hương"
        (entry,) = await server.server.office.audit.entries("clinic", what="persona.published")
        assert (entry.who, entry.details["keys"]) == ("lan", ["facts", "persona.name", "persona.tone.emoji"])


async def test_a_draft_that_would_not_work_is_neither_saved_nor_tried(desk: Any) -> None:
    async with desk(**DESK) as server:
        workshop = server.server.office.workshop
        bad = {"f.facts[0].topic": ["Parking"], "f.facts[0].answer": [""]}
        with pytest.raises(FormRefused) as refused:
            await workshop.save("clinic", bad, "0", LAN)
        assert [each.key for each in refused.value.flaws] == ["facts[0].answer"]
        with pytest.raises(FormRefused):
            await workshop.answer("clinic", [Line(who="contact", text="hi")], bad)
        await workshop.save("clinic", FORM, "0", LAN)
        await workshop.discard("clinic", LAN)
        assert (await workshop.bench("clinic")).changed == ()

"""Leads: changed once for each key, with what was before; merged, erased and exported with their contact."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from frontdesk import Change, Contact, Conversation, Evidence, Lead, Plugin, RetryLater, hookimpl
from frontdesk.auth import Principal
from frontdesk.services.leads import Conflict, Unknown
from frontdesk.store.collections import LEADS
from frontdesk.testing.plugins import ScriptedModel

HOA = Principal(id="o1", name="hoa", display_name="Hoa", roles={"clinic": "agent"})


class Crm(Plugin):
    """Hears of leads; once it cannot."""

    heard: list[tuple[str, str]]
    fails = 0

    @hookimpl
    async def start(self) -> None:
        self.heard = []

    @hookimpl
    async def on_lead_changed(self, conversation: Conversation, contact: Contact, lead: Lead, change: Change) -> None:
        if self.fails:
            self.fails -= 1
            raise RetryLater("busy", after=1)
        self.heard.append((contact.name, f"{change.before.get('temperature')} to {lead.temperature}: {change.cause}"))


async def lan(server: Any) -> Any:
    contact = server.contact("Lan")
    await contact.says("I want to start on Monday, whatever it costs")
    await contact.hears()
    return contact


async def test_a_change_is_kept_once_with_its_cause_and_told_until_it_is_heard(desk: Any) -> None:
    async with desk(plugins={"model": ScriptedModel, "crm": Crm}) as server:
        contact, leads = await lan(server), server.server.leads
        crm = await server.plugin("crm")
        crm.fails = 2
        said = Evidence(quote="whatever it costs", at=server.clock.now())
        told = {"temperature": "hot", "score": 90, "fields": {"budget": "open"}, "evidence": (said,)}
        for _ in range(2):
            lead = await crm.leads.change(contact.id, "m1", cause="they said so", **told)
        assert (lead.temperature, lead.score, lead.fields, lead.best_quote) == (
            "hot",
            90,
            {"budget": "open"},
            said.quote,
        )
        assert (await contact.conversation()).temperature == "hot", "the inbox is filtered by it"
        assert [each.what for each in lead.history] == ["new", "changed"]
        assert lead.history[-1].before == {"temperature": "cold", "score": 0, "fields": {}}
        assert lead.history[-1].by == "plugin:crm"

        async def heard() -> Any:
            return crm.heard

        await server.until("the CRM hears of it", heard)
        assert crm.heard == [("Lan", "cold to hot: they said so")]
        unchanged = await leads.change("clinic", contact.id, key="other", by="bot", temperature="hot")
        assert unchanged.version == lead.version


async def test_what_an_operator_has_set_stays_and_two_do_not_overwrite_each_other(desk: Any) -> None:
    async with desk(plugins={"model": ScriptedModel, "crm": Crm}) as server:
        contact, leads = await lan(server), server.server.leads
        crm = await server.plugin("crm")
        first = await crm.leads.change(contact.id, "m1", score=10)
        moved = await leads.change(
            "clinic", contact.id, key="a", by="operator:minh", temperature="warm", pinned=True, version=first.version
        )
        with pytest.raises(Conflict) as refused:
            await leads.change("clinic", contact.id, key="b", by="operator:hoa", stage="lost", version=first.version)
        assert refused.value.current == moved
        with pytest.raises(RetryLater):
            await crm.leads.change(contact.id, "m2", score=99, version=first.version)
        after = await crm.leads.change(contact.id, "m3", temperature="cold", score=20)
        assert (after.temperature, after.score) == ("warm", 20)
        with pytest.raises(Unknown):
            await leads.change("clinic", "nobody", key="c", by="bot")
        with pytest.raises(ValueError, match="0 to 100"):
            await leads.change("clinic", contact.id, key="d", by="bot", score=101)


async def test_many_at_once_lose_nothing(desk: Any) -> None:
    async with desk() as server:
        contact, leads = await lan(server), server.server.leads
        await asyncio.gather(
            *(leads.change("clinic", contact.id, key=f"k{n}", by="bot", fields={f"f{n}": "x"}) for n in range(12))
        )
        lead = await leads.get("clinic", contact.id)
        assert len(lead.fields) == 12 and len(lead.history) == 13
        assert await leads.count("clinic", "cold") == 1
        assert [each.id for each in await leads.list("clinic")] == [contact.id]
        assert (await leads.of("clinic", [contact.id, "nobody"])) == {contact.id: lead}


async def test_a_change_that_was_announced_and_never_written_is_told_to_nobody(desk: Any, monkeypatch: Any) -> None:
    async with desk(plugins={"model": ScriptedModel, "crm": Crm}) as server:
        contact, leads = await lan(server), server.server.leads
        crm = await server.plugin("crm")
        await leads.change("clinic", contact.id, key="0", by="bot", score=1)
        repository = server.repository()
        recorder = leads._recorder
        await recorder._announce("clinic", repository, contact.id, "never")
        await server.quiet()
        assert [cause for _, cause in crm.heard] == ["None to cold: "]
        lead = await repository.get(LEADS, contact.id)
        assert "never" not in [each.key for each in lead.history]


async def test_the_audit_has_what_one_changed_and_not_what_another_did_meanwhile(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(plugins={"model": ScriptedModel}) as server:
        contact, leads, office = await lan(server), server.server.leads, server.server.office
        before = await leads.change("clinic", contact.id, key="one", by="bot", stage="new")
        await leads.change("clinic", contact.id, key="two", by="operator:minh", stage="visited")

        async def as_it_was(tenant: str, id: str) -> Lead:
            return before

        monkeypatch.setattr(leads, "get", as_it_was)
        for _ in range(2):
            await office.records.change_lead("clinic", HOA, contact.id, key="three", stage="visited")
        assert await office.audit.entries("clinic", what="lead.changed") == []
        for _ in range(2):
            await office.records.change_lead("clinic", HOA, contact.id, key="four", temperature="hot", what="moved")
        entry, *_more = await office.audit.entries("clinic", what="lead.moved")
        assert (entry.who, entry.details) == ("hoa", {"before": "cold", "after": "hot"})

"""The people of a tenant: found, corrected, exported, erased; how long things are kept."""

from __future__ import annotations

from typing import Any

import pytest

from frontdesk import Plugin, hookimpl
from frontdesk.auth import Principal
from frontdesk.model import Consent, Memory
from frontdesk.services.contact_desk import UnknownContact
from frontdesk.store.collections import AUDIT, CONSENTS, CONTACTS, FIGURE_CASES
from frontdesk.testing.plugins import ScriptedModel

TENANTS = {"clinic": {"settle": {"quiet_seconds": 0}}, "school": {}}
HOA = Principal(id="1", name="hoa", display_name="Hoa", roles={"clinic": "owner"})


class Crm(Plugin):
    """Keeps something of a contact, and may be away when it is to delete it."""

    away = False

    @hookimpl
    async def export_contact(self, conversation: Any, contact: Any) -> dict[str, str]:
        return {"deal": "D-1"}

    @hookimpl
    async def erase_contact(self, conversation: Any, contact: Any) -> None:
        if type(self).away:
            from frontdesk import RetryLater

            raise RetryLater("the CRM is away", after=1)


class Voice(Plugin):
    """Speaks."""

    @hookimpl
    async def synthesize(self, text: str) -> None:
        return None


PLUGINS = {"model": ScriptedModel, "crm": Crm}


async def test_contacts_are_listed_found_and_kept_apart(desk: Any) -> None:
    async with desk(plugins=PLUGINS, tenants=TENANTS) as server:
        lan = server.contact("Nguyễn Thị Lan", phone="+84901234567")
        minh = server.contact("Minh Đức")
        for contact in (lan, minh):
            await contact.says("Chào em")
        people = server.server.office.contacts
        assert [each.contact.name for each in (await people.list("clinic")).people] == ["Minh Đức", "Nguyễn Thị Lan"]
        for search, found in (
            ("nguyen thi", [lan.id]),
            ("DUC", [minh.id]),
            (lan.id[:8], [lan.id]),
            ("090 123 4567", [lan.id]),
            ("4567", [lan.id]),
            ("nobody", []),
        ):
            assert [each.contact.id for each in (await people.list("clinic", search)).people] == found
        assert (await people.list("school")).people == () == (await people.list("school", "Lan")).people
        with pytest.raises(UnknownContact):
            await people.card("school", lan.id)
        card = await people.card("clinic", lan.id)
        assert card.confirmed("nguyen thi lan") and not card.confirmed("") and not card.confirmed("Lan")


async def test_what_is_remembered_is_corrected_and_forgotten_with_an_audit(desk: Any) -> None:
    async with desk(plugins=PLUGINS, tenants=TENANTS) as server:
        lan = server.contact("Lan")
        await lan.says("Chào em")
        repository, people = server.repository(), server.server.office.contacts
        now = server.server.store.now()
        memories = tuple(Memory(text=text, author="bot", at=now) for text in ("Has a cat", "Lives in Huế"))
        await repository.update(CONTACTS, await lan.contact(), memories=memories)
        await people.correct("clinic", HOA, lan.id, 1, "Has two cats")
        await people.forget("clinic", HOA, lan.id, 2)
        assert [each.text for each in (await people.card("clinic", lan.id)).contact.memories] == ["Has two cats"]
        assert await people.set_consent("clinic", HOA, lan.id, "stop")
        assert not await people.set_consent("clinic", HOA, lan.id, "stop")
        assert (await people.card("clinic", lan.id)).may_set == ("start",)
        audit = await repository.find(AUDIT, {}, order_by="at")
        assert {entry.what for entry in audit} == {"memory.corrected", "memory.forgotten", "consent.stopped"}
        assert not any("cats" in str(entry) for entry in audit), "no words of the contact"


async def test_how_somebody_is_answered_is_changed_by_an_operator(desk: Any) -> None:
    async with desk(plugins={**PLUGINS, "voice": Voice}, tenants=TENANTS) as server:
        lan = server.contact("Lan")
        await lan.says("Chào em")
        people = server.server.office.contacts
        assert (await people.card("clinic", lan.id)).voice == "like_for_like"
        for how in ("text", "text", ""):
            await people.set_answers("clinic", HOA, lan.id, how)
            assert (await lan.contact()).answers == how
        audit = await server.repository().find(AUDIT, {}, order_by="at")
        # Both may have the same millisecond.
        assert sorted((entry.what, entry.details["how"]) for entry in audit) == [
            ("contact.answers", ""),
            ("contact.answers", "text"),
        ]
    async with desk(plugins=PLUGINS, tenants=TENANTS) as server:
        assert (await server.server.office.contacts.card("clinic", lan.id)).voice == "", "none of its plugins speaks"


async def test_an_erasure_says_what_goes_waits_for_plugins_and_tells_what_became_of_it(desk: Any) -> None:
    Crm.away = True
    async with desk(plugins=PLUGINS, tenants=TENANTS) as server:
        lan = server.contact("Lan")
        await lan.says("Chào em")
        await lan.hears()
        await server.quiet()
        people = server.server.office.contacts
        told = await people.export("clinic", HOA, lan.id)
        assert told["plugins"] == {"crm": {"deal": "D-1"}} and told["troubles"] == []
        there = await people.erasable("clinic", lan.id)
        assert (there.going["messages"], there.providers, there.plugins, there.silent) == (
            2,
            ("phone",),
            ("crm",),
            ("model",),
        )
        assert await people.erasure("clinic", lan.id) is None
        await server.server.office.insights.of("clinic", 7)
        repository, hers = server.repository(), {"conversation": lan.id}
        assert len(await repository.find(FIGURE_CASES, hers, order_by="at")) >= 3
        await repository.insert(
            CONSENTS,
            Consent(
                id="h",
                contact=lan.id,
                by="operator",
                what="start",
                at=server.server.store.now(),
                channel="phone",
                message="",
                text="hoa",
            ),
        )
        await people.erase("clinic", HOA, lan.id)

        async def trouble() -> Any:
            state = await people.erasure("clinic", lan.id)
            return state if state.trouble else None

        state = await server.until("it waits for the CRM", trouble)
        assert (state.state, state.left, state.heard, state.asked_by) == ("waiting", 2, (), "hoa")
        with pytest.raises(UnknownContact):
            await people.card("clinic", lan.id)
        assert (await people.list("clinic")).people == ()
        Crm.away = False

        async def done() -> Any:
            state = await people.erasure("clinic", lan.id)
            return state if state.state == "done" else None

        state = await server.until("it is erased", done)
        assert (state.left, state.before["going"]["messages"], state.before["plugins"]) == (0, 2, ["crm"])
        assert await repository.get(CONTACTS, lan.id) is None
        assert await repository.find(FIGURE_CASES, hers, order_by="at") == []
        assert await repository.get(CONSENTS, "h") is None


async def test_how_long_things_are_kept_is_changed_over_the_file_and_goes_back(desk: Any) -> None:
    async with desk(plugins=PLUGINS, tenants={**TENANTS, "clinic": {"retention": {"notes": "90 d"}}}) as server:
        people = server.server.office.contacts

        async def kept() -> dict[str, tuple[str, bool]]:
            return {each.name: (each.value, each.changed) for each in await people.retention("clinic")}

        assert await kept() == {
            "messages": ("", False),
            "turns": ("", False),
            "notes": ("90 d", False),
            "tasks": ("30 d", False),
        }
        assert "at least" in await people.keep("clinic", HOA, "messages", "2 d")
        assert await people.keep("clinic", HOA, "messages", "365 d") == ""
        assert await people.keep("clinic", HOA, "notes", "30 d") == ""
        assert (await kept())["messages"] == ("365 d", True)

        async def in_force() -> bool:
            return server.server.declared["clinic"].tenant.retention.messages is not None

        await server.until("it is in force", in_force)
        assert await people.keep("clinic", HOA, "notes", "") == ""
        assert (await kept())["notes"] == ("90 d", False)
        assert len(await server.repository().find(AUDIT, {"what": "setting.changed"}, order_by="at")) == 3

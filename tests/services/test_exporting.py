"""All that is kept of a contact, under all their names, and what each plugin keeps; nothing of anybody else."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from frontdesk import Plugin, RetryLater, hookimpl
from frontdesk.services.exporting import export
from frontdesk.testing.plugins import ScriptedModel

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}


class Crm(Plugin):
    """Keeps something of each contact."""

    fails: ClassVar[Exception | None] = None

    @hookimpl
    async def export_contact(self, conversation: Any, contact: Any) -> dict[str, Any] | None:
        if self.fails is not None:
            raise self.fails
        return {"deals": list(conversation.parts), "name": contact.name}


class Nothing(Plugin):
    """Keeps nothing."""

    @hookimpl
    async def export_contact(self) -> None:
        return None


@pytest.fixture
def start(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Crm, "fails", None)
    return lambda: desk(plugins={"model": ScriptedModel, "crm": Crm, "nothing": Nothing}, tenants=AT_ONCE)


async def exported(server: Any, contact: Any) -> tuple[dict[str, Any], list[str]]:
    async with server.server.runtimes.use("clinic") as runtime:
        told, troubles = await export(runtime, server.server.store, await contact.conversation())
    # As it is printed.
    return json.loads(json.dumps(told)), troubles


async def test_everything_under_every_name_and_nothing_of_others(start: Any) -> None:
    async with start() as server:
        lan, user, other = (
            server.contact("Lan", phone="+84901234567"),
            server.contact("user-id"),
            server.contact("Minh"),
        )
        for each in (lan, user, other):
            await each.says(f"Em là {each.name}")
            await each.hears()
        await user.says("Số của em đây", also=(lan.external_id,))
        await server.quiet()
        assert (await user.conversation()).merged_into == lan.id
        await lan.says("STOP")
        await server.quiet()
        told, troubles = await exported(server, lan)
        assert troubles == [] and "Minh" not in json.dumps(told)
        said = [message["text"] for message in told["messages"] if message["direction"] == "inbound"]
        assert said == ["Em là Lan", "Em là user-id", "Số của em đây", "STOP"]
        assert {each["external_id"] for each in told["identities"]} == {lan.external_id, user.external_id}
        assert told["contact"]["phone"] == "+84901234567" and told["contact"]["opted_out"]
        assert [each["what"] for each in told["consents"]] == ["stop"]
        assert len(told["turns"]) == 3 and all(turn["why"] for turn in told["turns"])
        assert told["plugins"] == {"crm": {"deals": [lan.id, user.id], "name": "Lan"}}


async def test_a_plugin_that_cannot_say_is_named(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with start() as server:
        lan = server.contact("Lan")
        await lan.says("Xin chào")
        await lan.hears()
        await server.quiet()
        for error in (RetryLater("the CRM is away"), ValueError("a defect")):
            monkeypatch.setattr(Crm, "fails", error)
            told, (trouble,) = await exported(server, lan)
            assert trouble.startswith("crm: ") and told["plugins"] == {}
            assert told["messages"]

"""An answer that never reached its contact is shown to people and told to them: nobody is left in silence unseen."""

from __future__ import annotations

import pytest

from frontdesk import Plugin, Refused, RetryLater, hookimpl
from frontdesk.channel import StatusUpdate
from frontdesk.observe.backlog import LOOK_EVERY
from frontdesk.services import parked
from frontdesk.testing.plugins import Phone, ScriptedModel

SOON_USELESS = {"clinic": {"settle": {"quiet_seconds": 0}, "useful_for": "2 min"}}
COUNTED = 'frontdesk_parked{what="undelivered"}'


class Bell(Plugin):
    """Notes what operators are told."""

    rung: list[tuple[str, str]]

    @hookimpl
    async def start(self):
        self.rung = []

    @hookimpl
    async def alert_operator(self, title, text):
        self.rung.append((title, text))


class Refusing(Phone):
    """Refuses everything, as WhatsApp does outside the window."""

    @hookimpl
    async def send(self, message):
        raise Refused("the contact has not written for 24 hours", code="63016")


class Busy(Phone):
    """Takes nothing for as long as a message is of use."""

    @hookimpl
    async def send(self, message):
        raise RetryLater("busy")


async def listed(server):
    return await server.server.parked.list("clinic")


@pytest.mark.parametrize(
    ("phone", "why"), [(Refusing, "63016: the contact has not written for 24 hours"), (Busy, "too late")]
)
async def test_an_answer_that_ended_unsent_is_listed_counted_and_told_until_a_person_has_seen_it(
    desk, read, phone, why
):
    plugins = {"phone": phone, "model": ScriptedModel, "bell": Bell}
    async with desk(plugins=plugins, tenants=SOON_USELESS) as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await server.until("it is listed", lambda: listed(server))
        await server.quiet()
        (found,) = await listed(server)
        assert (found.what, found.conversation) == ("undelivered", lan.id)
        assert found.reason.startswith(why)
        assert (await server.plugin("bell")).rung == [("A message did not reach its contact", found.reason)]
        assert (await read(server))[COUNTED] == 1
        assert not await server.server.parked.replay("clinic", found.id)
        assert await server.server.parked.dismiss("clinic", found.id)
        assert await listed(server) == []
        server.clock.advance(LOOK_EVERY)
        assert (await read(server))[COUNTED] == 0


async def test_what_a_callback_reports_as_failed_is_listed_and_told_with_what_to_do(desk):
    plugins = {"model": ScriptedModel, "bell": Bell}
    async with desk(plugins=plugins, tenants=SOON_USELESS) as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        (sent,) = [message for message in await lan.messages() if message.direction == "outbound"]
        said = {"code": "63007", "reason": "The sender is not a WhatsApp sender of this account."}
        failed = StatusUpdate(provider_id=sent.provider_id, state="failed", message=sent.id, **said)
        await server.server.status.take("clinic", [failed, failed])
        await server.quiet()
        (found,) = await listed(server)
        told = "63007: The sender is not a WhatsApp sender of this account."
        assert (found.id, found.what, found.reason) == (sent.id, "undelivered", told)
        assert (await server.plugin("bell")).rung == [("A message did not reach its contact", told)]
        delivered = StatusUpdate(provider_id=sent.provider_id, state="delivered", message=sent.id)
        await server.server.status.take("clinic", [delivered])
        assert await listed(server) == [], "it arrived after all"


async def test_what_was_said_again_is_not_listed_and_its_repetition_is_if_it_fails_too(desk, read, monkeypatch):
    monkeypatch.setattr(parked, "PAGE", 1)
    plugins = {"model": ScriptedModel, "bell": Bell}
    async with desk(plugins=plugins, tenants={"clinic": {"settle": {"quiet_seconds": 0}}}) as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        (first,) = [message for message in await lan.messages() if message.direction == "outbound"]
        said = {"code": "63018", "reason": "Too fast.", "again_after": 5.0}
        await server.server.status.take(
            "clinic", [StatusUpdate(provider_id=first.provider_id, state="failed", message=first.id, **said)]
        )
        assert await listed(server) == []
        assert (await read(server))[COUNTED] == 0
        await lan.hears()
        second = (await lan.messages())[-1]
        await server.server.status.take(
            "clinic", [StatusUpdate(provider_id=second.provider_id, state="failed", message=second.id, **said)]
        )
        assert [each.id for each in await listed(server)] == [second.id]
        server.clock.advance(LOOK_EVERY)
        assert (await read(server))[COUNTED] == 1

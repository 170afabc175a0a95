"""What a model is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from frontdesk import Plugin, hookimpl
from frontdesk.mind import Section
from frontdesk.store.collections import MESSAGES
from frontdesk.testing.plugins import ScriptedModel

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}


class Weather(Plugin):
    """Adds a part to every prompt."""

    @hookimpl
    async def prompt_section(self, conversation, contact):
        return Section(name="weather", text=f"{contact.name} sees rain")


def said(request):
    return [(message.role, message.text) for message in request.messages]


async def test_the_model_sees_the_conversation_in_order_and_what_plugins_add(desk):
    async with desk(plugins={"model": ScriptedModel, "weather": Weather}, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        await lan.says("Xin chào ạ.")
        await lan.hears()
        await lan.says("Mấy giờ mở cửa?")
        await lan.hears()
        request = model.requests[-1]
        assert said(request) == [
            ("user", "Xin chào ạ."),
            ("assistant", "You said: Xin chào ạ."),
            ("user", "Mấy giờ mở cửa?"),
        ]
        assert request.sections == (Section(name="weather", text="Lan sees rain"),)
        assert [spec.name for spec in request.tools] == ["call_a_person", "offer_choices", "remember"]
        assert request.now.utcoffset() == timedelta(0) and str(request.now.tzinfo) == "Europe/London"


async def test_what_was_never_sent_is_not_part_of_the_conversation(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        await lan.says("Hello.")
        await lan.hears()
        (answer,) = await lan.received()
        await server.repository().update(MESSAGES, answer, state="withdrawn")
        await lan.says("Hello?")
        await server.quiet()
        assert said(model.requests[-1]) == [("user", "Hello."), ("user", "Hello?")]


@pytest.mark.parametrize(
    ("state", "told"), [("failed", "did not reach"), ("expired", "did not reach"), ("parked", "may not have reached")]
)
async def test_a_model_is_told_what_did_not_reach_the_contact_with_what_they_wrote_next(desk, state, told):
    async with desk(tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        await lan.says("Học phí bao nhiêu?")
        await lan.hears()
        (answer,) = await lan.received()
        await server.repository().update(MESSAGES, answer, state=state)
        for text in ("Alo?", "Có ai không?"):
            await lan.says(text)
            await lan.hears()
        first, second, _, third = model.requests[-1].messages
        note = f'what was written to them before this {told} them: "You said: Học phí bao nhiêu?"'
        assert [message.text for message in (first, second, third)] == ["Học phí bao nhiêu?", "Alo?", "Có ai không?"]
        assert [message.notes for message in (first, second, third)] == [(), (note,), ()]


async def test_what_was_said_again_is_not_told_as_missing(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        await lan.says("Học phí bao nhiêu?")
        await lan.hears()
        (answer,) = await lan.received()
        failed = await server.repository().update(MESSAGES, answer, state="failed")
        await server.repository().insert(
            MESSAGES, replace(failed, id=f"{answer.id}.again", again_of=answer.id, state="sent", version=1)
        )
        await lan.says("Alo?")
        await lan.hears()
        await server.quiet()
        assert [message.notes for message in model.requests[-1].messages] == [()] * 3


async def test_a_pinned_turn_does_not_see_what_came_later(desk, diary, world, asks_for):
    async with desk(plugins={"model": ScriptedModel, "diary": diary}, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")

        async def meanwhile(day):
            await lan.says("Later.")

        world.after = meanwhile
        model.script = [asks_for("book", day="Monday"), "Booked."]
        await lan.says("Monday.")
        assert await lan.hears() == "Booked."
        assert "Later." not in str(said(model.requests[1]))


async def test_a_location_and_a_button_are_words(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        await lan.says("", kind="location", data={"latitude": 21.03, "longitude": 105.85, "label": "Hồ Gươm"})
        assert await lan.hears() == "You said: [location: Hồ Gươm 21.03, 105.85]"
        await lan.says("Đồng ý", kind="button", data={"payload": "yes"})
        assert await lan.hears() == "You said: Đồng ý"

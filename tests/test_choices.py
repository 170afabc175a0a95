"""Choices with a message: kept, shown, numbered; and dots for as long as a turn runs."""

from __future__ import annotations

import asyncio

import pytest

from frontdesk import Choice
from frontdesk.choices import as_data, choices_of, numbered
from frontdesk.testing.plugins import Phone, ScriptedModel
from frontdesk.turn.engine import TYPING_AFTER

CHOICES = (Choice(id="a", title="Sáng"), Choice(id="b", title="Chiều", description="sau 14 giờ"))


def test_they_are_kept_as_data_and_numbered_where_nothing_better_is_there():
    assert choices_of(as_data(CHOICES)) == CHOICES and choices_of({}) == ()
    assert numbered("Khi nào ạ?", CHOICES) == "Khi nào ạ?\n1. Sáng\n2. Chiều (sau 14 giờ)"
    with pytest.raises(ValueError, match="an id of its own"):
        as_data((CHOICES[0], CHOICES[0]))


class Touch(Phone):
    """A phone with buttons, which shows dots for ten seconds."""

    shows_choices = True
    typing_seconds = 10.0


@pytest.mark.parametrize("channel", [Phone, Touch])
async def test_a_channel_without_buttons_gets_the_choices_as_words(desk, channel):
    async with desk(plugins={"phone": channel, "model": ScriptedModel}) as server:
        lan, phone = server.contact("Lan"), await server.plugin("phone")
        await lan.says("Chào em.")
        await lan.hears()
        await phone.conversations.send(lan.id, "offer", "Khi nào ạ?", choices=CHOICES)
        await phone.conversations.send(
            lan.id, "where", place={"latitude": 21.0, "longitude": 105.8, "label": "Hoa Sen"}
        )
        with pytest.raises(ValueError, match="several messages"):
            await phone.conversations.send(lan.id, "both", "x", choices=CHOICES, media=["k"])
        await lan.hears()
        await lan.hears()
        offer, where = phone.sent[1:]
        shown = ("button", "Khi nào ạ?") if channel is Touch else ("text", numbered("Khi nào ạ?", CHOICES))
        assert (offer.kind, offer.text) == shown
        assert (where.kind, where.data["latitude"], where.data["label"]) == ("location", 21.0, "Hoa Sen")


async def test_dots_are_shown_for_as_long_as_the_turn_runs(desk):
    async with desk(
        plugins={"phone": Touch, "model": ScriptedModel}, tenants={"clinic": {"settle": {"quiet_seconds": 0}}}
    ) as server:
        lan, phone, model = server.contact("Lan"), await server.plugin("phone"), await server.plugin("model")
        gate = asyncio.Event()

        async def slow(request):
            await gate.wait()
            return "Dạ."

        model.script = [slow]
        await lan.says("Chào em.")

        await server.until("it thinks", lambda: _requests(model))
        assert phone.typing == [], "what is answered at once shows none"
        for times, pause in enumerate((TYPING_AFTER, 8.1, 8.1), 1):
            server.clock.advance(pause)
            async with asyncio.timeout(10):
                while len(phone.typing) < times:
                    await asyncio.sleep(0.01)
        gate.set()
        assert await lan.hears() == "Dạ."
        server.clock.advance(30)
        await server.quiet()
        assert len(phone.typing) == 3


async def _requests(model):
    return model.requests

"""Templates from which operators choose."""

from __future__ import annotations

import pytest

from frontdesk import ApprovedTemplate, NeedsAttention, Template
from frontdesk.services.templates import KNOWN_FOR, LONGEST, Known, NotFilled, TemplateDesk, filled, placeholders

REMINDER = ApprovedTemplate(id="HX1", name="nhắc hẹn", text="Chào {{1}}, hẹn gặp {{ 1 }} lúc {{gio}}.")


def test_values_stand_where_the_placeholders_were():
    assert placeholders(REMINDER) == ["1", "gio"]
    template, text = filled(REMINDER, {"1": " Lan\n Anh ", "gio": "9 giờ {{1}}", "more": "x"})
    assert text == "Chào Lan Anh, hẹn gặp Lan Anh lúc 9 giờ {{1}}."
    assert template == Template(id="HX1", variables={"1": "Lan Anh", "gio": "9 giờ {{1}}"})


def test_a_missing_and_an_endless_value_are_named():
    with pytest.raises(NotFilled, match="1, gio") as raised:
        filled(REMINDER, {"1": "  ", "gio": "x" * (LONGEST + 1)})
    assert raised.value.names == ("1", "gio")


async def test_a_channel_is_asked_once_a_minute_and_its_trouble_is_told(desk):
    async with desk() as server:
        phone, templates = await server.plugin("phone"), TemplateDesk(server.server.runtimes, server.clock)
        first, second = (ApprovedTemplate(id=name, name=name, text=name) for name in ("a", "b"))
        phone.templates = (second, first)
        assert await templates.known("clinic", "phone") == Known((first, second))
        phone.templates = ()
        assert (await templates.known("clinic", "phone")).get("b") == second
        server.clock.advance(KNOWN_FOR + 1)
        assert await templates.known("clinic", "phone") == Known()
        assert await templates.known("clinic", "model") == Known()

        server.clock.advance(KNOWN_FOR + 1)
        phone.templates = NeedsAttention("the token is wrong")
        assert (await templates.known("clinic", "phone")).trouble == "the token is wrong"

"""What plugins show operators: in their own name, escaped, in time; what goes wrong stands on its own card."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from frontdesk.services.cards import Cards
from frontdesk.testing.plugins import ScriptedModel

EVIL = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'


def office(desk: Any) -> Cards:
    found: Cards = desk.server.office.cards
    return found


async def test_a_card_has_the_plugins_rows_and_its_template_with_everything_escaped(
    desk: Any, sample: Callable[[str], Any]
) -> None:
    async with desk(plugins={"loyalty": sample("loyalty"), "model": ScriptedModel}) as server:
        evil = server.contact(EVIL)
        await evil.says("hello")
        (card,) = await office(server).of("clinic", await evil.conversation(), "en")
        assert (card.plugin, card.title, card.rows, card.error) == ("loyalty", "Regulars", (("Points", "120"),), "")
        assert "<ul><li>24/11/2026: &lt;script&gt;" in card.html and "<img" not in card.html
        (vietnamese,) = await office(server).of("clinic", evil.id, "vi")
        assert vietnamese.title == "Khách quen"
        assert await office(server).of("clinic", "nobody", "en") == []


@pytest.mark.parametrize(
    ("show", "told"),
    [
        ("raises", "ValueError at card_gone_wrong.py"),
        ("busy", "the till does not answer"),
        ("nonsense", "answered nonsense"),
        ("late", "no answer within its deadline of 0.2 s"),
        ("missing", "its template cannot be drawn"),
        ("unescaped", "its template cannot be drawn"),
        ("off", "its template cannot be drawn"),
        ("endless", "its template cannot be drawn"),
        ("curious", "its template cannot be drawn"),
    ],
)
async def test_what_goes_wrong_stands_on_the_plugins_own_card(
    desk: Any, sample: Callable[[str], Any], show: str, told: str
) -> None:
    quick = {"times": {"hook_deadline": 0.2, "sdk_timeout": 0.1, "send_timeout": 0.3}}
    good, bad = sample("loyalty"), sample("card_gone_wrong")
    plugins = {"bad": bad, "good": good, "model": ScriptedModel}
    async with desk(
        plugins=plugins, settings={"bad": {"show": show}}, server=quick if show == "late" else {}
    ) as server:
        lan = server.contact("Lan")
        await lan.says("hello")
        first, second = await office(server).of("clinic", lan.id, "en")
        assert first.plugin == "bad" and told in first.error and not first.html and "Lan" not in first.error
        assert (second.plugin, second.error) == ("good", "")


async def test_a_panel_and_pages_of_a_plugin(desk: Any, sample: Callable[[str], Any]) -> None:
    async with desk(plugins={"loyalty": sample("loyalty"), "model": ScriptedModel}) as server:
        ((plugin, page),) = office(server).pages("clinic")
        assert (plugin, page.name, page.title_in("vi"), page.title_in("en-GB")) == (
            "loyalty",
            "points",
            "Điểm",
            "Points",
        )
        panel = await office(server).panel("clinic", "loyalty", "en")
        assert panel is not None and panel.rows == (("Contacts with points", "0"),)
        own = await office(server).panel("clinic", "loyalty", "en", "points")
        assert own is not None and own.text == "Nobody has any yet."
        assert await office(server).panel("clinic", "model", "en") is None

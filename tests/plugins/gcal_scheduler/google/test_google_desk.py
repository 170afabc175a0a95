"""Through a whole server: booked by a contact, changed by a person in Google, and an operator who connects an account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from frontdesk import PluginError
from frontdesk.plugins.gcal_scheduler import GcalScheduler
from frontdesk.services.secrets import new_key
from frontdesk.testing.clock import MovableClock
from frontdesk.testing.fake_google import FakeGoogle, Fault
from frontdesk.testing.plugins import ScriptedModel

from ..conftest import HANOI, NOW, SERVICES, TENANT, Booker
from .conftest import DESK, LAN, PUBLIC, SCOPES

PAGES = "/plugins/gcal_scheduler/school/google"
TENTH = datetime(2026, 11, 24, 10, 0, tzinfo=HANOI)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(NOW)


@pytest.fixture
def school(desk: Any, google: FakeGoogle, clock: MovableClock, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`async with school(**settings of google) as server:`."""
    monkeypatch.setenv("FRONTDESK_SECRET_KEYS", new_key())
    monkeypatch.setenv("GOOGLE_KEY", google.service_account(DESK))
    monkeypatch.setenv("GOOGLE_SECRET", "GOCSPX-secret-of-the-client")

    @asynccontextmanager
    async def start(**access: Any) -> AsyncIterator[Any]:
        given = {"api_url": google.url, "token_url": f"{google.url}/token", **access}
        given["consent_url"] = f"{google.url}/o/oauth2/v2/auth"
        settings = {
            "services": SERVICES,
            "lead_time": "1 h",
            "calendar_file": False,
            "backend": "google",
            "staff": [{"id": "lan", "name": "Cô Lan", "calendar": LAN}],
            "google": given,
        }
        async with desk(
            plugins={"model": ScriptedModel, "gcal_scheduler": GcalScheduler},
            settings={"gcal_scheduler": settings},
            tenants={"school": TENANT},
            server={"public_url": PUBLIC, "trusted_proxies": ["127.0.0.1"]},
            clock=clock,
        ) as server:
            yield server

    return start


async def booker(server: Any) -> Booker:
    lan = server.contact("Mai")
    await lan.says("Chào bạn")
    await lan.hears()
    return Booker(await server.plugin("gcal_scheduler"), await lan.contact(), await lan.conversation())


def told(google: FakeGoogle) -> dict[str, str]:
    """What Google posts for the channel that is open."""
    (channel,) = google.push.open.values()
    return {
        "X-Goog-Channel-ID": channel.id,
        "X-Goog-Channel-Token": channel.token,
        "X-Goog-Resource-State": "exists",
    }


async def test_a_visit_that_a_person_moves_and_deletes_in_google_follows_at_once(
    school: Callable[..., Any], google: FakeGoogle
) -> None:
    async with school(service_account_key={"env": "GOOGLE_KEY"}) as server:
        mai, client = await booker(server), server.server.quart.test_client()
        await server.quiet()
        google.person_adds(LAN, TENTH - timedelta(hours=1), 60)
        found = await mai.finds("9 giờ sáng mai", service="trial")
        assert found and not [each for each in found.values() if each.startswith("09:")], "it is taken in Google"
        visit = await mai.books("10 giờ sáng mai", service="trial")
        (event,) = [each for each in google.calendars.all[LAN].events.values() if "extendedProperties" in each]
        google.person_moves(LAN, event["id"], TENTH + timedelta(hours=4), 60)
        assert (await client.post(f"{PAGES}/changed", headers=told(google))).status_code == 204

        async def moved() -> Any:
            there = await mai.plugin.appointments.get(visit)
            return there if there.moves else None

        assert (await server.until("it is moved", moved)).starts_at == TENTH + timedelta(hours=4)
        google.person_deletes(LAN, event["id"])
        wrong = {**told(google), "X-Goog-Channel-Token": "guessed"}
        assert (await client.post(f"{PAGES}/changed", headers=wrong)).status_code == 403
        assert (await client.post(f"{PAGES}/changed", headers=told(google))).status_code == 204

        async def cancelled() -> bool:
            return (await mai.plugin.appointments.get(visit)).state == "cancelled"

        await server.until("it is cancelled", cancelled)
        assert not google.refused


@pytest.mark.parametrize("kind", ["drop_after", "hang_before", "garbage"])
async def test_a_booking_of_which_google_says_nothing_is_there_once_or_not_at_all(
    school: Callable[..., Any], google: FakeGoogle, kind: Any
) -> None:
    async with school(service_account_key={"env": "GOOGLE_KEY"}, seconds=1) as server:
        mai = await booker(server)
        slot = await mai.slot("10 giờ sáng mai", service="trial")
        await server.quiet()
        google.faults.add(Fault(of="events.insert", kind=kind, times=2))
        context = mai.context()
        try:
            await mai.plugin.book(slot, context)
        except PluginError:  # whatever it says: what is so counts
            google.faults.clear()
        await server.quiet()
        ours = [each for each in google.calendars.all[LAN].events.values() if each["status"] == "confirmed"]
        there = await mai.plugin.appointments.get(mai.plugin.appointments.id_of(context.key))
        assert kind != "drop_after" or len(ours) == 1, "it was taken: its id says so"
        assert len(ours) == (1 if there is not None and there.state == "booked" else 0)


async def test_an_operator_connects_an_account_by_the_link_on_the_settings_page(
    school: Callable[..., Any], google: FakeGoogle
) -> None:
    client_id = google.oauth_client(f"{PUBLIC}{PAGES}/back").id
    google.consenting = LAN
    async with school(account="oauth", client_id=client_id, client_secret={"env": "GOOGLE_SECRET"}) as server:
        plugin, client = await server.plugin("gcal_scheduler"), server.server.quart.test_client()
        card = await plugin.admin_panel("", "vi")
        assert card.data["connected"] is False and card.data["link"].startswith(f"{PUBLIC}{PAGES}/connect?ticket=")
        shown = await server.server.office.cards.panel("school", "gcal_scheduler", "vi")
        assert "Chưa kết nối tài khoản Google nào" in shown.html and not shown.error
        assert (await client.get(f"{PAGES}/connect?ticket=x")).status_code == 403
        going = await client.get(card.data["link"].removeprefix(PUBLIC))
        cookie = going.headers["Set-Cookie"]
        assert going.status_code == 303
        assert all(each in cookie for each in ("HttpOnly", "Secure", "SameSite=Lax", f"Path={PAGES}"))
        async with (
            aiohttp.ClientSession() as session,
            session.get(going.headers["Location"], allow_redirects=False) as page,
        ):
            back = urlsplit(page.headers["Location"])
        asked = parse_qs(urlsplit(going.headers["Location"]).query)
        assert set(asked["scope"][0].split()) == set(SCOPES) and asked["code_challenge_method"] == ["S256"]
        stranger = await server.server.quart.test_client().get(f"{back.path}?state=x&code=y")
        assert stranger.status_code == 403
        verifier = cookie.partition("=")[2].partition(";")[0]
        ended = await client.get(f"{back.path}?{back.query}", headers={"Cookie": f"frontdesk_google={verifier}"})
        assert ended.status_code == 200 and ended.headers["Referrer-Policy"] == "no-referrer"
        assert (await plugin.admin_panel("", "en")).data["connected"] is True
        await server.quiet()
        assert (await plugin.check_health())["ok"]
        assert (await plugin.diagnose())[0].level == "ok"


async def test_a_tenant_without_google_has_none_of_these_pages(desk: Any) -> None:
    plugins = {"model": ScriptedModel, "gcal_scheduler": GcalScheduler}
    async with desk(plugins=plugins, settings={"gcal_scheduler": {"services": SERVICES}}) as server:
        client = server.server.quart.test_client()
        assert (await client.post("/plugins/gcal_scheduler/clinic/google/changed")).status_code == 404
        assert (await client.get("/plugins/gcal_scheduler/clinic/google/connect")).status_code == 404
        assert await (await server.plugin("gcal_scheduler")).admin_panel("", "en") is None

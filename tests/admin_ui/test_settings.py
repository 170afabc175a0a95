"""Settings and plugins as operators see them: forms, what is declared beside what was changed, order, history, tests."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from cryptography.fernet import Fernet
from playwright.async_api import expect
from pydantic import Field

from frontdesk import AdminPage, Card, Finding, Plugin, Secret, Settings, hookimpl
from frontdesk.testing.plugins import ScriptedModel

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>'


class Room(Settings):
    name: str = Field(max_length=40)
    """What it is called."""
    beds: int = Field(default=1, ge=1)
    """How many can sleep in it."""


class WeatherSettings(Settings):
    city: str = Field(default="Hanoi", min_length=2)
    """The shop's city: contacts hear of its weather."""
    warn_hours: int = Field(default=3, ge=1, le=48)
    """How long before rain contacts with a visit are told."""
    talkative: bool = False
    """Whether contacts hear of the <wind>, too: 10 % do."""
    api_key: Secret | None = None
    """The key of the weather service."""
    rooms: tuple[Room, ...] = ()
    """Rooms with a roof."""


class Weather(Plugin):
    """Tells contacts the weather at the shop."""

    settings: WeatherSettings
    admin_pages = (AdminPage(name="storms", title="Storms", titles=(("vi", "Bão"),)),)

    @hookimpl
    async def admin_panel(self, page: str) -> Card:
        if page:
            return Card(title="Storms", rows=(("Next", EVIL),))
        return Card(title="Last forecast", text="Rain at four.", rows=(("Asked", "12 times today"),))

    @hookimpl
    async def check_health(self) -> dict[str, Any]:
        return {"ok": self.settings.city != "Atlantis", "detail": f"no weather for {self.settings.city}"}

    @hookimpl
    async def diagnose(self) -> tuple[Finding, ...]:
        return (Finding(level="warning", what=f"the key is old {EVIL}", cure="make a new one", fix="key"),)

    @hookimpl
    async def repair(self, fix: str) -> None:
        self.log.info("repaired", fix=fix)


class AccountSettings(Settings):
    account: str = Field(pattern="^AC[0-9]+$", examples=["AC123"])
    """The account at the vendor, `AC` and digits."""


class Billing(Plugin):
    """Sends 100 % of the <invoices>."""

    settings: AccountSettings


PLUGINS = {"model": ScriptedModel, "weather": Weather, "billing": Billing}
LISTED = ["phone", "model", {"weather": {"city": "Hà Nội", "api_key": {"env": "WEATHER_KEY"}}}]
DESK = {
    "plugins": PLUGINS,
    "tenants": {
        id: {"name": name, "time_zone": zone, "language": "en", "plugins": LISTED}
        for id, name, zone in (
            ("clinic", "Riverside Dental", "Europe/London"),
            ("school", "Trung tâm Anh ngữ Hoa Sen", "Asia/Ho_Chi_Minh"),
        )
    },
}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_SECRET_KEYS", Fernet.generate_key().decode())


async def test_a_plugins_setting_is_changed_shown_beside_the_file_and_reverted(screens: Any) -> None:
    page = await screens.signed_in("manager", name="Lan Anh")
    await page.goto("/t/clinic/settings/plugins/weather")
    await expect(page.get_by_role("heading", name="Last forecast")).to_be_visible()
    await expect(page.get_by_text("hear of the <wind>, too: 10 % do.")).to_be_visible()
    city = page.get_by_label("City")
    await city.fill("H")
    await expect(page.get_by_text("Too short: 2 characters at least.")).to_be_visible()
    await expect(city).to_have_attribute("aria-invalid", "true")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Nothing was saved")).to_be_visible()
    await expect(city).to_have_value("H")
    screens.complaints.clear()  # the browser notes the 422
    await city.fill("Huế")
    await expect(page.get_by_text("Too short")).to_have_count(0)
    await page.get_by_label("API key").fill("s3cret-value")
    await page.get_by_label("Talkative").check()
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Saved. It is in force")).to_be_visible()
    await expect(page.get_by_text("In the file: Hà Nội (tenants.yaml:")).to_be_visible()
    await expect(page.get_by_text("Stored, encrypted. Set by lan-anh")).to_be_visible()
    assert "s3cret-value" not in await page.content()
    assert (await screens.desk.plugin("weather")).settings.city == "Huế"
    await screens.looks(page, "settings-plugin")
    await page.get_by_role("button", name="Revert City").click()
    await expect(page.get_by_text("plugins.weather.city is as the file says again.")).to_be_visible()
    await expect(city).to_have_value("Hà Nội")


async def test_a_test_tells_what_it_found_and_offers_to_mend_it(screens: Any) -> None:
    page = await screens.signed_in("manager")
    await page.goto("/t/clinic/settings/plugins/weather")
    await page.get_by_role("button", name="Test it now").click()
    await expect(page.get_by_text("the key is old")).to_be_visible()
    assert await page.locator("img[src=x]").count() == 0
    await screens.looks(page, "settings-tested")
    await page.get_by_role("button", name="Mend it").click()
    await expect(page.get_by_text("Done. Test it again.")).to_be_visible()
    await page.get_by_role("link", name="Storms").first.click()
    await expect(page.get_by_text(EVIL)).to_be_visible()
    await screens.looks(page, "settings-plugin-page")


async def test_the_business_is_changed_and_the_history_says_who_did_it(screens: Any) -> None:
    page = await screens.signed_in("manager", tenant="school", language="vi", name="Minh")
    await page.goto("/t/school/settings")
    await page.locator("summary", has_text="Giờ mở cửa").click()
    await page.locator('[name="f.opening_hours.monday"]').fill("08:00-12:00\n13:30-17:30")
    await page.locator('[name="f.name"]').fill(f"Hoa Sen {EVIL}")
    await page.get_by_role("button", name="Lưu").click()
    await expect(page.locator("#said")).to_contain_text("Đã lưu")
    await screens.looks(page, "settings-own")
    await page.get_by_role("link", name="Lịch sử").first.click()
    await expect(page.locator(".line-new").first).to_be_visible()
    assert await page.locator("img[src=x]").count() == 0
    await screens.looks(page, "settings-history")
    exported = await page.request.get("/t/school/settings/export")
    assert "08:00-12:00" in await exported.text() and "attachment" in exported.headers["content-disposition"]
    await page.locator('button[name="revert"][value="name"]').click()
    await expect(page.locator("#said")).to_contain_text("name")
    tenant = screens.desk.server.office.tenant("school")
    assert tenant.name == "Trung tâm Anh ngữ Hoa Sen" and len(tenant.opening_hours.monday) == 2


async def test_plugins_are_ordered_switched_off_and_set_up(screens: Any) -> None:
    page = await screens.signed_in("manager")
    await page.goto("/t/clinic/settings")
    names = page.locator(".plugin-rows .plugin-what > a")
    await page.get_by_role("button", name="Ask weather earlier").click()
    await expect(names).to_have_text(["phone", "weather", "model"])
    first, last = page.locator("[data-grip]").first, page.locator("[data-grip]").last
    box, end = await first.bounding_box(), await last.bounding_box()
    await page.mouse.move(box["x"] + 8, box["y"] + 8)
    await page.mouse.down()
    await page.mouse.move(end["x"] + 8, end["y"] + 40, steps=80)
    await page.mouse.up()
    await expect(names).to_have_text(["weather", "model", "phone"])
    await page.get_by_role("switch", name="Switch weather off").click()
    await expect(names).to_have_text(["model", "phone"])
    await page.get_by_role("switch", name="Switch weather on").click()
    await expect(names).to_have_text(["model", "phone", "weather"])
    await page.get_by_text("Switched off, or not used yet").click()
    await page.get_by_role("link", name="Set up billing").click()
    await page.get_by_label("Account").fill("AC1")
    await page.get_by_role("button", name="Save and switch on").click()
    await expect(page.get_by_role("button", name="Save", exact=True)).to_be_visible()
    assert [kind.name for kind, _ in screens.desk.server.declared["clinic"].plugins][-1] == "billing"


async def test_without_javascript_and_with_two_who_save_at_once(screens: Any) -> None:
    plain = await screens.signed_in("manager", javascript=False)
    other = await screens.signed_in("manager", name="Hoa", size="narrow")
    await plain.goto("/t/clinic/settings")
    await other.goto("/t/clinic/settings")
    await plain.locator('[name="f.return_to_bot_after"]').fill("10 min")
    await plain.get_by_role("button", name="Save", exact=True).click()
    await expect(plain.get_by_text("Saved. It is in force")).to_be_visible()
    await other.locator('[name="f.useful_for"]').fill("2 h")
    await other.get_by_role("button", name="Save", exact=True).click()
    await expect(other.get_by_text("Somebody else has saved meanwhile")).to_be_visible()
    await expect(other.locator('[name="f.useful_for"]')).to_have_value("2 h")
    screens.complaints.clear()  # the browser notes the 409
    await screens.looks(other, "settings-conflict")


async def test_whose_role_is_too_low_changes_nothing(screens: Any) -> None:
    page = await screens.signed_in("agent")
    assert (await page.goto("/t/clinic/settings")).status == 403
    assert (await page.goto("/t/clinic/pages/weather/storms")).status == 200
    assert (await page.goto("/t/clinic/pages/weather/nothing")).status == 404
    screens.complaints.clear()
    async with aiohttp.ClientSession() as http, http.post(f"{screens.url}/t/clinic/settings", data={}) as answer:
        assert answer.status == 401

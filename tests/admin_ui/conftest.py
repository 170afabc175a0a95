"""Screens: a server in process with operators in it, and one Chromium in front of it, for all tests of a module.

A module that uses `screens` says `pytestmark = pytest.mark.asyncio(loop_scope="module")`; with `DESK = {...}` how its
server is made (the arguments of frontdesk.testing.desk.start_desk).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright

from frontdesk.auth import Role
from frontdesk.clock import SystemClock
from frontdesk.testing.desk import TestDesk, start_desk

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
SHOTS = os.environ.get("FRONTDESK_SHOTS", "")
"""The folder into which `make shots` has every page drawn; empty: none is."""
LOOKS: tuple[tuple[str, Literal["light", "dark"]], ...] = (
    ("narrow", "dark"),
    ("wide", "light"),
    ("wide", "dark"),
    ("narrow", "light"),
)
"""The ways in which a page is looked at. Without pictures axe has one look, on a phone in the dark; `make shots`, which is a
part of `.ci/run slow`, has all of them."""
TENANTS: dict[str, dict[str, Any]] = {
    "clinic": {"name": "Riverside Dental", "time_zone": "Europe/London", "language": "en-GB"},
    "school": {"name": "Trung tâm Anh ngữ Hoa Sen", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi"},
}
PASSWORD = "correct horse battery staple"


class Screens:
    """The server, and browsers of operators in front of it."""

    def __init__(self, desk: TestDesk, url: str, browser: Browser, stack: AsyncExitStack) -> None:
        self.desk = desk
        self.url = url
        self.complaints: list[str] = []
        """What pages wrote to their console as an error; each test must leave it empty."""
        self._browser = browser
        self._stack = stack
        self._numbers = itertools.count(1)

    async def signed_in(
        self,
        role: Role = "owner",
        tenant: str = "clinic",
        *,
        language: str = "en",
        admin: bool = False,
        size: str = "wide",
        name: str = "",
        javascript: bool = True,
    ) -> Page:
        """The browser of a new operator with this role in the tenant; nothing is open in it yet."""
        accounts = self.desk.server.office.accounts
        name = name or f"Operator {next(self._numbers)}"
        email = f"operator.{next(self._numbers)}@example.com"
        operator = await accounts.create(email, name, PASSWORD, admin=admin, roles={tenant: role}, language=language)
        _, cookie = await accounts.open_session(operator.id)
        page = await self.anybody(size, javascript=javascript)
        await page.context.add_cookies([{"name": "frontdesk", "value": cookie, "url": self.url}])
        return page

    async def anybody(self, size: str = "wide", *, javascript: bool = True) -> Page:
        """A browser in which nobody is signed in."""
        width, height = SIZES[size]
        context = await self._browser.new_context(
            viewport={"width": width, "height": height},
            base_url=self.url,
            java_script_enabled=javascript,
            locale="en-GB",
            reduced_motion="reduce",
        )
        self._stack.push_async_callback(context.close)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        return page

    async def looks(self, page: Page, name: str) -> None:
        """The open page is as it should be: nothing wider than the screen on a desk and on a phone, nothing that axe finds
        in LOOKS: with FRONTDESK_SHOTS set (`.ci/run slow`, `make shots`) each of them, and pictures `name-390-dark.png` and
        so on are left there; without it the first, once for each page."""
        before = page.viewport_size
        for width, height in SIZES.values():
            await page.set_viewport_size({"width": width, "height": height})
            across = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert across <= 0, f"{name} at {width}: {across} pixels stand out at the side"
        for size, scheme in LOOKS if SHOTS else LOOKS[:1]:
            width, height = SIZES[size]
            await page.set_viewport_size({"width": width, "height": height})
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            # Chromium leaves inherited `light-dark()` colours as they were when the scheme changes; an inherited property
            # that changes has every style computed anew.
            await page.evaluate("scheme => document.documentElement.style.setProperty('--scheme', scheme)", scheme)
            await page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
            if SHOTS:
                folder = Path(SHOTS)
                folder.mkdir(parents=True, exist_ok=True)
                await page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")
            found = (await Axe().run(page)).response["violations"]
            told = [f"{each['id']}: {each['help']}: {[n['html'][:200] for n in each['nodes'][:4]]}" for each in found]
            assert not told, f"{name} at {width}, {scheme}: " + "\n".join(told)
        if before is not None:
            await page.set_viewport_size(before)
        await page.emulate_media(color_scheme="light", reduced_motion="reduce")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def screens(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, served: Callable[..., Any]
) -> AsyncIterator[Screens]:
    """The module's server and browser."""
    if not CHROMIUM.exists():
        pytest.skip("Debian's chromium is missing: apt-get install chromium")
    async with AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        stack.push_async_callback(browser.close)
        made = {"tenants": TENANTS, "clock": SystemClock(), **getattr(request.module, "DESK", {})}
        desk = await stack.enter_async_context(start_desk(tmp_path_factory.mktemp("desk"), **made))
        line = await stack.enter_async_context(AsyncExitStack())
        url = await line.enter_async_context(served(desk.server))
        yield Screens(desk, url, browser, stack)


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def no_complaints(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """No page of a test has complained; what one expects (a refused request) it takes from the list itself."""
    if "screens" not in request.fixturenames:
        yield
        return
    there: Screens = request.getfixturevalue("screens")
    yield
    found, there.complaints[:] = list(there.complaints), []
    assert not found

"""Signing in and out, the second factor, first run, links: in a browser, and as somebody who tries the doors."""

from __future__ import annotations

from typing import Any

import aiohttp
import pyotp
import pytest
from playwright.async_api import expect

from frontdesk.admin_ui.sign_in import local

from .conftest import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_first_owner_comes_by_a_link_and_then_by_password(screens: Any) -> None:
    """The first test of this module: nobody has an account yet."""
    office = screens.desk.server.office
    text = await office.links.first_run()
    page = await screens.anybody()
    await page.goto("/sign-in")
    await expect(page.get_by_text("This server has no operators yet.")).to_be_visible()
    await page.goto(f"/first-run/{text}")
    await screens.looks(page, "first-run")
    await page.get_by_label("Your name").fill("Nguyễn Thị <b>Lan</b>")
    await page.get_by_label("E-mail").fill("lan@example.com")
    await page.get_by_label("Language").select_option("vi")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Make the account").click()
    await page.wait_for_url(lambda address: "/first-run" not in address)
    lan = await office.accounts.by_email("lan@example.com")
    assert lan.admin and lan.language == "vi" and lan.name == "nguyen-thi-b-lan-b"
    assert await office.links.first_run() == ""
    assert page.url.endswith("/t/clinic/inbox"), "an admin begins at a business, without a role in it"
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{screens.url}/first-run/{text}") as answer:
            assert answer.status == 410
        async with http.get(f"{screens.url}/t/clinic", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/sign-in?next=/t/clinic")


async def test_who_signs_in_lands_where_they_wanted_and_can_leave(screens: Any) -> None:
    accounts = screens.desk.server.office.accounts
    minh = await accounts.create("minh@example.com", "Minh", PASSWORD, roles={"clinic": "viewer"})
    page = await screens.anybody("narrow")
    await page.goto("/sign-in?next=/tenants.json")
    await screens.looks(page, "sign-in")
    await page.get_by_label("E-mail").fill("minh@example.com")
    await page.get_by_label("Password").fill("wrong, and long enough")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("E-mail or password is wrong.")).to_be_visible()
    assert await page.get_by_label("E-mail").input_value() == "minh@example.com"
    screens.complaints.clear()  # the browser notes the 422
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/tenants.json")
    (session,) = await accounts.sessions(minh.id)
    cookies = {each["name"]: each for each in await page.context.cookies()}
    assert cookies["frontdesk"]["httpOnly"] and cookies["frontdesk"]["sameSite"] == "Lax"
    async with aiohttp.ClientSession(cookies={"frontdesk": cookies["frontdesk"]["value"]}) as http:
        async with http.post(f"{screens.url}/sign-out") as answer:
            assert answer.status == 403, "without the page's token"
        foreign = {"X-CSRF-Token": session.csrf, "Origin": "https://evil.example"}
        async with http.post(f"{screens.url}/sign-out", headers=foreign) as answer:
            assert answer.status == 403
        async with http.post(f"{screens.url}/sign-out", headers={"X-CSRF-Token": session.csrf}) as answer:
            assert answer.status == 200
    assert await accounts.sessions(minh.id) == []


async def test_a_cookie_from_before_is_not_the_one_of_who_signs_in(screens: Any) -> None:
    await screens.desk.server.office.accounts.create("fix@example.com", "Fix", PASSWORD)
    async with aiohttp.ClientSession(cookies={"frontdesk": "chosen-by-somebody-else"}) as http:
        form = {"email": "fix@example.com", "password": PASSWORD}
        async with http.post(f"{screens.url}/sign-in", data=form, allow_redirects=False) as answer:
            assert answer.status == 303
            assert answer.cookies["frontdesk"].value != "chosen-by-somebody-else"
    assert await screens.desk.server.office.accounts.signed_in("chosen-by-somebody-else") is None


async def test_with_a_second_factor_the_password_alone_opens_nothing(screens: Any) -> None:
    office = screens.desk.server.office
    hoa = await office.accounts.create("hoa@example.com", "Hoa", PASSWORD)
    secret = office.second_factor.new_secret()
    totp = pyotp.TOTP(secret)
    # A code opens once: that of the step before is used up here, so that this minute's is new below.
    now = office.now().timestamp()
    codes = await office.second_factor.begin(hoa, secret, totp.at(int(now) - 30))
    assert codes and secret not in str(vars(await office.accounts.get(hoa.id)))
    page = await screens.anybody()
    await page.goto("/sign-in")
    await page.get_by_label("E-mail").fill("hoa@example.com")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/sign-in/code**")
    await screens.looks(page, "second-factor")
    cookie = {each["name"]: each["value"] for each in await page.context.cookies()}["frontdesk"]
    assert await office.accounts.signed_in(cookie) is None
    await page.get_by_label("Code from your app").fill("000000")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_text("That is not the code of this minute.")).to_be_visible()
    screens.complaints.clear()
    await page.get_by_label("Code from your app").fill(totp.at(int(office.now().timestamp())))
    await page.get_by_role("button", name="Go on").click()
    await page.wait_for_url(f"{screens.url}/")
    hoa = await office.accounts.get(hoa.id)
    assert not await office.second_factor.opens(hoa, totp.at(int(office.now().timestamp()))), "a code opens once"
    assert await office.second_factor.opens(hoa, codes[0].upper())
    assert not await office.second_factor.opens(await office.accounts.get(hoa.id), codes[0])


async def test_a_forgotten_password_is_set_anew_by_a_link(screens: Any) -> None:
    office = screens.desk.server.office
    tam = await office.accounts.create("tam@example.com", "Tâm", PASSWORD)
    text = await office.links.reset(tam, "lan")
    page = await screens.anybody(javascript=False)
    # In a browser where they are signed in still.
    _, cookie = await office.accounts.open_session(tam.id)
    await page.context.add_cookies([{"name": "frontdesk", "value": cookie, "url": screens.url}])
    await page.goto(f"/reset/{text}")
    await page.get_by_label("Password").fill("another one that is long")
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_text("Your new password counts.")).to_be_visible()
    await office.accounts.sign_in("tam@example.com", "another one that is long")
    answer = await page.goto(f"/reset/{text}")
    assert answer.status == 410
    screens.complaints.clear()


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("/t/clinic/inbox?q=1", "/t/clinic/inbox?q=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\tx", "/"),
        ("//[", "/"),
        ("", "/"),
    ],
)
async def test_nobody_is_sent_elsewhere(given: str, taken: str) -> None:
    assert local(given) == taken

"""One's own account, the people of a business, and the log of what they change."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest
from playwright.async_api import expect

from .conftest import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'


async def test_one_changes_name_language_and_password_and_ends_other_sessions(screens: Any) -> None:
    accounts = screens.desk.server.office.accounts
    page = await screens.signed_in("agent", name="Hoa")
    operator = next(each for each in await accounts.everybody() if each.display_name == "Hoa")
    _, elsewhere = await accounts.open_session(operator.id, agent=HOSTILE)
    await page.goto("/account")
    await screens.looks(page, "account")
    await page.get_by_label("Your name").fill("Hoa Nguyễn")
    await page.get_by_label("Language").select_option("vi")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name="Tài khoản của tôi")).to_be_visible()
    await screens.looks(page, "account-vi")
    await page.get_by_label("Mật khẩu hiện tại").fill("not this one, surely")
    await page.get_by_label("Mật khẩu mới", exact=True).fill("another long password")
    await page.get_by_role("button", name="Đổi mật khẩu").click()
    await expect(page.get_by_text("Đó không phải mật khẩu của bạn.")).to_be_visible()
    screens.complaints.clear()
    assert await accounts.signed_in(elsewhere) is not None
    await page.get_by_label("Mật khẩu hiện tại").fill(PASSWORD)
    await page.get_by_label("Mật khẩu mới", exact=True).fill("another long password")
    await page.get_by_role("button", name="Đổi mật khẩu").click()
    await expect(page.get_by_text("Mật khẩu mới đã có hiệu lực.")).to_be_visible()
    assert await accounts.signed_in(elsewhere) is None
    await accounts.open_session(operator.id)
    await page.goto("/account")
    await page.get_by_role("button", name="Kết thúc tất cả phiên khác").click()
    await expect(page.get_by_text("Bạn đã được đăng xuất ở mọi nơi khác.")).to_be_visible()
    assert len(await accounts.sessions(operator.id)) == 1


async def test_a_second_factor_counts_once_a_code_was_right(screens: Any) -> None:
    accounts = screens.desk.server.office.accounts
    page = await screens.signed_in("viewer", name="Tâm")
    await page.goto("/account")
    await page.get_by_role("link", name="Switch it on").click()
    await screens.looks(page, "factor")
    await page.get_by_text("As text").click()
    secret = await page.locator("details code").inner_text()
    await page.get_by_label("Code from your app").fill("000000")
    await page.get_by_role("button", name="Switch it on").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    screens.complaints.clear()
    tam = next(each for each in await accounts.everybody() if each.display_name == "Tâm")
    assert tam.totp == ""
    await page.get_by_label("Code from your app").fill(pyotp.TOTP(secret).now())
    await page.get_by_role("button", name="Switch it on").click()
    await expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    assert len((await page.locator("pre").inner_text()).split()) == 8
    assert (await accounts.get(tam.id)).totp
    await page.goto("/account")
    await page.get_by_label("Your password, to switch it off").fill(PASSWORD)
    await page.get_by_role("button", name="Switch it off").click()
    await expect(page.get_by_text("No second factor is asked for any more.")).to_be_visible()


async def test_an_owner_invites_and_gives_roles_and_it_is_all_in_the_log(screens: Any) -> None:
    office = screens.desk.server.office
    page = await screens.signed_in("owner", "school", name=HOSTILE)
    await page.goto("/t/school/members")
    await page.get_by_label("E-mail").fill("new@example.com")
    await page.get_by_label("Manager").check()
    await page.get_by_role("button", name="Make a link").click()
    link = await page.locator(".banner code").inner_text()
    assert "/invitation/" in link
    await expect(page.get_by_text("it opens once, within 1 week")).to_be_visible()
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy").click()
    assert await page.evaluate("navigator.clipboard.readText()") == link
    await screens.looks(page, "members")
    guest = await screens.anybody()
    await guest.goto(link[link.index("/invitation/") :])
    await expect(guest.get_by_role("heading", name="Join Trung tâm Anh ngữ Hoa Sen")).to_be_visible()
    assert await guest.get_by_label("E-mail").input_value() == "new@example.com"
    await guest.get_by_label("Your name").fill("Đỗ Mới")
    await guest.get_by_label("Password").fill(PASSWORD)
    await guest.get_by_role("button", name="Make the account").click()
    await guest.wait_for_url(lambda address: "/invitation" not in address)
    new = await office.accounts.by_email("new@example.com")
    assert new.roles == {"school": "manager"} and not new.admin
    await page.goto("/t/school/members")
    await page.get_by_label("Role of Đỗ Mới").select_option("viewer")
    await page.get_by_role("button", name="Save Đỗ Mới").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    assert (await office.accounts.get(new.id)).roles == {"school": "viewer"}
    await page.get_by_label("Role of <script>").select_option("")
    await page.get_by_role("button", name="Save <script>").click()
    await expect(page.get_by_text("Somebody must own the business")).to_be_visible()
    screens.complaints.clear()
    await page.goto("/t/school/audit")
    for what in ("invitation.made", "operator.joined", "member.role_changed"):
        await expect(page.get_by_role("link", name=what)).to_be_visible()
    await screens.looks(page, "audit")
    await page.get_by_role("link", name="operator.joined").click()
    await expect(page.get_by_role("link", name="invitation.made")).to_have_count(0)
    # By the name that people know, with the one that never changes beside it.
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="operator.joined"))
    await expect(row.get_by_role("link", name="Đỗ Mới")).to_be_visible()
    await expect(row.get_by_text(new.name, exact=True)).to_be_visible()


async def test_a_manager_gives_no_role_that_is_higher_than_an_agents(screens: Any) -> None:
    page = await screens.signed_in("manager", "clinic")
    await page.goto("/t/clinic/members")
    await expect(page.get_by_label("Owner")).to_have_count(0)
    status = await page.evaluate(
        """async () => {
            const csrf = document.querySelector('[name=csrf]').value;
            const path = '/t/clinic/members/invite';
            const sent = role => fetch(path, {method: 'POST', body: new URLSearchParams({csrf, role})});
            return [(await sent('owner')).status, (await sent('manager')).status, (await sent('agent')).status];
        }"""
    )
    assert status == [403, 403, 200]
    screens.complaints.clear()


async def test_a_link_joins_who_is_signed_in_already(screens: Any) -> None:
    office = screens.desk.server.office
    page = await screens.signed_in("agent", "clinic", name="Zwei")
    owner = await office.accounts.create("o@example.com", "O", PASSWORD, roles={"school": "owner"})
    _, cookie = await office.accounts.open_session(owner.id)
    text = await office.links.invite("school", "agent", await office.accounts.signed_in(cookie))
    await page.goto(f"/invitation/{text}")
    await page.get_by_role("button", name="Join").click()
    await page.wait_for_url("**/t/school**")
    zwei = next(each for each in await office.accounts.everybody() if each.display_name == "Zwei")
    assert zwei.roles == {"clinic": "agent", "school": "agent"}
    screens.complaints.clear()  # there may be no page of the school yet

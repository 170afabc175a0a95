"""Who works for a tenant: what an owner can do to others, and what nobody can by being quick."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pyotp
import pytest

from frontdesk.auth import Accounts, Audit, LinkEnded, Links, Refused, SecondFactor
from frontdesk.auth.accounts import principal_of
from frontdesk.services.members import LastOwner, Members
from frontdesk.store import Store
from frontdesk.store.opening import open_store
from frontdesk.testing.clock import MovableClock

PASSWORD = "một mật khẩu thật dài"


class Office:
    """What these tests need of it."""

    def __init__(self, store: Store, clock: MovableClock) -> None:
        self.accounts = Accounts(store)
        self.links = Links(store, self.accounts)
        self.members = Members(self.accounts, self.links, Audit(store))
        self.factor = SecondFactor(self.accounts, b"k" * 32, clock)

    async def operator(self, name: str, **more: Any) -> Any:
        return await self.accounts.create(f"{name}@example.com", name, PASSWORD, **more)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def office(tmp_path: Path, clock: MovableClock) -> AsyncIterator[Office]:
    store = open_store(f"sqlite:///{tmp_path / 'frontdesk.db'}", clock)
    await store.open()
    yield Office(store, clock)
    await store.close()


async def test_a_reset_link_ends_when_they_have_rights_elsewhere(office: Office) -> None:
    owner = principal_of(await office.operator("owner", roles={"clinic": "owner"}))
    agent = await office.operator("agent", roles={"clinic": "agent"})
    text = await office.members.reset("clinic", agent.id, owner)
    await office.accounts.set_role(agent.id, "school", "owner")
    link = await office.links.open(text, "reset")
    with pytest.raises(LinkEnded):
        await office.links.set_password(link, "another long password")
    await office.accounts.sign_in("agent@example.com", PASSWORD)


async def test_a_reset_link_sets_one_password_and_too_short_a_one_costs_it_not(office: Office) -> None:
    agent = await office.operator("agent", roles={"clinic": "agent"})
    text = await office.links.reset(agent, "the command line")
    link = await office.links.open(text, "reset")
    with pytest.raises(Refused):
        await office.links.set_password(link, "short")
    outcomes = await asyncio.gather(
        office.links.set_password(link, "the first long one"),
        office.links.set_password(link, "the other long one"),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in outcomes) == ["LinkEnded", "NoneType"]
    won = "the first long one" if outcomes[0] is None else "the other long one"
    await office.accounts.sign_in("agent@example.com", won)


async def test_who_signs_in_at_a_provider_gets_no_password_here(office: Office) -> None:
    owner = principal_of(await office.operator("owner", roles={"clinic": "owner"}))
    there = await office.accounts.create("x@example.com", "X", roles={"clinic": "agent"}, subject="https://i x")
    with pytest.raises(Refused, match="provider"):
        await office.members.reset("clinic", there.id, owner)


async def test_two_owners_cannot_demote_each_other(office: Office) -> None:
    one = await office.operator("one", roles={"clinic": "owner"})
    two = await office.operator("two", roles={"clinic": "owner"})
    await asyncio.gather(
        office.members.set_role("clinic", two.id, "agent", principal_of(one)),
        office.members.set_role("clinic", one.id, "agent", principal_of(two)),
        return_exceptions=True,
    )
    assert any(each.roles["clinic"] == "owner" for each in await office.members.of("clinic"))
    with pytest.raises(LastOwner):
        for each in await office.members.of("clinic"):
            await office.members.set_role("clinic", each.id, None, principal_of(one))


async def test_a_manager_does_not_withdraw_what_an_owner_has_made(office: Office) -> None:
    owner = principal_of(await office.operator("owner", roles={"clinic": "owner"}))
    manager = principal_of(await office.operator("manager", roles={"clinic": "manager"}))
    await office.members.invite("clinic", "owner", owner)
    (pending,) = await office.links.pending("clinic")
    with pytest.raises(Refused):
        await office.members.withdraw("clinic", pending.id, manager)
    await office.members.withdraw("clinic", pending.id, owner)
    assert await office.links.pending("clinic") == []


async def test_a_code_opens_once_however_many_try_it_at_the_same_moment(office: Office, clock: MovableClock) -> None:
    lan = await office.operator("lan")
    secret = office.factor.new_secret()
    totp, now = pyotp.TOTP(secret), int(clock.now().timestamp())
    codes = await office.factor.begin(lan, secret, totp.at(now - 30))
    lan = await office.accounts.get(lan.id)
    opened = await asyncio.gather(*(office.factor.opens(lan, totp.at(now)) for _ in range(4)))
    assert sorted(opened) == [False, False, False, True]
    lan = await office.accounts.get(lan.id)
    opened = await asyncio.gather(*(office.factor.opens(lan, each) for each in codes[:3]))
    assert opened.count(True) == 1
    left = (await office.accounts.get(lan.id)).recovery
    assert len(left) == len(codes) - 1


async def test_a_secret_in_a_cookie_is_of_one_session(office: Office) -> None:
    sealed = office.factor.sealed("SECRET", "session-1")
    assert "SECRET" not in sealed and office.factor.unsealed(sealed, "session-1") == "SECRET"
    assert office.factor.unsealed(sealed, "session-2") == office.factor.unsealed("SECRET", "session-1") == ""

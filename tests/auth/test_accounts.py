"""Operators, their passwords and sessions, attempts and tokens, on a store and a clock that one can move."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest

from frontdesk.auth import Accounts, NotSignedIn, Principal, Refused, SecondFactor, TooManyAttempts
from frontdesk.auth.accounts import ABSOLUTE, CODE_WITHIN, IDLE
from frontdesk.auth.attempts import FROM_AN_ADDRESS, OF_AN_ACCOUNT, WINDOW
from frontdesk.store import Store
from frontdesk.store.collections import API_TOKENS, ATTEMPTS, OPERATORS, SESSIONS
from frontdesk.store.opening import open_store
from frontdesk.testing.clock import MovableClock

PASSWORD = "một mật khẩu thật dài"


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def store(tmp_path: Path, clock: MovableClock) -> AsyncIterator[Store]:
    store = open_store(f"sqlite:///{tmp_path / 'frontdesk.db'}", clock)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def accounts(store: Store) -> Accounts:
    return Accounts(store)


async def test_who_signs_in_is_known_by_the_cookie_until_the_session_ends(
    accounts: Accounts, clock: MovableClock
) -> None:
    lan = await accounts.create("Lan@Example.com ", " Nguyễn  Thị Lan", PASSWORD, roles={"clinic": "agent"})
    assert (lan.name, lan.display_name, lan.email) == ("nguyen-thi-lan", "Nguyễn Thị Lan", "lan@example.com")
    session, cookie = await accounts.sign_in("LAN@example.com", PASSWORD, peer="203.0.113.9")
    who = await accounts.signed_in(cookie)
    assert who is not None and who.name == lan.name and who.csrf == session.csrf
    assert who.may("clinic", "agent") and not who.may("clinic", "manager") and not who.may("school", "viewer")
    assert await accounts.end_session("somebody else", session.id) is False
    assert await accounts.end_session(lan.id, session.id)
    assert await accounts.signed_in(cookie) is None


async def test_a_session_ends_when_nobody_uses_it_and_at_last_in_any_case(
    accounts: Accounts, clock: MovableClock
) -> None:
    lan = await accounts.create("lan@example.com", "Lan", PASSWORD)
    _, left = await accounts.open_session(lan.id)
    _, used = await accounts.open_session(lan.id)
    lived = timedelta()
    while lived < ABSOLUTE - IDLE / 2:
        assert await accounts.signed_in(used) is not None, lived
        clock.advance((IDLE / 2).total_seconds())
        lived += IDLE / 2
    assert await accounts.signed_in(left) is None
    assert len(await accounts.sessions(lan.id)) == 1
    clock.advance(IDLE.total_seconds() / 2)
    assert await accounts.signed_in(used) is None


async def test_nothing_by_which_one_could_sign_in_is_stored_or_shown(accounts: Accounts, store: Store) -> None:
    lan = await accounts.create("lan@example.com", "Lan", PASSWORD)
    session, cookie = await accounts.open_session(lan.id)
    who = await accounts.signed_in(cookie)
    assert who is not None
    _, token = await accounts.make_token("clinic", "robot", "viewer", who)
    stored = [await store.shared.find(each, {}) for each in (OPERATORS, SESSIONS, API_TOKENS)]
    for secret in (PASSWORD, cookie, token):
        assert secret not in str([vars(each) for page in stored for each in page])
    assert session.csrf not in repr(stored) and session.csrf not in repr(who) and lan.password not in repr(stored)


async def test_a_wrong_password_and_an_unknown_account_are_answered_alike_and_not_too_often(
    accounts: Accounts, clock: MovableClock, store: Store
) -> None:
    await accounts.create("lan@example.com", "Lan", PASSWORD)
    for email in ("lan@example.com", "nobody@example.com"):
        for _ in range(OF_AN_ACCOUNT):
            with pytest.raises(NotSignedIn):
                await accounts.sign_in(email, "something else", peer="")
        with pytest.raises(TooManyAttempts) as refused:
            await accounts.sign_in(email, PASSWORD)
        assert timedelta() < refused.value.after <= WINDOW
    assert "example.com" not in str([each.id for each in await store.shared.find(ATTEMPTS, {})])
    clock.advance(WINDOW.total_seconds())
    await accounts.sign_in("lan@example.com", PASSWORD)


async def test_one_address_cannot_try_all_accounts(accounts: Accounts) -> None:
    for number in range(FROM_AN_ADDRESS):
        await accounts._attempts.count("peer", "203.0.113.9", FROM_AN_ADDRESS) if number else None
    with pytest.raises(NotSignedIn):
        await accounts.sign_in("a@example.com", PASSWORD, peer="203.0.113.9")
    with pytest.raises(TooManyAttempts):
        await accounts.sign_in("b@example.com", PASSWORD, peer="203.0.113.9")
    with pytest.raises(NotSignedIn):
        await accounts.sign_in("b@example.com", PASSWORD, peer="203.0.113.10")


async def test_who_has_a_second_factor_is_not_signed_in_before_it(accounts: Accounts, clock: MovableClock) -> None:
    lan = await accounts.create("lan@example.com", "Lan", PASSWORD)
    await accounts.change(lan.id, totp="encrypted")
    session, cookie = await accounts.sign_in("lan@example.com", PASSWORD)
    assert session.waits_for_code and await accounts.signed_in(cookie) is None
    assert await accounts.session(cookie) is not None
    clock.advance(CODE_WITHIN.total_seconds())
    assert await accounts.session(cookie) is None


async def test_a_password_is_the_same_from_every_keyboard(accounts: Accounts) -> None:
    """Windows' Vietnamese keyboard writes marks of their own behind a letter, a phone writes one letter."""
    decomposed = unicodedata.normalize("NFD", PASSWORD)
    await accounts.create("lan@example.com", "Lan", decomposed)
    await accounts.sign_in("lan@example.com", PASSWORD)
    lan = await accounts.by_email("lan@example.com")
    assert lan is not None and await accounts.is_password(lan, decomposed)
    with pytest.raises(NotSignedIn):
        await accounts.sign_in("lan@example.com", "mot mat khau that dai")
    with pytest.raises(Refused, match="12 characters"):
        await accounts.create("an@example.com", "An", unicodedata.normalize("NFD", "ộộộộộộ"))


async def test_a_code_may_be_typed_on_any_keyboard(accounts: Accounts, clock: MovableClock) -> None:
    factor = SecondFactor(accounts, b"k" * 32, clock)
    lan = await accounts.create("lan@example.com", "Lan", PASSWORD)
    secret = factor.new_secret()
    wide = {digit: 0xFF10 + number for number, digit in enumerate(map(ord, "0123456789"))}
    code = pyotp.TOTP(secret).at(int(clock.now().timestamp()))
    assert not await factor.begin(lan, secret, "mã của tôi")
    assert await factor.begin(lan, secret, f"{code[:3]} {code[3:]}".translate(wide))
    clock.advance(60)
    lan = await accounts.by_email("lan@example.com")
    assert not await factor.opens(lan, "không nhớ")
    assert await factor.opens(lan, pyotp.TOTP(secret).at(int(clock.now().timestamp())).translate(wide))


async def test_a_new_password_ends_the_other_sessions(accounts: Accounts) -> None:
    lan = await accounts.create("lan@example.com", "Lan", PASSWORD)
    kept, here = await accounts.open_session(lan.id)
    _, there = await accounts.open_session(lan.id)
    await accounts.set_password(lan.id, "another password, also long", keep=kept.id)
    assert await accounts.signed_in(here) is not None and await accounts.signed_in(there) is None
    with pytest.raises(NotSignedIn):
        await accounts.sign_in("lan@example.com", PASSWORD)


@pytest.mark.parametrize(
    ("email", "name", "password", "said"),
    [
        ("lan", "Lan", PASSWORD, "no e-mail address"),
        ("lan@example.com", "  ", PASSWORD, "name is empty"),
        ("lan@example.com", "Lan", "too short", "12 characters"),
        ("taken@example.com", "Lan", PASSWORD, "has an account already"),
    ],
)
async def test_an_account_that_cannot_be_is_refused(
    accounts: Accounts, email: str, name: str, password: str, said: str
) -> None:
    await accounts.create("taken@example.com", "Minh", PASSWORD)
    with pytest.raises(Refused, match=said):
        await accounts.create(email, name, password)


async def test_two_of_one_name_have_two_handles(accounts: Accounts) -> None:
    names = [(await accounts.create(f"{n}@example.com", "Đỗ Ánh", PASSWORD)).name for n in range(2)]
    assert names == ["do-anh", "do-anh-2"]


async def test_a_token_opens_one_tenant_until_it_ends(accounts: Accounts, clock: MovableClock) -> None:
    maker = Principal(id="1", name="lan", display_name="Lan")
    token, text = await accounts.make_token(
        "clinic", "CRM", "agent", maker, expires_at=clock.now() + timedelta(hours=1)
    )
    who = await accounts.by_token(text)
    assert who is not None and who.name == "token:CRM" and who.may("clinic", "agent")
    assert not who.may("school", "viewer") and not who.admin
    assert await accounts.by_token(text + "x") is None and await accounts.by_token("fdk_") is None
    assert await accounts.end_token("school", token.id) is False
    clock.advance(3600)
    assert await accounts.by_token(text) is None

"""Signing in at a real OpenID provider on loopback, with what it may say and what it must not be believed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from joserfc import jwt

from frontdesk.auth import Refused
from frontdesk.auth.oidc import granted
from frontdesk.clock import SystemClock
from frontdesk.config import SignInProvider

LAN = {"email": "lan@example.com", "name": "Nguyễn Thị Lan", "groups": ["hoa-sen-agents", "others"], "locale": "vi-VN"}


USERS = [
    {"sub": "lan", **LAN},
    {"sub": "boss", "email": "boss@example.com", "groups": "admins"},
    {"sub": "nobody", "email": "nobody@example.com"},
    {"sub": "taken", "email": "taken@example.com", "groups": ["hoa-sen-agents"]},
]


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of a provider that knows Lan, an admin, and somebody without a group. It is a process of its own: what its
    library is warned of is not ours to fail for."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    known = [word for user in USERS for word in ("--user-claims", json.dumps(user))]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "-p", str(port), "-n", "true", *known]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            yield f"http://localhost:{port}"
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 30
    while time.monotonic() < ends and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the provider does not listen")


def ways(issuer: str) -> list[dict[str, Any]]:
    whole = {
        "id": "company",
        "label": "Company",
        "issuer": issuer,
        "client_id": "frontdesk",
        "client_secret": {"env": "OIDC_SECRET"},
        "scopes": ["openid", "email", "profile", "groups"],
        "groups": {"hoa-sen-agents": {"clinic": "agent"}},
        "admins": ["admins"],
    }
    one = {**whole, "id": "clinic-only", "tenant": "clinic", "groups": {"hoa-sen-agents": "viewer"}}
    del one["admins"]
    return [whole, one]


@pytest.fixture
async def front(desk: Any, serving: Any, provider: str, monkeypatch: Any) -> AsyncIterator[tuple[Any, str]]:
    monkeypatch.setenv("OIDC_SECRET", "a secret of the client")
    async with desk(server={"sign_in": ways(provider)}, clock=SystemClock()) as server:
        async with serving(server.server) as url:
            server.server.office.openid._redirect = f"{url}/oidc/callback"
            yield server.server.office, url


async def goes(http: aiohttp.ClientSession, url: str, sub: str, way: str = "company", wanted: str = "") -> Any:
    """Begin here, sign in there as *sub*, and come back: (status, text or address)."""
    query = {"next": wanted} if wanted else {}
    async with http.post(f"{url}/oidc/{way}/begin", params=query, allow_redirects=False) as answer:
        assert answer.status == 303, await answer.text()
        there = answer.headers["Location"]
    asked = parse_qs(urlsplit(there).query)
    assert asked["code_challenge_method"] == ["S256"] and asked["nonce"] and asked["state"]
    async with http.post(there, data={"sub": sub}, allow_redirects=False) as answer:
        back = answer.headers["Location"]
    async with http.get(back, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location") or await answer.text(), back


async def test_groups_become_roles_each_time_somebody_signs_in(front: Any) -> None:
    office, url = front
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        assert (await goes(http, url, "lan", wanted="/t/clinic/inbox"))[:2] == (303, "/t/clinic/inbox")
        cookie = {each.key: each.value for each in jar}["frontdesk"]
    who = await office.accounts.signed_in(cookie)
    assert (who.display_name, who.language, dict(who.roles), who.admin) == (
        "Nguyễn Thị Lan",
        "vi",
        {"clinic": "agent"},
        False,
    )
    await office.accounts.set_role(who.id, "clinic", "owner")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        await goes(http, url, "lan")
    again = await office.accounts.get(who.id)
    assert again.roles == {"clinic": "agent"} and len(await office.accounts.everybody()) == 1


async def test_who_has_left_all_groups_has_nothing_any_more(front: Any) -> None:
    office, url = front
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        await goes(http, url, "lan")
        cookie = {each.key: each.value for each in jar}["frontdesk"]
    who = await office.accounts.signed_in(cookie)
    assert who is not None and who.roles
    way = office.openid.providers["company"]
    office.openid.providers["company"] = way.model_copy(update={"groups": {}})
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        assert (await goes(http, url, "lan"))[0] == 403
    assert await office.accounts.signed_in(cookie) is None
    assert (await office.accounts.get(who.id)).roles == {}


async def test_an_admin_is_one_by_group_and_only_of_a_provider_for_the_server(front: Any) -> None:
    office, url = front
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        assert (await goes(http, url, "boss"))[0] == 303
        boss = await office.accounts.by_email("boss@example.com")
        assert boss.admin and boss.roles == {}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        status, text, _ = await goes(http, url, "boss", way="clinic-only")
        assert status == 403 and "no group of yours has a role here" in text


async def test_who_has_no_group_or_an_account_of_that_name_is_not_let_in(front: Any) -> None:
    office, url = front
    await office.accounts.create("taken@example.com", "Owner", "a password of twelve", admin=True)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        status, text, _ = await goes(http, url, "nobody")
        assert status == 403 and "no group of yours has a role here" in text
        status, text, _ = await goes(http, url, "taken")
        assert status == 403 and "has an account on this server already" in text
    assert [each.email for each in await office.accounts.everybody()] == ["taken@example.com"]


async def test_an_answer_counts_once_and_in_the_browser_that_began(front: Any) -> None:
    _, url = front
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        _, _, back = await goes(http, url, "lan")
        async with http.get(back, allow_redirects=False) as answer:
            assert answer.status == 403, "the cookie of the way is gone"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        async with http.post(f"{url}/oidc/company/begin", allow_redirects=False):
            pass
        async with http.get(back, allow_redirects=False) as answer:
            assert answer.status == 403 and "another attempt" in await answer.text()
        foreign = {"Origin": "https://evil.example"}
        async with http.post(f"{url}/oidc/company/begin", headers=foreign, allow_redirects=False) as answer:
            assert answer.status == 403
        async with http.post(f"{url}/oidc/nothing/begin", allow_redirects=False) as answer:
            assert answer.status == 403


@pytest.mark.parametrize("wrong", ["nonce", "aud", "iss"])
async def test_a_token_for_somebody_else_is_not_believed(front: Any, monkeypatch: Any, wrong: str) -> None:
    office, url = front
    decode = jwt.decode

    def forged(*arguments: Any, **more: Any) -> Any:
        token = decode(*arguments, **more)
        token.claims[wrong] = "https://other.example"
        return token

    monkeypatch.setattr(jwt, "decode", forged)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        status, text, _ = await goes(http, url, "lan")
    assert status == 403 and "cannot be trusted" in text
    assert await office.accounts.nobody_yet()


async def test_a_provider_that_is_away_or_calls_itself_otherwise_is_told(front: Any, monkeypatch: Any) -> None:
    office, _ = front
    way = office.openid.providers["company"]
    office.openid.providers["away"] = way.model_copy(update={"id": "away", "issuer": "http://localhost:9"})
    with pytest.raises(Refused, match="does not answer"):
        await office.openid.begin("away", "/")

    async def lies(*_: Any) -> dict[str, str]:
        return {"issuer": "https://other.example"}

    with monkeypatch.context() as patch:
        patch.setattr(office.openid, "_json", lies)
        with pytest.raises(Refused, match="calls itself"):
            await office.openid.begin("company", "/")
    monkeypatch.delenv("OIDC_SECRET")
    with pytest.raises(Refused, match=r"not set up yet.*OIDC_SECRET"):
        await office.openid.begin("company", "/")


def test_of_two_roles_the_higher_counts_and_cognitos_claim_is_one_setting() -> None:
    way = SignInProvider(
        id="cognito",
        label="Cognito",
        issuer="https://cognito-idp.ap-southeast-1.amazonaws.com/ap-southeast-1_x",
        client_id="c",
        groups_claim="cognito:groups",
        groups={"a": {"clinic": "viewer", "school": "agent"}, "b": {"clinic": "owner"}},
    )
    assert granted(way, {"cognito:groups": ["a", "b", 7]}) == ({"clinic": "owner", "school": "agent"}, False)
    assert granted(way, {"groups": ["a"]}) == ({}, False)

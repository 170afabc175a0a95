"""Behind real Caddy and nginx with TLS, with the files of the documentation: what must pass does, and nobody is believed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from frontdesk.testing.fake_twilio import ACCOUNT_SID, FakeTwilio, InboundSpec

from .conftest import Front
from .contacts import NUMBER, PICTURE, TENANT, echoed
from .proxies import HOST, Proxy, caddy, nginx

PUBLIC = f"https://{HOST}"
HOOK = f"{PUBLIC}/webhooks/twilio_whatsapp/{TENANT}"
PHONE = f"{PUBLIC}/plugins/simulator/{TENANT}"
SPOOFED = {
    "X-Forwarded-For": "127.0.0.1",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "http",
    "X-Real-Ip": "127.0.0.1",
    "Forwarded": "for=127.0.0.1;host=evil.example;proto=http",
}
BARE_NGINX = """server {
	listen 443 ssl;
	ssl_certificate /etc/letsencrypt/live/desk.example.com/fullchain.pem;
	ssl_certificate_key /etc/letsencrypt/live/desk.example.com/privkey.pem;
	location / {
		proxy_pass http://127.0.0.1:8000;
	}
}
"""
UPLOADS = 3
StartProxy = Callable[..., AbstractContextManager[Proxy]]


@pytest.fixture
async def desk(
    front: Callable[..., Front], parrot: dict[str, Any], quick: dict[str, Any], twilio: FakeTwilio
) -> AsyncIterator[Front]:
    """A server that the world knows as https://desk.example.com, with a phone that is open to everyone."""
    phone = {"simulator": {"open_to": "everyone", "messages_per_minute": UPLOADS}}
    tenant = {**parrot, "plugins": [*parrot["plugins"], phone, "lines"]}
    async with front(tenant, public_url=PUBLIC, trusted_proxies=["127.0.0.2"], times=quick) as running:
        twilio.world.reach[PUBLIC] = running.url
        yield await running.start()


@pytest.fixture(params=[caddy, nginx], ids=["caddy", "nginx"])
def proxy(request: pytest.FixtureRequest, tmp_path: Path, desk: Front) -> Iterator[Proxy]:
    """Each of the two in front of the server."""
    start: StartProxy = request.param
    folder = tmp_path / "proxy"
    folder.mkdir()
    with start(folder, desk.port) as running:
        yield running


async def test_everything_that_may_pass_does_and_nobody_is_believed(
    desk: Front, proxy: Proxy, twilio: FakeTwilio
) -> None:
    async with proxy.client() as http:
        for number, headers in enumerate(({}, SPOOFED)):
            url = f"{HOOK}?line={number}&name=L%C3%AA"
            assert await _webhook(http, twilio, url, f"say m{number}x1", headers) == 204, desk.tail()
            for forged in (url.replace("https", "http"), url.replace(HOST, "evil.example")):
                assert await _webhook(http, twilio, url, "say m9x9", headers, signed_for=forged) == 403
        await _only_what_is_open_passes(http)
        await _a_visitor_cannot_choose_an_address(http)
        await _events_come_at_once(http)
        await _a_websocket_passes(http)
    await desk.quiet()
    assert echoed(twilio) == {"m0x1": 1, "m1x1": 1}
    assert all(sent["StatusCallback"].startswith(f"{PUBLIC}/webhooks/") for sent in twilio.attempts)
    assert twilio.violations == []


async def _webhook(
    http: aiohttp.ClientSession,
    twilio: FakeTwilio,
    url: str,
    text: str,
    headers: dict[str, str],
    *,
    signed_for: str = "",
) -> int:
    form = twilio.compose(InboundSpec(body=text, from_="whatsapp:+84900000001", to=NUMBER))
    signature = twilio.world.signature(signed_for or url, form, ACCOUNT_SID)
    signed = {**headers, "X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    async with http.post(url, data=urlencode(form), headers=signed) as answer:
        return answer.status


async def _only_what_is_open_passes(http: aiohttp.ClientSession) -> None:
    for path in ("/", "/readyz", "/metrics", "/tenants.json", f"/webhooks/simulator/{TENANT}"):
        async with http.get(f"{PUBLIC}{path}", headers=SPOOFED) as answer:
            assert answer.status == 404, path


async def _a_visitor_cannot_choose_an_address(http: aiohttp.ClientSession) -> None:
    answers = []
    for number in range(UPLOADS + 1):
        chosen = {"X-Forwarded-For": f"203.0.113.{number}", "Forwarded": f"for=203.0.113.{number}"}
        ours = {**chosen, "X-Frontdesk-Simulator": "1"}
        async with http.post(f"{PHONE}/media", data=PICTURE, headers=ours) as answer:
            answers.append(answer.status)
    assert answers == [200] * UPLOADS + [429]


async def _events_come_at_once(http: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(5), http.get(f"{PHONE}/events", params={"contact": "a" * 32}) as stream:
        assert stream.content_type == "text/event-stream"
        assert stream.headers["Cache-Control"] == "no-store"
        # It goes on: what comes before its end was held back by nobody.
        assert await stream.content.readline() == b"event: change\n"


async def _a_websocket_passes(http: aiohttp.ClientSession) -> None:
    url = f"wss://{HOST}/plugins/lines/{TENANT}/line"
    async with asyncio.timeout(5), http.ws_connect(url, headers=SPOOFED) as line:
        await line.send_str("Chào")
        assert await line.receive_json() == {"said": "Chào", "scheme": "wss", "peer": "127.0.0.1", "tenant": TENANT}


async def test_behind_an_nginx_that_says_nothing_no_stranger_is_at_this_machine(
    front: Callable[..., Front], parrot: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "proxy"
    folder.mkdir()
    async with front({**parrot, "plugins": [*parrot["plugins"], "simulator"]}) as desk, aiohttp.ClientSession() as here:
        await desk.start()
        with nginx(folder, desk.port, BARE_NGINX) as proxy:
            async with proxy.client() as http:
                async with http.get(f"{PUBLIC}/tenants.json") as answer:
                    assert await answer.json() == []
                for path in ("/metrics", f"/plugins/simulator/{TENANT}/"):
                    async with http.get(f"{PUBLIC}{path}") as answer:
                        assert answer.status == 403, path
        async with here.get(f"{desk.url}/tenants.json") as answer:
            assert [tenant["id"] for tenant in await answer.json()] == [TENANT]

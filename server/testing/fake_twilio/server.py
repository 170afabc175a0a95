"""The fake Twilio itself: a real HTTP server on a loopback port."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from frontdesk.clock import Clock, SystemClock

from . import control
from .account import Account, AccountRest
from .callbacks import Callbacks
from .contents import Contents
from .faults import Faults
from .inbound import InboundSpec, form
from .messages import API_VERSION, FakeMedia, FakeMessage, new_sid
from .rest import Rest, answering_errors
from .state import State
from .world import Answer, World

ACCOUNT_SID = "AC" + "0" * 32
AUTH_TOKEN = "test_auth_token_0123456789abcdef"  # noqa: S105  the fake's own default, worth nothing


class FakeTwilio:
    """Use it as `async with FakeTwilio() as twilio:`; point a client's base URL at `twilio.url`.

    :param reach: public base URL → where it really is, e.g. `{"https://bot.example.com": "http://127.0.0.1:8000"}`:
        webhooks and callbacks are signed for the first and connect to the second, as behind a load balancer.
    :param log: a file to which everything that happens is appended as JSON lines.
    """

    def __init__(
        self,
        *,
        account_sid: str = ACCOUNT_SID,
        auth_token: str = AUTH_TOKEN,
        host: str = "127.0.0.1",
        port: int = 0,
        log: Path | None = None,
        reach: dict[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.account_sid = account_sid
        self._host, self._port = host, port
        self.world = World(
            clock=clock or SystemClock(), accounts={account_sid: auth_token}, reach=dict(reach or {}), log_path=log
        )
        self.state = State(self.world)
        self.account = Account()
        """What is entered at Twilio: senders, services, templates."""
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Base URL of the REST API, of messaging.twilio.com and of `/_fake/`; no slash at the end."""
        return self.state.base_url

    @property
    def sent(self) -> list[FakeMessage]:
        return self.state.sent

    @property
    def attempts(self) -> list[dict[str, str]]:
        return self.state.attempts

    @property
    def violations(self) -> list[str]:
        return self.state.violations

    @property
    def typing(self) -> list[str]:
        return self.state.typing

    @property
    def contents(self) -> Contents:
        return self.state.contents

    @property
    def faults(self) -> Faults:
        return self.state.faults

    @property
    def callbacks(self) -> Callbacks:
        return self.state.callbacks

    async def __aenter__(self) -> Self:
        await self.world.open()
        app = web.Application(client_max_size=32 * 1024 * 1024)
        rest = Rest(self.state)
        entered = AccountRest(self.state, self.account, rest.authenticated, answering_errors)
        app.add_routes([*rest.routes(), *entered.routes(), *control.routes(self)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        port = self._runner.addresses[0][1]
        self.state.base_url = f"http://{self._host}:{port}"
        # Another host name than the API's, as with Twilio: credentials must not follow the redirect.
        self.state.storage_base = f"http://localhost:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.state.close()
        if self._runner:
            await self._runner.cleanup()
        await self.world.close()

    def add_account(self, sid: str, auth_token: str) -> None:
        """Another account of the same Twilio."""
        self.world.accounts[sid] = auth_token

    def add_api_key(self, sid: str, secret: str, account_sid: str = "") -> None:
        """An API key (SK…) that may stand in place of the account's own credentials."""
        self.world.api_keys[sid] = (secret, account_sid or self.account_sid)

    def compose(self, spec: InboundSpec, account_sid: str = "") -> list[tuple[str, str]]:
        """A contact's message, now in the account's list of messages; the form of its webhook."""
        account = account_sid or self.account_sid
        sid = spec.sid or new_sid("MM" if spec.has_media else "SM")
        media = [FakeMedia(new_sid("ME"), spec.media_type, spec.content)] if spec.has_media else []
        now = self.world.clock.now()
        self.state.messages.setdefault(
            sid,
            FakeMessage(
                sid=sid,
                account_sid=account,
                direction="inbound",
                from_=spec.from_,
                to=spec.to,
                body=spec.body,
                status="received",
                created_at=now,
                visible_at=now,
                sent_at=now,
                media=media,
            ),
        )
        kept = self.state.messages[sid].media
        url = f"{self.url}/{API_VERSION}/Accounts/{account}/Messages/{sid}/Media/{kept[0].sid}" if kept else ""
        return form(spec, sid, account, url)

    async def post(
        self, url: str, fields: Sequence[tuple[str, str]], *, account_sid: str = "", algorithm: str = ""
    ) -> Answer:
        """Send the webhook of a composed message, signed, and judge the answer as Twilio does."""
        answer = await self.world.post(url, fields, account_sid or self.account_sid, algorithm=algorithm)
        sid = dict(fields).get("MessageSid", "")
        self.world.record("webhook", sid=sid, answer=answer.status, error=answer.error)
        if answer.content_type == "text/plain" and answer.body:
            self.state.violation(f"webhook {sid} answered with text/plain: Twilio sends that to the contact")
        return answer

    async def deliver(self, url: str, spec: InboundSpec | None = None, **fields: Any) -> Answer:
        """A contact writes: `await twilio.deliver(url, body="Xin chào")`; fields are those of InboundSpec."""
        return await self.post(url, self.compose(spec or InboundSpec(**fields)))

    async def deliver_all(
        self, url: str, specs: Sequence[InboundSpec], *, order: Sequence[int] | None = None, account_sid: str = ""
    ) -> list[tuple[str, Answer]]:
        """Several messages one after another; *order* holds positions and may repeat and reorder: `(1, 0, 1)`.

        The SID and the server's answer of each webhook.
        """
        forms = [self.compose(spec, account_sid) for spec in specs]
        return [
            (dict(forms[index])["MessageSid"], await self.post(url, forms[index], account_sid=account_sid))
            for index in (range(len(forms)) if order is None else order)
        ]

    async def idle(self, seconds: float = 10.0) -> None:
        """Return when every planned callback has been sent. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while len(self.state.tasks):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.state.tasks)} messages still have callbacks to come")
            await asyncio.sleep(0.005)

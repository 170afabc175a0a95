"""What all parts of the fake share: accounts, the log, and the way out to the server under test."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlencode

import aiohttp
from twilio.request_validator import RequestValidator

from frontdesk.clock import Clock

TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)
"""Twilio's own limits: 5 s to connect, 15 s in all (Webhooks connection overrides)."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server under test said to a webhook; `status` 0 and an `error` if it said nothing."""

    status: int
    content_type: str = ""
    body: str = ""
    error: str = ""


class _Multi(dict[str, list[str]]):
    """Form fields with repetitions, in the shape that RequestValidator knows from Django."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


@dataclass
class World:
    """State of one fake Twilio."""

    clock: Clock
    accounts: dict[str, str]
    """Account SID → auth token."""
    api_keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    """API key SID → its secret and its account."""
    reach: dict[str, str] = field(default_factory=dict)
    """Public base URL → where it really is: signatures are made for the first, connections to the second."""
    events: list[dict[str, Any]] = field(default_factory=list)
    """Everything that happened, in order, each with `event` and `at`."""
    log_path: Path | None = None
    _log: TextIO | None = None
    _session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        if self.log_path:
            self._log = self.log_path.open("a", encoding="utf-8")
        self._session = aiohttp.ClientSession(timeout=TIMEOUT, cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        if self._session:
            await self._session.close()
        if self._log:
            self._log.close()

    def record(self, event: str, **details: Any) -> None:
        """Remember an event; in the log file it is one JSON line, on its way to the disk before this returns."""
        entry = {"event": event, "at": self.clock.now().isoformat(), **details}
        self.events.append(entry)
        if self._log:
            self._log.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self._log.flush()

    def signature(self, url: str, fields: Sequence[tuple[str, str]], account_sid: str, algorithm: str = "") -> str:
        """X-Twilio-Signature of a form, computed by the vendor's package."""
        multi = _Multi()
        for name, value in fields:
            multi.setdefault(name, []).append(value)
        validator = RequestValidator(self.accounts[account_sid])
        return str(validator.compute_signature(url, multi, algorithm or None))

    async def post(
        self, url: str, fields: Sequence[tuple[str, str]], account_sid: str, *, algorithm: str = ""
    ) -> Answer:
        """POST a form to the server under test, signed; the URL's fragment is not part of what is signed or sent."""
        url = url.partition("#")[0]
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "User-Agent": "TwilioProxy/1.1",
            "X-Twilio-Signature": self.signature(url, fields, account_sid, algorithm),
        }
        if algorithm:
            headers["X-Twilio-Webhooks-Signature-Settings"] = f"key=webhooks_sharedkey_fake,algorithm={algorithm}"
        return await self.raw_post(url, urlencode(list(fields)).encode(), headers)

    async def raw_post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """POST anything, as it is."""
        assert self._session, "the fake is not running: use it as an async context manager"
        try:
            async with self._session.post(self.real(url), data=body, headers=headers, allow_redirects=False) as reply:
                return Answer(status=reply.status, content_type=reply.content_type, body=await reply.text())
        except (aiohttp.ClientError, TimeoutError) as err:
            return Answer(status=0, error=f"{type(err).__name__}: {err}")

    async def download(self, url: str) -> tuple[int, str, bytes]:
        """Status (0: none), content type and content of a MediaUrl."""
        assert self._session, "the fake is not running: use it as an async context manager"
        try:
            async with self._session.get(self.real(url)) as reply:
                return reply.status, reply.content_type, await reply.read()
        except (aiohttp.ClientError, TimeoutError):
            return 0, "", b""

    def real(self, url: str) -> str:
        """Where a public URL is really found."""
        for public, base in self.reach.items():
            if url.startswith(public):
                return base + url[len(public) :]
        return url

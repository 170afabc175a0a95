"""Files that contacts send: fetched with credentials from Twilio alone, bounded, and known by their content."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import aiohttp
import filetype

from frontdesk import Fetched, Media, NeedsAttention, Refused, RetryLater

from .client import Credentials
from .settings import TWILIO_API

MAX_REDIRECTS = 3
_PATH = re.compile(
    r"/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/Messages/(?:SM|MM)[0-9a-fA-F]{32}/Media/ME[0-9a-fA-F]{32}"
)
_WITHOUT_MARKS = frozenset({"text/plain", "text/csv", "text/calendar", "text/vcard", "text/x-vcard"})
"""Types that no leading bytes give away, and that are harmless to show."""
_SNIFFED = frozenset({"image", "audio", "video"})
_CONTAINERS = {"audio", "video"}
"""Ogg, MP4 and 3GP hold either: which it is, the sender says."""


@dataclass(frozen=True)
class MediaDoor:
    """What may be fetched for one tenant."""

    credentials: Credentials
    api_base_url: str
    hosts: Sequence[str]
    max_bytes: int

    async def fetch(self, session: aiohttp.ClientSession, media: Media) -> Fetched:
        """Download a file of an inbound message.

        Raises Refused for what is never to be had (foreign URL, gone, too large, not what it claims to be),
        NeedsAttention for rejected credentials, RetryLater for the rest.
        """
        self._check_origin(media.url)
        url, headers = media.url, {"Authorization": self.credentials.authorization}
        try:
            for _ in range(MAX_REDIRECTS + 1):
                async with session.get(url, headers=headers, allow_redirects=False) as answer:
                    if answer.status not in (301, 302, 303, 307, 308):
                        _check_status(answer.status, at_twilio=bool(headers))
                        return typed(await self._read(answer), media.content_type)
                    # Credentials are for Twilio alone; storage takes the signature in its URL.
                    url, headers = self._redirected(url, answer.headers.get("Location", "")), {}
        except (aiohttp.ClientError, TimeoutError) as err:
            raise RetryLater(f"the file cannot be had from Twilio now ({type(err).__name__})", after=2.0) from err
        raise Refused("Twilio redirects this file in circles")

    def _check_origin(self, url: str) -> None:
        for base in (self.api_base_url, TWILIO_API):
            if url.startswith(base + "/"):
                match = _PATH.fullmatch(url[len(base) :])
                if match and match[1] == self.credentials.account_sid:
                    return
        raise Refused("the file's URL is not one of this account's media at Twilio")

    def _redirected(self, url: str, location: str) -> str:
        target = urljoin(url, location)
        parts = urlsplit(target)
        host = parts.hostname or ""
        allowed = any(host == name or (name.startswith(".") and host.endswith(name)) for name in self.hosts)
        if not allowed or parts.scheme != urlsplit(self.api_base_url).scheme:
            raise NeedsAttention(
                f"Twilio keeps files at {host!r} now, which media_hosts does not allow; if that is Twilio's, add it"
            )
        return target

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for chunk in answer.content.iter_chunked(64 * 1024):
            content += chunk
            if len(content) > self.max_bytes:
                raise Refused(f"the file is larger than {self.max_bytes} bytes (max_media_bytes)")
        return bytes(content)


def _check_status(status: int, *, at_twilio: bool) -> None:
    if status in (401, 403) and not at_twilio:
        # The signature in the URL has run out, say; the next redirect has a new one.
        raise RetryLater(f"the storage of Twilio's files answered HTTP {status}", after=2.0)
    if status in (401, 403):
        raise NeedsAttention("Twilio rejects the credentials for a contact's file; check them", code="20003")
    if status == 429 or status >= 500:
        raise RetryLater(f"Twilio answered HTTP {status} for a file", after=2.0)
    if status != 200:
        raise Refused(f"Twilio does not have this file (HTTP {status})")


def typed(content: bytes, claimed: str) -> Fetched:
    """The file under the type its first bytes show. Raises Refused if it is not of the family that was claimed."""
    if not content:
        raise Refused("the file is empty")
    claimed = claimed.partition(";")[0].strip().lower()
    family = claimed.partition("/")[0]
    found = filetype.guess_mime(content) or _known_besides(content)
    if claimed == "application/pdf" and found != claimed:
        raise Refused(f"the file claims to be {claimed} and is not")
    if found is None:
        if family in _SNIFFED:
            raise Refused(f"the file claims to be {claimed} and is not")
        return Fetched(
            content_type=claimed if claimed in _WITHOUT_MARKS else "application/octet-stream", content=content
        )
    found_family = found.partition("/")[0]
    if family in _SNIFFED and found_family != family:
        if {family, found_family} != _CONTAINERS:
            raise Refused(f"the file claims to be {claimed} and is {found}")
        found = claimed
    return Fetched(content_type=found, content=content)


def _known_besides(content: bytes) -> str | None:
    """What WhatsApp takes and filetype 1.2 does not know."""
    if content[4:11] == b"ftyp3gp":
        return "video/3gpp"
    return "audio/amr-wb" if content.startswith(b"#!AMR-WB\n") else None

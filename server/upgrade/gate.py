"""Whether the server answers, and which release it is of: what /readyz says, asked from this machine."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from frontdesk.config import ServerConfig

from . import UpgradeRefused
from .releases import Release

PAUSE = 0.1
"""Seconds between two looks."""
PATIENCE = 5.0
"""Seconds for one look: the server itself asks its store and its queue for 2 s each. Where somebody else holds the socket,
nobody is refused while no server runs, and nobody is answered."""
HOLDS = 3.0
"""Seconds for which a release must be ready without a break: what dies of its first work is not accepted."""


@dataclass(frozen=True)
class Answer:
    """One answer of /readyz."""

    ready: bool
    status: str
    release: str = ""
    version: str = ""

    def __str__(self) -> str:
        of = f"{self.version} in {self.release}" if self.release else "a server that does not say which"
        return f"{self.status} ({of})"


@dataclass(frozen=True)
class Gate:
    """Looks at the server of *url* (http://host:port)."""

    url: str
    within: float = 240.0
    """Seconds until a release must be ready: the one before has its time to end, too."""
    holds: float = HOLDS
    patience: float = PATIENCE

    def look(self, seconds: float | None = None) -> Answer | None:
        """What it answers now, within *seconds* (`patience`); None: nothing."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=seconds or self.patience)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            found = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()
        if not isinstance(found, dict):
            return None
        status, release, version = (str(found.get(key, "")) for key in ("status", "release", "version"))
        return Answer(answer.status == 200, status or f"{answer.status}", release, version)

    def open_for(self, release: Release) -> bool:
        """Whether *release* is ready now."""
        answer = self.look()
        return answer is not None and answer.ready and answer.release == release.name

    def wait(self, release: Release) -> str:
        """Empty once *release* is ready, and has been for a moment; else why it is not, when the time is over."""
        until, since = time.monotonic() + self.within, None
        while True:
            left = until - time.monotonic()
            answer, now = self.look(max(PAUSE, min(self.patience, left))), time.monotonic()
            if answer is not None and answer.ready and answer.release == release.name:
                since = since or now
                if now - since >= self.holds:
                    return ""
            else:
                since = None
            if now >= until:
                other = answer is not None and answer.ready and answer.release != release.name
                hint = ", so it was not restarted, or is not started through the link" if other else ""
                return f"not ready within {self.within:g} s; {self.url}/readyz says: {answer or 'nothing'}{hint}"
            time.sleep(PAUSE)


def url_of(config: ServerConfig) -> str:
    """Where this machine finds the server. Raises UpgradeRefused if that is no host and port."""
    host, _, port = config.bind.rpartition(":")
    if config.bind.startswith(("fd:", "unix:")):
        raise UpgradeRefused(
            f"server.bind is {config.bind}; say with --url where /readyz is asked, http://127.0.0.1:8000 say"
        )
    everywhere = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "": "127.0.0.1"}  # noqa: S104  what is listened on, not by us
    return f"http://{everywhere.get(host, host)}:{port}"

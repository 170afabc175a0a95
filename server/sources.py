"""Where a tenants file comes from: files of this machine, or an object in S3; how it is fetched, and that it has changed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

from frontdesk.config import Remote, files_of, home_of

from .aws.s3_address import S3Object, parse_object

Location = Path | S3Object
"""What is named on a command line; `str()` of it names it again."""

Mark = object
"""Something that differs once the content does."""


class SourceAway(Exception):
    """There is no answer about the tenants file; the message says why."""

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        """*lasting*: it stays until a person changes something, a permission say."""
        super().__init__(reason)
        self.lasting = lasting


class Source(Protocol):
    """What a running server looks at."""

    path: Location
    """What is read."""
    mark: Mark
    """Of what the server was made from."""
    every: float
    """Seconds between two looks, unless `server.reload_every` says otherwise."""

    async def look(self) -> Mark | None:
        """The mark of what is there now; None while it is being written, or cannot be had.

        Raises SourceAway if there is no answer.
        """
        ...

    def close(self) -> None:
        """Let go of what `look` has opened."""
        ...


def location(written: str) -> Location:
    """What *written* names. Raises ValueError if it is an address that cannot be right."""
    return parse_object(written) if written.lower().startswith("s3:") else Path(written)


def home(of: Location) -> Path:
    """Where `.env` is: beside the file, for an object in the working directory."""
    return home_of(of) if isinstance(of, Path) else Path.cwd()


def fetch(of: Location) -> Path | Remote:
    """The tenants file to be read: a file of this machine as it is, an object of S3 with its content. It may block.

    Raises SourceAway if there is no answer, ConfigError if there is no such object.
    """
    if isinstance(of, Path):
        return of
    # boto3 takes 0.3 s to import; only who uses it pays.
    from .aws.s3_tenants import fetch as fetch_object

    return fetch_object(of)


def source_of(found: Path | Remote) -> Source:
    """What to look at for a change, before *found* is read: from now on none is missed."""
    if isinstance(found, Path):
        return FileSource(found)
    from .aws.s3_tenants import S3Source

    return S3Source(found)


class FileSource:
    """A file of this machine, or several, and the `.env` beside it."""

    every = 2.0

    def __init__(self, path: Path) -> None:
        self._path = path
        self.path: Location = path
        self.mark = self._last = self._look()

    async def look(self) -> Mark | None:
        """None unless it was the same at the last look: whoever writes it may not be done."""
        mark = await asyncio.to_thread(self._look)
        settled = mark == self._last
        self._last = mark
        return mark if settled else None

    def close(self) -> None:
        return None

    def _look(self) -> Mark:
        try:
            files = files_of(self._path)
        except OSError:
            return None
        watched = (*files.all, *files.misnamed, files.home / ".env")
        return tuple((str(file), _stamp(file)) for file in watched)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None  # it may be on its way back; that it is missing is told when it is read
    return status.st_mtime_ns, status.st_size, status.st_ino

"""Files of tenants: kept under the hash of their content, given out by signed, expiring URLs."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import hmac
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO, Protocol, Self
from urllib.parse import quote, urlencode

from .clock import Clock
from .errors import StartupError

KEY = re.compile(r"[0-9a-f]{64}")


CHUNK = 256 * 1024
"""Bytes of a file that are in memory while it is passed on."""


class Medium(Protocol):
    """A file that is open."""

    content_type: str
    size: int
    """Bytes."""

    async def read(self) -> bytes:
        """The next piece, of at most CHUNK bytes; empty at the end. Raises OSError, also if it ends too early."""
        ...

    async def close(self) -> None: ...


async def whole(medium: Medium | None) -> tuple[str, bytes] | None:
    """What `MediaStore.get` gives of what `open` gave."""
    if medium is None:
        return None
    try:
        pieces = []
        while piece := await medium.read():
            pieces.append(piece)
        return medium.content_type, b"".join(pieces)
    finally:
        await medium.close()


class MediaStore(Protocol):
    """Where files are: a folder on one machine, a bucket on many."""

    async def start(self) -> None:
        """Raises StartupError for what a person must mend."""
        ...

    async def stop(self) -> None: ...

    async def put(self, tenant: str, content: bytes, content_type: str) -> str:
        """Keep a file; the same content has the same key. Returns the key.

        Raises OSError if it cannot be kept: EFBIG, it is larger than `server.media.max_bytes`; ENOSPC, the disk is full;
        EIO, the bucket did not take it.
        """
        ...

    async def get(self, tenant: str, key: str) -> tuple[str, bytes] | None:
        """Content type and content; None if there is no such file. Raises OSError if it cannot be read now."""
        ...

    async def open(self, tenant: str, key: str) -> Medium | None:
        """The same to be read piece by piece; whoever gets it closes it. Raises OSError if it cannot be read now."""
        ...

    async def delete(self, tenant: str, key: str) -> None:
        """Delete a file for good, if it is there. Raises OSError if it cannot be deleted now."""
        ...

    async def purge(self, tenant: str) -> int:
        """Delete every file of the tenant, for good; how many there were. Raises OSError if one cannot be deleted now."""
        ...


def open_media(setting: str, folder: Path, max_bytes: int) -> MediaStore:
    """What `server.media.store` names: `folder`, or `s3://…`. Raises StartupError."""
    if setting == "folder":
        return FolderMedia(folder, max_bytes)
    # boto3 takes 0.3 s to import; only who uses it pays.
    from .aws.s3_media import S3Media

    try:
        return S3Media(setting, max_bytes)
    except ValueError as err:
        raise StartupError(str(err)) from err


def key_of(content: bytes, max_bytes: int) -> str:
    """Under which key *content* is kept. Raises OSError (EFBIG) if it is too large to be."""
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"{len(content)} bytes; server.media.max_bytes allows {max_bytes}")
    return hashlib.sha256(content).hexdigest()


class FolderMedia:
    """One folder per tenant, two files per medium: the content, and its type beside it."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    async def start(self) -> None:
        return None

    async def stop(self) -> None:
        return None

    async def put(self, tenant: str, content: bytes, content_type: str) -> str:
        key = key_of(content, self._max_bytes)
        await asyncio.to_thread(self._write, self._path(tenant, key), content, content_type)
        return key

    async def get(self, tenant: str, key: str) -> tuple[str, bytes] | None:
        return await whole(await self.open(tenant, key))

    async def open(self, tenant: str, key: str) -> Medium | None:
        if not KEY.fullmatch(key):
            return None
        return await asyncio.to_thread(_FileMedium.of, self._path(tenant, key))

    async def delete(self, tenant: str, key: str) -> None:
        if KEY.fullmatch(key):
            await asyncio.to_thread(self._delete, self._path(tenant, key))

    def _delete(self, path: Path) -> None:
        for file in (path, path.with_suffix(".type")):
            file.unlink(missing_ok=True)

    async def purge(self, tenant: str) -> int:
        return await asyncio.to_thread(self._purge, self._folder / tenant)

    def _purge(self, folder: Path) -> int:
        if not folder.is_dir():
            return 0
        keys = [file for file in folder.iterdir() if KEY.fullmatch(file.name)]
        shutil.rmtree(folder)
        return len(keys)

    def _path(self, tenant: str, key: str) -> Path:
        return self._folder / tenant / key

    def _write(self, path: Path, content: bytes, content_type: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        for target, data in ((path.with_suffix(".type"), content_type.encode()), (path, content)):
            # A name of its own: the same picture may come twice at once.
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as scratch:
                scratch.write(data)
                scratch.flush()
                os.fsync(scratch.fileno())
            Path(scratch.name).replace(target)


class _FileMedium:
    """A file of a folder. Names are never written again with other content, so it stays what it was when it was opened."""

    def __init__(self, file: BinaryIO, content_type: str) -> None:
        self._file = file
        self.content_type = content_type
        self.size = os.fstat(file.fileno()).st_size

    @classmethod
    def of(cls, path: Path) -> Self | None:
        try:
            content_type = path.with_suffix(".type").read_text("utf-8")
            return cls(path.open("rb"), content_type)
        except FileNotFoundError:
            return None

    async def read(self) -> bytes:
        return await asyncio.to_thread(self._file.read, CHUNK)

    async def close(self) -> None:
        await asyncio.to_thread(self._file.close)


class MediaUrls:
    """Makes and checks the URLs by which a provider fetches a file from us."""

    def __init__(self, public_url: str, signing_key: bytes, clock: Clock) -> None:
        self._public_url = public_url
        self._key = signing_key
        self._clock = clock

    def make(self, tenant: str, key: str, seconds: float) -> str:
        """A URL that works for *seconds* (rounded down to whole seconds)."""
        expires = int(self._clock.now().timestamp() + seconds)
        query = urlencode({"expires": expires, "signature": self._sign(tenant, key, expires)})
        return f"{self._public_url}/media/{quote(tenant)}/{key}?{query}"

    def allows(self, tenant: str, key: str, expires: str, signature: str) -> bool:
        """Whether a request with these parts may have the file now."""
        if not expires.isascii() or not expires.isdigit() or len(expires) > 12 or not signature.isascii():
            return False
        right = self._sign(tenant, key, int(expires))
        return hmac.compare_digest(right, signature) and int(expires) >= self._clock.now().timestamp()

    def _sign(self, tenant: str, key: str, expires: int) -> str:
        return hmac.new(self._key, f"{tenant}\n{key}\n{expires}".encode(), "sha256").hexdigest()

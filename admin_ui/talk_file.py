"""Files of messages, for operators who are signed in: streamed, never run as a page of ours, in parts for players."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from urllib.parse import quote

from quart import Response, abort, request
from quart.wrappers.response import ResponseBody

from frontdesk.services.files import MediaStore, Medium
from frontdesk.services.shapes import Message

from .bubbles import INLINE, PLAYABLE, kind_name

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
POLICY = "default-src 'none'; sandbox"


class _Passed(ResponseBody):
    """A stretch of a file, piece by piece: the next is read when the one before has gone out."""

    def __init__(self, open_it: Callable[[], Awaitable[Medium | None]], first: int, length: int) -> None:
        self._open = open_it
        self._medium: Medium | None = None
        self._skip = first
        self._left = length

    async def __aenter__(self) -> AsyncIterator[bytes]:
        # Not before: whoever goes away before the first byte leaves nothing open.
        self._medium = await self._open()
        return self._pieces(self._medium)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._medium is not None:
            await self._medium.close()

    async def _pieces(self, medium: Medium | None) -> AsyncIterator[bytes]:
        while medium is not None and self._left and (piece := await medium.read()):
            skipped = min(self._skip, len(piece))
            self._skip -= skipped
            if wanted := piece[skipped : skipped + self._left]:
                self._left -= len(wanted)
                yield wanted


async def sent_file(files: MediaStore, tenant: str, message: Message, no: int) -> Response:
    """The file *no* of a message."""
    key = message.media[no].key
    try:
        medium = await files.open(tenant, key)
    except OSError:
        abort(503)
    if medium is None:
        abort(404)
    await medium.close()
    size, content_type = medium.size, medium.content_type
    wanted = _wanted(request.headers.get("Range", ""), size)
    if wanted is None:
        return _dressed(Response("", 416, {"Content-Range": f"bytes */{size}"}), "text/plain", "")
    first, length = wanted
    partial = length < size
    body = b"" if request.method == "HEAD" else _Passed(lambda: files.open(tenant, key), first, length)
    response = Response(body, 206 if partial else 200)
    if partial:
        response.headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{size}"
    response.headers["Content-Length"] = str(length)
    response.headers["Accept-Ranges"] = "bytes"
    return _dressed(response, content_type, str(message.data.get("filename") or kind_name(message.kind)))


def _dressed(response: Response, content_type: str, name: str) -> Response:
    inline = content_type in INLINE or content_type.startswith(PLAYABLE)
    # What cannot be drawn or played is a download of no type that a browser would open.
    response.content_type = content_type if inline else "application/octet-stream"
    how = "inline" if inline else "attachment"
    if name:
        response.headers["Content-Disposition"] = f"{how}; filename*=UTF-8''{quote(name, safe='')}"
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


def _wanted(header: str, size: int) -> tuple[int, int] | None:
    """First byte and how many; the whole file unless one range is asked for (RFC 9110, 14.2); None: there is none such."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or not (found[1] or found[2]):
        return 0, size
    if not found[1]:
        length = min(int(found[2]), size)
        return (size - length, length) if length else None
    first = int(found[1])
    last = min(int(found[2]), size - 1) if found[2] else size - 1
    return (first, last - first + 1) if first <= last else None

"""TLS in front of the wire store, as DocumentDB has it: a line that can be cut and mended."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Self

import trustme

from frontdesk.testing.process import free_port

GOODBYE = 0.2
"""Seconds that the other side has to end a TLS connection properly, after which its socket is closed."""


class TlsLine:
    """Takes TLS on a port of this machine, and speaks plainly to *upstream* (a port)."""

    def __init__(self, upstream: int, folder: Path) -> None:
        authority = trustme.CA()
        self.port = free_port()
        self.bundle = folder / "global-bundle.pem"
        authority.cert_pem.write_to_path(self.bundle)
        self._upstream = upstream
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self._context)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.connections = 0

    def url(self, database: str) -> str:
        """The store's URL as docs/how-to/use-documentdb.md has it, without user and replica set: that one would tell the way
        past this line."""
        options = f"tls=true&tlsCAFile={self.bundle}&retryWrites=false&directConnection=true"
        return f"mongodb://127.0.0.1:{self.port}/{database}?{options}"

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        # Only then does the loop let go of connections whose other side has died.
        await asyncio.sleep(2 * GOODBYE)

    async def mend(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self._context, ssl_shutdown_timeout=GOODBYE
        )

    def cut(self) -> None:
        """Nobody gets through, and what was open is reset."""
        assert self._server is not None
        self._server.close()
        for writer in self._open:
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        both = {writer, upstream_writer}
        self._open |= both
        try:
            await asyncio.gather(_pour(reader, upstream_writer), _pour(upstream_reader, writer))
        except OSError:  # it was cut
            pass
        finally:
            self._open -= both
            for end in both:
                _reset(end)


def _reset(writer: asyncio.StreamWriter) -> None:
    # Python 3.11's TLS transport cannot be aborted once it is closed.
    if not writer.is_closing():
        writer.transport.abort()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()

"""A MongoDB server over the wire for tests: SecantusDB, a process of its own on a temporary directory.

It is beta, GPL, and never imported: a test dependency that is started and spoken to. It accepts more than DocumentDB
does, so a green run against it proves the store's logic, not DocumentDB's operators (store/operators.py does).
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LISTENING = re.compile(r"listening on [\d.]+:(\d+)")


class WireStore:
    """The server process. `url(database)` is what Frontdesk is configured with."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def url(self, database: str) -> str:
        """The store's URL. `journal=true` because without it a kill loses acknowledged writes (facts/storage.md)."""
        return f"mongodb://127.0.0.1:{self.port}/{database}?journal=true&w=majority&retryWrites=false"

    def start(self, seconds: float = 30) -> None:
        """Start it and wait until it listens; a second start comes back on the same port with the same data.

        Raises RuntimeError with the server's own words if it does not within *seconds*.
        """
        log = self._directory / "server.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and arguments
                [
                    *(sys.executable, "-m", "secantus", "--port", str(self.port), "--log-level", "INFO"),
                    *("--storage-path", str(self._directory / "data"), "--cache-size", "64M"),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        give_up = time.monotonic() + seconds
        while (listening := _LISTENING.search(log.read_text(errors="replace"))) is None:
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.kill()
                raise RuntimeError(f"secantusdb did not start; is it installed? It said: {log.read_text()[-2000:]}")
            time.sleep(0.02)
        self.port = int(listening[1])

    def stop(self) -> None:
        """End it as a supervisor would."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def freeze(self) -> None:
        """It hangs (SIGSTOP): connections stay open and nothing is answered, until `thaw`."""
        assert self._process is not None, "it is not running"
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on (SIGCONT), with everything that was sent to it meanwhile."""
        assert self._process is not None, "it is not running"
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def start_wire_store() -> Iterator[WireStore]:
    """A running server on a free port; it and its data are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-wire-") as directory:
        server = WireStore(Path(directory))
        server.start()
        try:
            yield server
        finally:
            # In order it would take two seconds, and its data are thrown away.
            server.kill()

"""The command `frontdesk` in processes of their own, without the second that each would take to import it.

One process has imported everything and waits; each command is forked from it. A child is a process as any other: its own
pid, memory, files, environment and folder, killed and frozen by signals. What differs from a start by the shell: the
interpreter's own options (of `PYTHONWARNINGS` simple words work, `PYTHONPATH` is put in front). Who leaves takes its
children along: they are killed when their `Child` is closed or the process that asked for them has died.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import entry_points
from io import FileIO
from pathlib import Path
from typing import NamedTuple, NoReturn

MESSAGE = 1 << 18
"""Bytes that a request may have; most of it is the environment."""
_PAUSE = 0.01


class Child:
    """A command that was begun, after the manner of `asyncio.subprocess.Process`."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._code: int | None = None
        self.pid = int(line.recv(16) or b"0")
        if not self.pid:
            raise RuntimeError("the nursery has ended; what it said stands on this process's standard error")

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for the signal that ended it; None while it runs."""
        if self._code is None:
            with suppress(BlockingIOError):
                self._code = int(self._line.recv(16, socket.MSG_DONTWAIT) or -signal.SIGKILL)
                self._line.close()
        return self._code

    def send_signal(self, sent: int) -> None:
        """Nothing happens if it has ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, sent)

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        while (code := self.returncode) is None:  # noqa: ASYNC110  a reader of the loop serves one who waits, not two
            await asyncio.sleep(_PAUSE)
        return code

    def join(self, seconds: float) -> int:
        """The same for a thread. After *seconds* it is killed; raises TimeoutError then."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._line, selectors.EVENT_READ)
            if self._code is None and not selector.select(seconds):
                self.send_signal(signal.SIGKILL)
                raise TimeoutError(f"it did not end within {seconds:g} s")
        code = self.returncode
        assert code is not None
        return code


class Nursery:
    """The process from which commands are forked."""

    def __init__(self) -> None:
        self._asking, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter and arguments
            [sys.executable, "-m", "frontdesk.testing.nursery", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            cwd="/",
        )
        theirs.close()
        atexit.register(self.close)

    def start(
        self,
        *arguments: str,
        folder: Path,
        files: tuple[int, int, int],
        environment: Mapping[str, str] | None = None,
    ) -> Child:
        """Begin `frontdesk ARGUMENTS` in *folder*, on these standard files; environment: as given, else this process's."""
        line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            request = {
                "arguments": arguments,
                "folder": str(folder),
                "environment": dict(os.environ if environment is None else environment),
            }
            socket.send_fds(self._asking, [json.dumps(request).encode()], [theirs.fileno(), *files])
        return Child(line)

    def run(
        self,
        *arguments: str,
        folder: Path,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
        seconds: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """`frontdesk ARGUMENTS` to its end, as `subprocess.run` would, at most *seconds*."""
        with _scratch() as given, _scratch() as out, _scratch() as err:
            given.write(stdin.encode())
            given.seek(0)
            files = (given.fileno(), out.fileno(), err.fileno())
            code = self.start(*arguments, folder=folder, files=files, environment=environment).join(seconds)
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read().decode())
            return subprocess.CompletedProcess(arguments, code, *said)

    def close(self) -> None:
        """End it, and whatever was begun here and still runs."""
        self._asking.close()
        self._process.wait()


def _scratch() -> FileIO:
    """A file in memory."""
    return FileIO(os.memfd_create("frontdesk"), "r+")


_making = threading.Lock()


def nursery() -> Nursery:
    """This process's nursery, made when it is first asked for."""
    with _making:
        return _made()


@cache
def _made() -> Nursery:
    return Nursery()


class _Request(NamedTuple):
    line: socket.socket
    files: Sequence[int]
    arguments: Sequence[str]
    folder: str
    environment: Mapping[str, str]


class _Mother:
    """The nursery's own side."""

    def __init__(self, asked: socket.socket) -> None:
        self._asked = asked
        self._lines: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(asked, selectors.EVENT_READ, self._fork)
        woken, waking = socket.socketpair()
        woken.setblocking(False)
        waking.setblocking(False)
        self._selector.register(woken, selectors.EVENT_READ, lambda: self._reap(woken))
        self._pipes = (woken, waking)
        signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def tend(self) -> _Request:
        """Serve until nobody asks any more; returns in every child, with what it is to become."""
        while True:
            for key, _ in self._selector.select():
                if (request := key.data()) is not None:
                    return request  # type: ignore[no-any-return]

    def _fork(self) -> _Request | None:
        content, descriptors, _, _ = socket.recv_fds(self._asked, MESSAGE, 4)
        if not content:
            for pid in self._lines:
                os.kill(pid, signal.SIGKILL)
            sys.exit(0)
        request = _Request(socket.socket(fileno=descriptors[0]), descriptors[1:], **json.loads(content))
        pid = os.fork()
        if pid == 0:
            self._forget()
            return request
        for descriptor in request.files:
            os.close(descriptor)
        self._lines[pid] = request.line
        self._selector.register(request.line, selectors.EVENT_READ, lambda: self._left(pid))
        request.line.send(str(pid).encode())
        return None

    def _left(self, pid: int) -> None:
        """Nobody waits for it any more."""
        if pid in self._lines:
            self._selector.unregister(self._lines[pid])
            os.kill(pid, signal.SIGKILL)

    def _reap(self, woken: socket.socket) -> None:
        with suppress(BlockingIOError):
            woken.recv(4096)
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                line = self._lines.pop(ended[0])
                with suppress(KeyError):
                    self._selector.unregister(line)
                with suppress(BrokenPipeError), line:
                    line.send(str(os.waitstatus_to_exitcode(ended[1])).encode())

    def _forget(self) -> None:
        """In the child: nothing of this is its own."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for each in (self._asked, *self._pipes, *self._lines.values()):
            each.close()


def _become(request: _Request) -> NoReturn:
    request.line.close()
    for descriptor, standard in zip(request.files, range(3), strict=True):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment)
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = [*paths, *(path for path in sys.path[1:] if path not in paths)]  # the first is this one's folder
    for action in filter(None, os.environ.get("PYTHONWARNINGS", "").split(",")):
        warnings.simplefilter(action)  # type: ignore[arg-type]  # refuses what is no action
    sys.argv[:] = ["frontdesk", *request.arguments]
    from frontdesk.cli import main

    sys.exit(main())


def _grow_up() -> None:
    """Import what every command or server imports."""
    import frontdesk.cli
    import frontdesk.store.mongo  # noqa: F401

    for point in entry_points(group="frontdesk.plugins"):
        point.load()
    with suppress(ImportError):
        import uvloop  # noqa: F401
    import twilio.rest.api.v2010.account  # noqa: F401  Twilio's package does it when its first client is made

    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    _grow_up()
    _become(_Mother(socket.socket(fileno=int(sys.argv[1]))).tend())

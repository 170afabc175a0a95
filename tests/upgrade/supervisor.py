"""systemd's part: it holds the socket, starts what HOME/current is, and on SIGHUP ends it and starts it again."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path


def main(home: str, *arguments: str) -> None:
    """`{fd}` in *arguments* of `frontdesk` is the socket."""
    door = socket.create_server(("127.0.0.1", 0), backlog=128)
    given = [each.format(fd=door.fileno()) for each in arguments]
    wake, waken = os.pipe()
    os.set_blocking(waken, False)
    signal.set_wakeup_fd(waken)
    for sent in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(sent, lambda *_: None)
    print(door.getsockname()[1], flush=True)
    while True:
        with Path(home, "server.log").open("ab") as log:
            command = [f"{home}/current/bin/frontdesk", *given]
            child = subprocess.Popen(command, pass_fds=[door.fileno()], stdout=log, stderr=log)
        received = os.read(wake, 1)[0]
        child.terminate()
        child.wait()
        if received == signal.SIGTERM:
            return


main(*sys.argv[1:])

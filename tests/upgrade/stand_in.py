"""A release for tests: the command `frontdesk` of an environment, without Frontdesk.

`behaviour.json` beside `bin` says how it does; every command it is given is written into `commands` of its home.
"""

import json
import os
import sys
from pathlib import Path

ENVIRONMENT = Path(__file__).resolve().parents[1]
HOME = next(folder for folder in ENVIRONMENT.parents if (folder / "current").is_symlink())
BEHAVIOUR = json.loads((ENVIRONMENT / "behaviour.json").read_text("utf-8"))
VERSION = BEHAVIOUR["version"]


def serve(descriptor: int) -> None:
    import socket
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = BEHAVIOUR["ready"]
            body = {
                "status": "ready" if status == 200 else "not ready",
                "version": VERSION,
                "release": ENVIRONMENT.name,
            }
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Page, bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=descriptor)
    server.serve_forever()


def main(command: str, *arguments: str) -> int:
    with (HOME / "commands").open("a") as file:
        file.write(f"{VERSION} {' '.join([command, *arguments])}\n")
    if command == "--version":
        print("frontdesk", VERSION)
    elif arguments == ("--schemas",):
        print(json.dumps(BEHAVIOUR["schemas"]))
    elif command == "serve":
        if BEHAVIOUR["ready"] is None:
            return 1
        serve(int(arguments[0]))
    else:
        print(f"this is the {command} of {VERSION}, for {os.geteuid()}")
        if command == "backup":
            Path(arguments[0]).write_text("all that is stored")
        return int(BEHAVIOUR.get(command, 0))
    return 0


sys.exit(main(*sys.argv[1:]))

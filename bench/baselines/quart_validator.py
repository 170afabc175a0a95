"""Quart and Twilio's RequestValidator behind Hypercorn, nothing stored: what an acknowledgement costs without durability.

python quart_validator.py PORT
"""

from __future__ import annotations

import asyncio
import os
import sys

import hypercorn.asyncio
from hypercorn.config import Config
from quart import Quart, Response, request
from twilio.request_validator import RequestValidator

app = Quart(__name__)
validator = RequestValidator(os.environ["TWILIO_TOKEN"])


@app.get("/readyz")
async def readyz() -> str:
    return "ready"


@app.post("/webhook")
async def webhook() -> Response:
    form = await request.form
    if not validator.validate(request.url, form, request.headers.get("X-Twilio-Signature", "")):
        return Response(status=403)
    return Response(status=204)


def main() -> None:
    config = Config()
    config.bind = [f"127.0.0.1:{sys.argv[1]}"]
    config.accesslog = None
    try:
        import uvloop
    except ImportError:
        loop_factory = None
    else:
        # Frontdesk takes it as well where it is installed.
        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(hypercorn.asyncio.serve(app, config))


if __name__ == "__main__":
    main()

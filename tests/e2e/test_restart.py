"""systemd's part, played by a test: it holds the socket, and starts one process after the other on it under load."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

import aiohttp

from frontdesk.testing.fake_twilio import ACCOUNT_SID, FakeTwilio, InboundSpec

from .conftest import Front
from .contacts import NUMBER, echoed

BETWEEN = 0.07
"""Seconds between two webhooks."""
SERVED_BETWEEN_RESTARTS = 1.5
TWILIO_WAITS = 15.0
UNWRITTEN = "Can not write request body"
"""aiohttp's words when the other side had closed before anything was sent."""


class Steady:
    """Webhooks at a steady rate, none of them a second time: by connections that are kept, and by new ones in turn."""

    def __init__(self, desk: Front, twilio: FakeTwilio) -> None:
        self._desk = desk
        self._twilio = twilio
        self._enough = asyncio.Event()
        self.answers: dict[str, tuple[object, float]] = {}
        """Message → status, or what went wrong; seconds."""

    def stop(self) -> None:
        self._enough.set()

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=TWILIO_WAITS)
        new = aiohttp.TCPConnector(force_close=True, limit=0)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as kept,
            aiohttp.ClientSession(timeout=timeout, connector=new) as fresh,
            asyncio.TaskGroup() as writing,
        ):
            number = 0
            while not self._enough.is_set():
                writing.create_task(self._write(number, fresh if number % 2 else kept, fresh))
                number += 1
                await asyncio.sleep(BETWEEN)

    async def _write(self, number: int, http: aiohttp.ClientSession, fresh: aiohttp.ClientSession) -> None:
        id, hook = f"m{number}x1", self._desk.hook
        form = self._twilio.compose(InboundSpec(body=f"say {id}", from_=f"whatsapp:+849{number:08d}", to=NUMBER))
        headers = {
            "X-Twilio-Signature": self._twilio.world.signature(hook, form, ACCOUNT_SID),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        began = time.monotonic()
        found = await _post(http, hook, urlencode(form), headers)
        if UNWRITTEN in str(found) and http is not fresh:
            # A kept connection that was idle was closed just then, as HTTP allows: whoever keeps connections tries again.
            found = await _post(fresh, hook, urlencode(form), headers)
        self.answers[id] = (found, time.monotonic() - began)


async def _post(http: aiohttp.ClientSession, url: str, body: str, headers: dict[str, str]) -> object:
    """The status, or what went wrong."""
    try:
        async with http.post(url, data=body, headers=headers) as answer:
            return answer.status
    except (aiohttp.ClientError, TimeoutError) as err:
        return repr(err)


async def test_a_restart_on_a_socket_that_stays_open_fails_no_request_and_loses_no_answer(
    front: Callable[..., Front], parrot: dict[str, Any], twilio: FakeTwilio
) -> None:
    with closing(socket.socket()) as door:
        async with front(parrot, bind=f"fd://{door.fileno()}") as desk:
            door.bind(("127.0.0.1", desk.port))
            door.listen(1024)
            desk.fresh, desk.inherited = True, (door.fileno(),)
            await desk.start()
            steady = Steady(desk, twilio)
            async with asyncio.TaskGroup() as load:
                load.create_task(steady.run())
                for _ in range(2):
                    await asyncio.sleep(SERVED_BETWEEN_RESTARTS)
                    await desk.kill(signal.SIGTERM)
                    assert desk.process is not None and desk.process.returncode == 0, desk.tail()
                    await desk.start()
                await asyncio.sleep(SERVED_BETWEEN_RESTARTS)
                steady.stop()
            failed = {id: found for id, found in steady.answers.items() if found[0] != 204}
            assert not failed, desk.tail()
            assert len(desk.logged("started")) == 3
            assert max(seconds for _, seconds in steady.answers.values()) > 0.3, "some waited at the door"
            await desk.quiet(60)
            assert echoed(twilio) == dict.fromkeys(steady.answers, 1)
            assert twilio.violations == []
            assert not desk.logged("work_cut_off")
            assert "Traceback" not in desk.log.read_text("utf-8")

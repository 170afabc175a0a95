"""A second queue, over HTTP, that loses, repeats and delays wakes at will: it proves that nothing depends on them.

`queue: http://127.0.0.1:PORT` in a tenants file is the client. The server stands in for a queue of a cloud:

    python -m frontdesk.testing.http_queue --port 8100 --lose 0.3 --repeat 0.3 --delay 0.5
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
from dataclasses import asdict
from typing import Any, Self

import aiohttp
import structlog
from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from ..clock import Clock, SystemClock
from ..queue import Wake
from ..tasks import Owner

log = structlog.get_logger(__name__)

PATIENCE = 2.0
"""Seconds in which the stand-in must take a wake, or say that it is there."""
POLL = 5.0
"""Seconds for which the stand-in holds a question for the next wake before it says that there is none."""
PAUSE = 0.2
"""Seconds between two questions after one that failed."""

_WAKE = TypeAdapter(Wake)


class HttpQueue:
    """The client: what a server's workers are given as their queue."""

    costly = False
    """Its mischief is for every wake."""

    def __init__(self, address: str, clock: Clock) -> None:
        if not address:
            raise ValueError(
                "server.queue: http needs the address of the stand-in; write `queue: http://127.0.0.1:PORT`"
            )
        self._url = address.rstrip("/")
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))

    async def wake(self, wake: Wake, delay: float = 0.0) -> None:
        """Best effort, as every queue: what the stand-in does not take, the sweep finds."""
        try:
            async with self._http.post(f"{self._url}/wakes", json={**asdict(wake), "delay": delay}) as answer:
                answer.raise_for_status()
        except (aiohttp.ClientError, TimeoutError) as err:
            log.warning("wake_not_taken", kind=wake.kind, reason=f"{type(err).__name__}: {err}")

    async def receive(self) -> Wake:
        while True:
            try:
                if (wake := await self._next()) is not None:
                    return wake
            except (aiohttp.ClientError, TimeoutError, ValidationError) as err:
                log.warning("no_wakes", reason=f"{type(err).__name__}: {err}")
                await self._clock.sleep(PAUSE)

    async def dead_letters(self) -> int | None:
        return None

    async def check(self) -> None:
        try:
            async with self._http.get(f"{self._url}/health") as answer:
                answer.raise_for_status()
        except aiohttp.ClientError as err:
            raise OSError(f"the queue at {self._url} does not answer: {err}") from err

    async def leave(self) -> None:
        return None

    async def stop(self) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def _http(self) -> aiohttp.ClientSession:
        assert self._session is not None, "the queue is started first"
        return self._session

    async def _next(self) -> Wake | None:
        timeout = aiohttp.ClientTimeout(total=POLL + PATIENCE)
        async with self._http.get(f"{self._url}/wakes/next", timeout=timeout) as answer:
            answer.raise_for_status()
            return None if answer.status == 204 else _WAKE.validate_python(await answer.json())


class StandIn:
    """The server, in process: `async with StandIn(lose=0.3) as queue:`; `queue.url` is what a tenants file names.

    :param lose: how likely a wake is lost (0 to 1). :param repeat: how likely it is delivered twice.
    :param delay: up to how many seconds it comes late, so that wakes overtake each other.
    """

    def __init__(
        self,
        *,
        lose: float = 0.0,
        repeat: float = 0.0,
        delay: float = 0.0,
        port: int = 0,
        seed: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.lose, self.repeat, self.delay = lose, repeat, delay
        self.taken = self.lost = self.delivered = 0
        self._port = port
        self._random = random.Random(seed)  # noqa: S311  mischief, not secrets
        self._clock = clock or SystemClock()
        self._owner = Owner("queue stand-in")
        self._ready: asyncio.Queue[Wake] = asyncio.Queue()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        assert self._runner is not None, "it is not started"
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes(
            [
                web.post("/wakes", self._take),
                web.get("/wakes/next", self._give),
                web.get("/health", self._health),
            ]
        )
        # A question that its asker has left takes no wake along: what is lost is what was told to be.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._owner.drain(0)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        posted: dict[str, Any] = await request.json()
        wait = max(0.0, float(posted.pop("delay")))
        wake = _WAKE.validate_python(posted)
        self.taken += 1
        if self._random.random() < self.lose:
            self.lost += 1
            return web.Response(status=204)
        for _ in range(2 if self._random.random() < self.repeat else 1):
            self._owner.start(self._deliver(wake, wait + self._random.uniform(0, self.delay)), "deliver")
        return web.Response(status=204)

    async def _deliver(self, wake: Wake, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._ready.put_nowait(wake)

    async def _give(self, _: web.Request) -> web.Response:
        try:
            wake = await asyncio.wait_for(self._ready.get(), POLL)
        except TimeoutError:
            return web.Response(status=204)
        self.delivered += 1
        return web.json_response(asdict(wake))

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(status=204)


async def _serve(stand_in: StandIn) -> None:
    ends = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sent in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sent, ends.set)
    async with stand_in:
        print(stand_in.url, flush=True)
        await ends.wait()


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C; prints the address first."""
    parser = argparse.ArgumentParser(
        prog="python -m frontdesk.testing.http_queue", description="A queue that loses, repeats and delays wakes."
    )
    parser.add_argument("--port", type=int, default=0, help="where to listen on 127.0.0.1; 0: a free port")
    parser.add_argument("--lose", type=float, default=0.0, help="how likely a wake is lost, 0 to 1")
    parser.add_argument("--repeat", type=float, default=0.0, help="how likely a wake is delivered twice, 0 to 1")
    parser.add_argument("--delay", type=float, default=0.0, help="up to how many seconds a wake comes late")
    parser.add_argument("--seed", type=int, help="the same seed makes the same mischief")
    asyncio.run(_serve(StandIn(**vars(parser.parse_args(arguments)))))


if __name__ == "__main__":
    main()

"""A tenant is purged beside a server that has it yet, and contacts write on: what was erased does not come back."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from frontdesk.testing.fake_twilio import InboundSpec
from frontdesk.testing.nursery import nursery

from .conftest import Front, until
from .contacts import NUMBER, TENANT

MakeFront = Callable[..., Front]


@pytest.mark.slow
async def test_a_purge_waits_for_the_server_and_what_contacts_write_meanwhile_does_not_stay(
    front: MakeFront, parrot: dict[str, Any], quick: dict[str, Any]
) -> None:
    async with front(parrot, times=quick, reload_every=3600) as desk:

        async def purge() -> Any:
            arguments = ("tenants", "purge", TENANT, "--yes", "--file", str(desk.file))
            return await asyncio.to_thread(nursery().run, *arguments, folder=desk.folder, environment=desk.environment)

        await desk.start()
        lan = desk.phone("+84901234567")
        assert await lan.asks("m0x1") == "Echo m0x1"
        await desk.quiet()
        data = yaml.safe_load(desk.file.read_text("utf-8"))
        gone = data["tenants"].pop(TENANT)
        data["tenants"]["another"] = {**gone, "plugins": gone["plugins"][1:]}
        desk.file.write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
        refused = await purge()
        assert desk.process is not None and refused.returncode == 1
        assert f"{TENANT} may still be served, by the server on" in refused.stderr
        assert f"(process {desk.process.pid})" in refused.stderr
        assert await lan.asks("m0x2") == "Echo m0x2", "nothing was deleted"

        answers: Counter[int] = Counter()
        done = asyncio.Event()

        async def writes(number: int) -> None:
            n = 0
            while not done.is_set():
                n += 1
                spec = InboundSpec(body=f"m{number}x{n}", from_=f"whatsapp:+8490123400{number}", to=NUMBER)
                answers[(await desk.twilio.post(desk.hook, desk.twilio.compose(spec))).status] += 1

        async def purged() -> Any:
            ended = await purge()
            if ended.returncode == 0:
                return ended
            assert "may still be served" in ended.stderr or "is being worked on" in ended.stderr, ended.stderr
            return None

        async with asyncio.TaskGroup() as group:
            for number in range(4):
                group.create_task(writes(number))
            desk.process.send_signal(signal.SIGHUP)
            ended = await until("it was purged", purged, 40)
            done.set()
        assert "messages" in ended.stdout
        assert set(answers) == {204, 404}, answers
        async with desk.store() as store:
            assert TENANT not in await store.bulk.tenants()
        assert await desk.ready_status() == 200

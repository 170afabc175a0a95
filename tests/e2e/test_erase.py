"""A contact is erased beside running servers, and by one whose command was killed; Twilio has nothing of them any more."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from frontdesk.store.collections import COLLECTIONS, ERASED_MESSAGES
from frontdesk.testing.fake_twilio import InboundSpec
from frontdesk.testing.nursery import nursery

from .conftest import Front, Phone, until
from .contacts import NUMBER, PICTURE, TENANT

MakeFront = Callable[..., Front]
LAN = "+84901234567"


async def frontdesk(desk: Front, *arguments: str, **environment: str) -> Any:
    return await asyncio.to_thread(
        nursery().run,
        *(*arguments, "--file", str(desk.file)),
        folder=desk.folder,
        environment={**desk.environment, **environment},
    )


async def stored(desk: Front) -> str:
    """All that the store has, as text."""
    texts = []
    async with desk.store() as store:
        for collection in COLLECTIONS:
            page = await store.bulk.page(collection, limit=1000)
            texts += [json.dumps([each.id, each.fields], ensure_ascii=False) for each in page]
    return "\n".join(texts)


async def nothing_of(lan: Phone, desk: Front) -> None:
    """Neither the store, nor the media, nor Twilio has anything of hers."""
    text = await stored(desk)
    for word in (LAN.lstrip("+"), lan.name, "m7x1", "m7x2"):
        assert word not in text, [line for line in text.splitlines() if word in line]
    of_hers = [m for m in desk.twilio.state.messages.values() if lan.address in (m.from_, m.to)]
    assert of_hers == [] and desk.twilio.violations == []
    assert not [file for file in (desk.folder / "data" / "media").rglob("*") if file.is_file()]


async def written(desk: Front, lan: Phone, other: Phone) -> list[tuple[str, str]]:
    """What both have written is answered; the form of Lan's first webhook."""
    form = desk.twilio.compose(InboundSpec(body="m7x1", from_=lan.address, to=NUMBER, name=lan.name))
    assert (await desk.twilio.post(desk.hook, form)).status == 204
    assert await lan.hears() == "Echo m7x1"
    await lan.says("m7x2", kind="image", content=PICTURE)
    assert await lan.hears() == "Echo m7x2"
    assert await other.asks("m8x1") == "Echo m8x1"
    await desk.quiet()
    await desk.twilio.idle()
    return form


@pytest.mark.parametrize("back_end", ["sqlite", pytest.param("wire", marks=pytest.mark.wire)])
@pytest.mark.timeout(120)
async def test_beside_two_servers_nothing_of_a_contact_stays(
    front: MakeFront, parrot: dict[str, Any], quick: dict[str, Any], back_end: str, request: pytest.FixtureRequest
) -> None:
    store = {"store": request.getfixturevalue("wire").url("frontdesk")} if back_end == "wire" else {}
    async with AsyncExitStack() as stack:
        channel = {"media_hosts": ["localhost"]}
        made = [front(parrot, name=name, channel=channel, times=quick, **store) for name in ("one", "two")]
        desk, second = [await stack.enter_async_context(each) for each in made]
        await asyncio.gather(desk.start(), second.start())
        lan, other = desk.phone(LAN), desk.phone("+84909999999", "Minh")
        form = await written(desk, lan, other)
        kept = await other.messages()

        exported = await frontdesk(desk, "contacts", "export", TENANT, LAN)
        assert exported.returncode == 0, exported.stderr
        told = json.loads(exported.stdout)
        assert [m["text"] for m in told["messages"] if m["direction"] == "inbound"] == ["m7x1", "m7x2"]
        assert [file["content_type"] for file in told["files"]] == ["image/png"]

        ended = await frontdesk(desk, "contacts", "erase", TENANT, LAN, "--yes")
        assert (ended.returncode, ended.stdout) == (0, f"erased {lan.conversation_id}\n"), ended.stderr
        await nothing_of(lan, desk)
        assert await other.messages() == kept

        for each in (desk, second):
            assert (await desk.twilio.post(each.hook, form)).status == 204
        async with desk.store() as opened:
            assert await opened.for_tenant(TENANT).count(ERASED_MESSAGES, {}) == 4
        await nothing_of(lan, desk)
        assert await lan.asks("m7x3") == "Echo m7x3"


@pytest.mark.parametrize(
    "point",
    [
        pytest.param("erase.marked:1", marks=pytest.mark.slow),
        "erase.message:2",
        pytest.param("erase.emptied:1", marks=pytest.mark.slow),
    ],
)
@pytest.mark.timeout(120)
async def test_when_the_command_is_killed_the_server_goes_on(
    front: MakeFront, parrot: dict[str, Any], quick: dict[str, Any], point: str
) -> None:
    async with front(parrot, channel={"media_hosts": ["localhost"]}, times=quick) as desk:
        await desk.start()
        lan, other = desk.phone(LAN), desk.phone("+84909999999", "Minh")
        await written(desk, lan, other)
        await desk.kill(signal.SIGTERM)
        killed = await frontdesk(desk, "contacts", "erase", TENANT, LAN, "--yes", FRONTDESK_CRASH_AT=point)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        await desk.start()

        async def done() -> bool:
            return bool(desk.logged("contact_erased"))

        await until("the server erases her", done)
        await nothing_of(lan, desk)
        assert await other.asks("m8x2") == "Echo m8x2"

"""What the phone shows of who answers, and who may give a conversation back to the bot."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

LAN = "1a4" * 8
MINH = "b2c" * 8


async def test_the_panel_hears_that_a_person_was_called(start: Any) -> None:
    server, phone = await start()
    await phone.says("hi")
    async with phone.listens() as screen:
        await screen.until(lambda s: s.theirs())
        conversation = await (await server.plugin("simulator")).conversations.of("simulator", LAN)
        await server.server.ownership.hand_off("clinic", conversation.id, "asked for a person")
        await screen.until(lambda s: s.now["doing"]["owner"] == "nobody")
        assert screen.now["doing"]["reason"] == "asked for a person"
        handed_off = (await server.server.ownership.named("clinic", conversation.id))[0]
        returns_at = datetime.fromisoformat(screen.now["doing"]["returns_at"])
        assert returns_at - handed_off.owner_since == timedelta(minutes=30)
        await server.server.ownership.take("clinic", conversation.id, "Thu Trang")
        await screen.until(lambda s: s.now["doing"]["owner"] == "operator:Thu Trang")


async def test_a_visitor_from_outside_does_not_read_what_is_meant_for_operators(start: Any) -> None:
    server, phone = await start(open_to="everyone")
    await phone.says("hi")
    async with phone.listens() as screen:
        await screen.until(lambda s: s.theirs())
        conversation = await (await server.plugin("simulator")).conversations.of("simulator", LAN)
        await server.server.ownership.hand_off("clinic", conversation.id, "sounds angry")
        await server.server.ownership.take("clinic", conversation.id, "Thu Trang")
        await screen.until(lambda s: s.now["doing"]["owner"] == "operator:")
        assert screen.now["doing"]["reason"] == "" and screen.now["doing"]["returns_at"] is None
        assert await phone.gives_back(screen.now["doing"]["epoch"]) == 403
        assert (await server.server.ownership.named("clinic", conversation.id))[0].owner == "operator:Thu Trang"


async def test_whoever_sits_at_the_machine_gives_the_conversation_back_to_the_bot(start: Any) -> None:
    server, phone = await start()
    await phone.says("hi")
    async with phone.listens() as screen:
        await screen.until(lambda s: s.theirs())
        conversation = await (await server.plugin("simulator")).conversations.of("simulator", LAN)
        await server.server.ownership.hand_off("clinic", conversation.id, "asked for a person")
        await screen.until(lambda s: s.now["doing"]["owner"] == "nobody")
        shown = screen.now["doing"]["epoch"]
        await phone.says("anybody?")
        await server.server.ownership.take("clinic", conversation.id, "Thu Trang")
        assert await phone.gives_back(shown) == 409, "a person has taken it meanwhile"
        await screen.until(lambda s: s.now["doing"]["owner"] == "operator:Thu Trang")
        assert await phone.gives_back(screen.now["doing"]["epoch"]) == 204
        await screen.until(lambda s: s.now["doing"]["owner"] == "bot" and len(s.theirs()) == 2)
        assert await phone.gives_back(shown) == 204, "it is with the bot already"
    assert await phone.of(MINH).gives_back(0) == 409

"""The turn from the first message to the last word, in process."""

from __future__ import annotations


async def test_a_message_gets_its_answer(desk):
    async with desk() as server:
        lan = server.contact("Lan")
        await lan.says("Xin chào ạ.")
        assert await lan.hears() == "You said: Xin chào ạ."

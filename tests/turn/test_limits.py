"""A loop between programs, and whoever writes without an end, is handed to a person; whoever chats is answered."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from frontdesk import Plugin, hookimpl
from frontdesk.model import NOBODY
from frontdesk.testing.plugins import ScriptedModel

HOLDING = "come back to you"
IN_VIETNAMESE = "sớm nhất có thể"
"""The same to whoever writes so."""
AUTOMATIC = "Cảm ơn bạn đã nhắn tin, chúng tôi sẽ trả lời sớm."


class Bell(Plugin):
    """Keeps what operators are told."""

    rung: ClassVar[list[tuple[str, str]]] = []

    @hookimpl
    async def alert_operator(self, title: str, text: str) -> None:
        self.rung.append((title, text))


@pytest.fixture
def desk_with(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Bell, "rung", [])

    def make(**limits: Any) -> Any:
        tenant = {"settle": {"quiet_seconds": 0}, "limits": limits}
        return desk(plugins={"model": ScriptedModel, "bell": Bell}, tenants={"clinic": tenant, "school": tenant})

    return make


async def test_the_same_words_are_the_same_under_another_name_of_the_contact(desk_with: Any) -> None:
    async with desk_with(same_words=4) as server:
        lan, user = server.contact("Lan"), server.contact("user-id")
        for each, also in ((lan, ()), (user, ()), (user, (lan.external_id,))):
            await each.says(AUTOMATIC, also=also)
            await server.quiet()
        assert (await user.conversation()).merged_into == lan.id
        await lan.says(AUTOMATIC)
        await server.quiet()
        assert "same words 4 times" in (await lan.conversation()).handoff_reason


async def asks(contact: Any, text: str) -> str:
    await contact.says(text)
    return str(await contact.hears())


async def test_a_contact_who_writes_faster_than_people_do_is_handed_off_once(desk_with: Any) -> None:
    async with desk_with(answers_in_two_minutes=3) as server:
        bot, model = server.contact("bot"), await server.plugin("model")
        assert [await asks(bot, f"message {n}") for n in range(3)] == [f"You said: message {n}" for n in range(3)]
        assert HOLDING in await asks(bot, "message 3")
        assert len(model.requests) == 3, "no model is paid for it"
        conversation = await bot.conversation()
        assert conversation.owner == NOBODY and "got 3 answers within two minutes" in conversation.handoff_reason
        await server.quiet()
        assert [text for _, text in Bell.rung] == [conversation.handoff_reason]
        assert await asks(server.contact("Lan"), "hello") == "You said: hello", "others are answered"


@pytest.mark.parametrize(
    ("limits", "pause"), [({"answers_in_an_hour": 4}, 130), ({"answers_in_a_day": 4}, 3700)], ids=["hour", "day"]
)
async def test_a_conversation_without_an_end_is_handed_off(
    desk_with: Any, limits: dict[str, int], pause: float
) -> None:
    async with desk_with(answers_in_two_minutes=3, **limits) as server:
        lan = server.contact("Lan")
        for n in range(4):
            assert await asks(lan, f"message {n}") == f"You said: message {n}"
            server.clock.advance(pause)
        assert HOLDING in await asks(lan, "message 4")


async def test_whoever_chats_at_peoples_pace_is_answered(desk_with: Any) -> None:
    async with desk_with(answers_in_two_minutes=3) as server:
        lan = server.contact("Lan")
        for n in range(8):
            assert await asks(lan, f"message {n}") == f"You said: message {n}"
            server.clock.advance(45)


async def test_the_same_words_over_and_over_are_an_automatic_reply(desk_with: Any) -> None:
    async with desk_with() as server:
        other, model = server.contact("other"), await server.plugin("model")
        for _ in range(3):
            assert AUTOMATIC in await asks(other, AUTOMATIC)
        assert IN_VIETNAMESE in await asks(other, AUTOMATIC.upper())
        assert len(model.requests) == 3
        assert "same words 4 times" in (await other.conversation()).handoff_reason


@pytest.mark.parametrize(
    "said",
    [["ok"] * 7, [AUTOMATIC, AUTOMATIC, AUTOMATIC, "Học phí bao nhiêu ạ?", AUTOMATIC, AUTOMATIC]],
    ids=["a short yes", "something else between"],
)
async def test_people_may_repeat_themselves(desk_with: Any, said: list[str]) -> None:
    async with desk_with() as server:
        lan = server.contact("Lan")
        for text in said:
            assert await asks(lan, text) == f"You said: {text}"


async def test_what_was_before_a_person_looked_counts_no_more(desk_with: Any) -> None:
    async with desk_with(answers_in_two_minutes=3) as server:
        lan = server.contact("Lan")
        for n in range(4):
            heard = await asks(lan, f"message {n}")
        assert HOLDING in heard
        ownership = server.server.ownership
        await ownership.take("clinic", lan.id, "hoa")
        await ownership.release("clinic", lan.id, "hoa")
        assert "message 4" in await asks(lan, "message 4")


async def test_the_tenants_day_is_shared_by_its_contacts_and_told_once(desk_with: Any) -> None:
    async with desk_with(tenant_answers_per_day=3) as server:
        for n in range(3):
            assert await asks(server.contact(), f"message {n}") == f"You said: message {n}"
        for _ in range(2):
            assert HOLDING in await asks(server.contact(), "one more")
        assert await asks(server.contact("Lan", tenant="school"), "hello") == "You said: hello"
        await server.quiet()
        told = [text for title, text in Bell.rung if title.startswith("The limit of answers is reached")]
        assert len(told) == 1 and "limits.tenant_answers_per_day (3)" in told[0]


async def test_after_a_deed_the_turn_is_closed_however_much_it_was(
    desk: Any, diary: Any, world: Any, asks_for: Any
) -> None:
    tenant = {"settle": {"quiet_seconds": 0}, "limits": {"same_words": 2, "answers_in_two_minutes": 3}}
    async with desk(plugins={"model": ScriptedModel, "diary": diary}, tenants={"clinic": tenant}) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        for n in range(2):
            await asks(lan, f"message {n}")
        model.script = [asks_for("book", day="Monday"), "Booked."]
        assert await asks(lan, "Monday.") == "Booked."

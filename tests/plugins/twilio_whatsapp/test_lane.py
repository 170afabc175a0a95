"""The outbox's lane, this plugin and the fake Twilio together: what becomes of a message whose answer was lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from frontdesk import Choice, Inbound, Message, Template
from frontdesk.plugins.twilio_whatsapp import TwilioWhatsapp
from frontdesk.store.collections import MESSAGES
from frontdesk.testing.clock import MovableClock
from frontdesk.testing.fake_twilio import ACCOUNT_SID, AUTH_TOKEN, CallbackPlan, FakeTwilio, Fault
from frontdesk.testing.plugins import ScriptedModel

NUMBER = "whatsapp:+14155238886"
LAN = "whatsapp:+84901234567"
TEMPLATE = Template(id="HX" + "1" * 32, variables={"1": "Lan"})
LOOKS = 10.0 + 30.0
"""Seconds until the list has been read twice."""


class Line:
    """A conversation with Lan, to whom nobody has to answer any more, and a Twilio that calls back for nothing."""

    def __init__(self, server: Any, twilio: FakeTwilio, conversation: str) -> None:
        self._server = server
        self._conversation = conversation
        self.twilio = twilio
        self.clock = server.clock

    async def send(self, key: str, text: str, **more: Any) -> None:
        plugin = await self._server.plugin("twilio_whatsapp")
        await plugin.conversations.send(self._conversation, key, text, **more)

    async def settled(self, *keys: str) -> list[Message]:
        """The messages that were sent under these *keys*, once they have left the lane; and long after."""
        ids = [f"twilio_whatsapp-{key}" for key in keys]

        async def left() -> list[Message]:
            found = [await self._server.repository().get(MESSAGES, id) for id in ids]
            return found if all(m.state not in ("queued", "sending") for m in found) else []

        await self._server.until(f"{', '.join(keys)} left the lane", left)
        self.clock.advance(10 * LOOKS)
        await self._server.quiet()
        return await left()


@pytest.fixture
def line(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`async with line() as lan:`"""
    monkeypatch.setenv("TWILIO_TOKEN", AUTH_TOKEN)

    @asynccontextmanager
    async def start() -> AsyncIterator[Line]:
        clock = MovableClock()
        async with FakeTwilio(clock=clock) as twilio:
            twilio.callbacks.default = CallbackPlan(times=0, told=())
            settings = {
                "account_sid": ACCOUNT_SID,
                "auth_token": {"env": "TWILIO_TOKEN"},
                "numbers": [NUMBER],
                "api_base_url": twilio.url,
            }
            plugins = {"twilio_whatsapp": TwilioWhatsapp, "model": ScriptedModel}
            async with desk(plugins=plugins, settings={"twilio_whatsapp": settings}, clock=clock) as server:
                runtime = await server.server.runtimes.get("clinic")
                hello = Inbound(provider_id="SM" + "a" * 32, external_id=LAN, address=NUMBER, text="Xin chào.")
                await server.server.inbox.accept(runtime.tenant, "twilio_whatsapp", hello)
                await server.quiet()
                yield Line(server, twilio, server.server.people.id_of("clinic", "twilio_whatsapp", LAN))

    return start


async def test_a_template_whose_answer_was_lost_is_parked_and_never_sent_twice(line: Any) -> None:
    async with line() as lan:
        lan.twilio.faults.add(Fault(kind="drop_after", content_sid=TEMPLATE.id))
        await lan.send("reminder", "Chị Lan ơi, mai mình gặp nhau nhé.", template=TEMPLATE)
        await lan.send("after", "Hẹn gặp chị.")
        reminder, after = await lan.settled("reminder", "after")
        assert (reminder.state, reminder.attempts) == ("parked", 1)
        assert reminder.error.startswith("may have been sent")
        assert [message.content_sid for message in lan.twilio.sent[1:]] == [TEMPLATE.id, ""], "once, and what followed"
        assert after.provider_id == lan.twilio.sent[-1].sid


async def test_two_identical_texts_whose_answers_were_lost_arrive_once_each_though_the_list_is_late(line: Any) -> None:
    async with line() as lan:
        lan.twilio.faults.add(Fault(kind="drop_after", body="Dạ vâng", times=2))
        lan.twilio.state.list_lag = LOOKS / 2
        began = lan.clock.monotonic()
        for key in ("one", "two"):
            await lan.send(key, "Dạ vâng ạ.")
        both = await lan.settled("one", "two")
        taken = [message.sid for message in lan.twilio.sent if message.body == "Dạ vâng ạ."]
        assert [(m.state, m.provider_id, m.attempts) for m in both] == [("accepted", sid, 1) for sid in taken]
        assert len(taken) == 2 and lan.clock.monotonic() - began >= 2 * LOOKS, "the second look at each"


MANY = [Choice(id=f"s{hour}", title=f"{hour} giờ sáng thứ bảy tuần sau") for hour in range(7, 12)]
FEW = [Choice(id="yes", title="Có"), Choice(id="no", title="Không")]
CLINIC = {"latitude": 10.77, "longitude": 106.7, "label": "Nha khoa Hoa Sen"}


@pytest.mark.parametrize(
    ("more", "becomes"),
    [
        ({"choices": MANY, "text": "Chị chọn giờ nào?"}, "accepted"),
        ({"place": CLINIC, "text": ""}, "accepted"),
        ({"place": CLINIC, "text": "Phòng khám ở đây."}, "accepted"),
        ({"choices": FEW, "text": "Chị đến được không?"}, "accepted"),
    ],
    ids=["numbered choices", "a place", "a place with words", "buttons"],
)
async def test_what_is_not_a_mere_text_and_whose_answer_was_lost_is_not_sent_twice(
    line: Any, more: dict[str, Any], becomes: str
) -> None:
    async with line() as lan:
        lan.twilio.faults.add(Fault(kind="drop_after"))
        await lan.send("k", **more)
        (message,) = await lan.settled("k")
        assert len(lan.twilio.sent) == 2, "the answer to what they wrote, and this"
        assert message.state == becomes

"""Conversations that tests of the screens look at: with every kind of message, or as a test tells them."""

from __future__ import annotations

import struct
import zlib
from datetime import timedelta
from typing import Any

from frontdesk import Card, hookimpl, tool
from frontdesk.clock import milliseconds
from frontdesk.model import Media, Memory, Message, Note
from frontdesk.plugin import Plugin
from frontdesk.records import Evidence
from frontdesk.store.collections import CONTACTS, CONVERSATIONS, MESSAGES, NOTES
from frontdesk.testing.plugins import Phone, ScriptedModel
from frontdesk.tools import Done

HOSTILE = '<script>document.title="owned"</script>"><img src=x onerror="document.title=1">'
BOT = {"direction": "outbound", "author": "bot"}


def wav(seconds: int = 1) -> bytes:
    """A voice note in which nobody speaks."""
    rate = 8000
    data = b"\x80" * rate * seconds
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate, rate, 1, 8)
    return (
        b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + form + b"data" + struct.pack("<I", len(data)) + data
    )


def png(width: int = 120, height: int = 80) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x4c\xc9\xa8" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class DayPhone(Phone):
    """A channel that takes free messages for a day, and knows one code."""

    service_window = timedelta(hours=24)

    @classmethod
    def explain(cls, code: str, language: str) -> str:
        return "More than 24 hours since the contact wrote: send a template." if code == "63016" else ""


class Booking(Plugin):
    """Books whatever is asked for."""

    @tool(deed=True, lookup="find")
    async def book(self, at: str) -> Done:
        """Book a visit.

        :param at: when
        """
        return Done(told="booked", sentence="Booked: Thursday at 9.")

    async def find(self, at: str) -> Done | None:
        return None

    @hookimpl
    async def contact_card(self, contact: Any, language: str) -> Card:
        """The contact's points, and their name as they chose it."""
        title = "Điểm thưởng" if language == "vi" else "Points"
        return Card(title=title, text=contact.name, rows=(("Points", "120"), (contact.name[:40], contact.name)))


AT_ONCE = {"settle": {"quiet_seconds": 0}}
CONFIGURATION = {
    "plugins": {"phone": DayPhone, "model": ScriptedModel, "booking": Booking},
    "tenants": {
        "clinic": {"name": "Riverside Dental", **AT_ONCE},
        "school": {"name": "Trung tâm Anh ngữ Hoa Sen", "language": "vi", **AT_ONCE},
    },
}


class Story:
    """A conversation with whatever a test wants in it."""

    def __init__(self, screens: Any, name: str, phone: str = "") -> None:
        self.desk = screens.desk
        self.contact = screens.desk.contact(name, phone=phone)
        self.id = self.contact.id
        self.url = f"/t/clinic/inbox/{self.id}"
        self._no = 0

    @property
    def repository(self) -> Any:
        return self.desk.repository("clinic")

    def now(self, minutes: float = 0) -> Any:
        return milliseconds(self.desk.server.store.now() + timedelta(minutes=minutes))

    async def begins(self, text: str = "Hello, how much is whitening?") -> Story:
        """The contact writes, and the bot answers."""
        await self.contact.says(text)
        await self.contact.hears()
        return self

    async def has(self, minutes: float = 0, **fields: Any) -> Message:
        """A message that stands in the store, and nothing is done with."""
        self._no += 1
        known = {
            "id": f"{self.id[:8]}-{self._no}",
            "conversation": self.id,
            "direction": "inbound",
            "state": "answered",
        }
        message = Message(**{**known, "at": self.now(minutes), **fields})
        assert await self.repository.insert(MESSAGES, message)
        return message

    async def note(self, text: str, minutes: float = 0) -> None:
        no = f"n-{self.id}-{minutes}"
        await self.repository.insert(
            NOTES, Note(id=no, conversation=self.id, text=text, author="bot", at=self.now(minutes))
        )

    async def known(self, *memories: Memory, **changes: Any) -> None:
        """What is known of the contact."""
        contact = await self.contact.contact()
        assert await self.repository.update(CONTACTS, contact, memories=memories, **changes) is not None

    async def file(self, content: bytes, content_type: str) -> Media:
        key = await self.desk.server.media.put("clinic", content, content_type)
        return Media(content_type=content_type, key=key, size=len(content))

    async def changed(self, **changes: Any) -> None:
        """The conversation as something else would have left it."""
        while await self.repository.update(CONVERSATIONS, await self.contact.conversation(), **changes) is None:
            pass


async def everything(screens: Any, name: str = "Nguyễn Thị Lan Anh") -> Story:
    """A conversation with every kind of message in it."""
    story = await Story(screens, name, "+84901234567").begins()
    ours = (await story.contact.received())[0]
    first = (await story.contact.messages())[0]
    picture, voice = await story.file(png(), "image/png"), await story.file(wav(), "audio/wav")
    paper = await story.file(b"%PDF-1.4\n%%EOF", "application/pdf")
    days = [{"id": "a", "title": "Thứ năm", "description": ""}, {"id": "b", "title": "Thứ sáu", "description": ""}]
    advertisement = {"Headline": "Tẩy trắng răng", "Body": "Giảm 20%", "SourceUrl": "https://fb.example/ad"}
    price = "Dạ *1.500.000đ*, chi tiết ở https://riverside.example/gia ạ. _Giá đã gồm khám._"
    place = {"latitude": 10.77, "longitude": 106.7, "label": "Nhà em", "address": "12 Lê Lợi, Quận 1"}
    card = {"type": "contacts", "contacts": [{"name": "Mẹ em", "phones": ["+84911111111"]}]}
    refused = {"state": "failed", "error": "63016: Failed to send freeform message"}
    await story.has(-1500, text="Chào chị, em thấy quảng cáo", data={"referral": advertisement})
    await story.has(-1499, text=price, state="read", **BOT)
    heard = "Em muốn đến sáng thứ năm được không ạ?"
    await story.has(1, kind="voice", text=heard, media=(voice,), data={"transcribed": True})
    await story.has(2, kind="image", text="Răng em như này", media=(picture,))
    await story.has(3, kind="document", media=(paper,), data={"filename": "kết quả khám.pdf"})
    await story.has(4, kind="location", data=place)
    await story.has(5, kind="other", data=card)
    await story.has(6, kind="button", text="Chị muốn hẹn hôm nào ạ?", state="delivered", data={"choices": days}, **BOT)
    await story.has(7, kind="button", text="Thứ năm", data={"payload": "a", "replied_to": ours.provider_id})
    await story.has(8, text="Em gửi lại bảng giá nhé", **refused, **BOT)
    await story.has(9, text="Anh Minh gọi lại ngay ạ", state="parked", error="may have been sent: …", place=90, **BOT)
    await story.has(10, kind="sticker", media=(picture,))
    await story.note("Khách quen của bác sĩ Hà", 11)
    mornings = Memory(
        text="Prefers mornings", quote="sáng thứ năm được không", message=first.id, author="bot", at=story.now()
    )
    needles = Memory(text="Is afraid of needles", author="operator:hoa", at=story.now())
    await story.known(mornings, needles, language="vi")
    office, who = screens.desk.server.office, {"key": story.id, "by": "bot"}
    words = [Evidence(quote="Em muốn đến sáng thứ năm", message=first.id, at=story.now())]
    fields = {"need": "whitening", "timing": "this week"}
    await office.leads.change(
        "clinic", story.id, temperature="hot", score=82, stage="visit", fields=fields, evidence=words, **who
    )
    starts = story.now(60 * 26)
    await office.appointments.book(
        "clinic",
        story.id,
        starts_at=starts,
        ends_at=starts + timedelta(minutes=45),
        zone="Europe/London",
        service="Whitening",
        resource="Dr Hà",
        words="sáng thứ năm được không ạ",
        message=first.id,
        **who,
    )
    return story

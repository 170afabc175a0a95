"""What operators do in a conversation, with its lines in the audit."""

from __future__ import annotations

import asyncio
import unicodedata
from datetime import timedelta
from typing import Any

import pytest

from frontdesk import ApprovedTemplate, tool
from frontdesk.auth import Principal
from frontdesk.mind import ModelReply, ToolCall
from frontdesk.model import BOT, NOBODY, Memory
from frontdesk.plugin import Plugin
from frontdesk.services.conversation_desk import ConversationDesk, KeyReused, NoSuchTemplate, TakenByAnother
from frontdesk.services.memory import NotChanged
from frontdesk.services.ownership import UnknownConversation
from frontdesk.services.templates import NotFilled
from frontdesk.services.uploads import NotSendable, as_media, safe_name
from frontdesk.store.collections import CONTACTS, MESSAGES, NOTES
from frontdesk.testing.plugins import Phone, ScriptedModel
from frontdesk.tools import Done

QUIET = {"clinic": {"settle": {"quiet_seconds": 0}}}
HOA = Principal(id="o1", name="hoa", display_name="Hoa", roles={"clinic": "agent"})
MINH = Principal(id="o2", name="minh", display_name="Minh", roles={"clinic": "agent"})
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


class Windowed(Phone):
    """A phone that takes free messages for a day."""

    service_window = timedelta(hours=24)


class Book(Plugin):
    """Books whatever is asked for."""

    @tool(deed=True, lookup="find")
    async def book(self, at: str) -> Done:
        """Book a visit.

        :param at: when
        """
        return Done(told="booked", sentence="Đã đặt lịch 9 giờ.")

    async def find(self, at: str) -> Done | None:
        return None


class Written:
    """An audit that remembers."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, str, str]] = []

    async def wrote(self, tenant: str, who: Principal, what: str, about: str = "", **details: Any) -> None:
        assert "text" not in details
        self.entries.append((tenant, who.name, what, about))


async def talked(server, name="Lan"):
    lan = server.contact(name)
    await lan.says("Xin chào")
    await lan.hears()
    await server.quiet()
    audit = Written()
    return lan, ConversationDesk(server.server, audit), audit


async def test_who_writes_takes_it_and_a_double_click_sends_once(desk):
    async with desk(tenants=QUIET) as server:
        lan, talk, audit = await talked(server)
        said = await asyncio.gather(*(talk.write(HOA, "clinic", lan.id, "Chào em", key="k1") for _ in range(3)))
        assert len({message.id for message in said}) == 1
        assert await lan.hears() == "Chào em"
        await server.quiet()
        assert len(await lan.received()) == 2
        assert (await lan.conversation()).owner == "operator:hoa"
        assert audit.entries[0][1:] == ("hoa", "conversation.taken", lan.id)
        await talk.write(HOA, "clinic", lan.id, "Chào em", key="k1")
        await talk.write(HOA, "clinic", lan.id, "Nữa", key="k2")
        assert [entry[2] for entry in audit.entries].count("conversation.taken") == 1


async def test_two_operators_with_the_same_key_write_two_messages(desk):
    async with desk(tenants=QUIET) as server:
        lan, talk, _ = await talked(server)
        await talk.write(HOA, "clinic", lan.id, "Một", key="1")
        await talk.take(MINH, "clinic", lan.id, from_another=True)
        await talk.write(MINH, "clinic", lan.id, "Hai", key="1")
        assert [await lan.hears(), await lan.hears()] == ["Một", "Hai"]


async def test_what_is_anothers_is_left_unless_it_is_said_to_be_taken(desk):
    async with desk(tenants=QUIET) as server:
        lan, talk, audit = await talked(server)
        await talk.take(MINH, "clinic", lan.id)
        before = list(audit.entries)
        for attempt in (
            talk.take(HOA, "clinic", lan.id),
            talk.give_back(HOA, "clinic", lan.id),
            talk.write(HOA, "clinic", lan.id, "Chào", key="k"),
            talk.send_file(HOA, "clinic", lan.id, PNG, "x.png", key="k"),
        ):
            with pytest.raises(TakenByAnother) as raised:
                await attempt
            assert raised.value.name == "minh"
        assert audit.entries == before
        await talk.give_back(HOA, "clinic", lan.id, from_another=True)
        assert (await lan.conversation()).owner == BOT
        assert audit.entries[-1][1:3] == ("hoa", "conversation.given_back")


async def test_nothing_of_another_tenant_is_reached(desk):
    async with desk(tenants={**QUIET, "school": QUIET["clinic"]}) as server:
        lan, talk, audit = await talked(server)
        message = (await lan.received())[0].id
        for attempt in (
            talk.take(HOA, "school", lan.id),
            talk.write(HOA, "school", lan.id, "x", key="k"),
            talk.note(HOA, "school", lan.id, "x", key="k"),
            talk.replay(HOA, "school", lan.id, message),
            talk.dismiss(HOA, "school", lan.id, message),
            talk.forget_memory(HOA, "school", lan.id, 1),
        ):
            with pytest.raises(UnknownConversation):
                await attempt
        minh = server.contact("Minh")
        await minh.says("a")
        await minh.hears()
        assert not await talk.dismiss(HOA, "clinic", minh.id, message)
        assert not audit.entries


async def test_a_note_is_written_once_and_stays_with_operators(desk):
    async with desk(tenants=QUIET) as server:
        lan, talk, audit = await talked(server)
        for _ in range(2):
            await talk.note(HOA, "clinic", lan.id, "  gọi lại sau 5 giờ ", key="n1")
        (note,) = await server.repository().find(NOTES, {"conversation": lan.id}, order_by="at")
        assert (note.text, note.author) == ("gọi lại sau 5 giờ", "operator:hoa")
        assert [entry[2] for entry in audit.entries] == ["note.written"]
        assert len(await lan.received()) == 1
        with pytest.raises(ValueError, match="1 to"):
            await talk.note(HOA, "clinic", lan.id, " ", key="n2")


async def test_a_file_goes_as_what_it_is(desk):
    async with desk(tenants=QUIET) as server:
        lan, talk, _ = await talked(server)
        sent = await talk.send_file(HOA, "clinic", lan.id, PNG, "C:\\ảnh\u202egnp.exe", "Đây ạ", key="f")
        assert (sent.kind, sent.text, sent.media[0].content_type) == ("image", "Đây ạ", "image/png")
        assert sent.data["filename"] == "ảnhgnp.png"
        for wrong in (
            b"",
            b"<script>alert(1)</script>",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"MZ" + b"\0" * 64,
        ):
            with pytest.raises(NotSendable):
                as_media(wrong, "picture.png")
        assert safe_name("../../etc/passwd", "application/pdf") == "passwd.pdf"
        assert safe_name("\u200b.", "application/pdf") == "file.pdf"


async def test_when_the_window_is_closed_a_template_goes(desk):
    async with desk(plugins={"phone": Windowed, "model": ScriptedModel}, tenants=QUIET) as server:
        lan, talk, _ = await talked(server)
        open_ = await talk.standing("clinic", await lan.conversation())
        assert open_.window_open and (open_.closes_at - open_.conversation.last_inbound_at).total_seconds() == 86400
        server.clock.advance(24 * 3600)
        await server.quiet()
        (await server.plugin("phone")).templates = (ApprovedTemplate(id="HX1", name="chào", text="Chào {{1}}"),)
        closed = await talk.standing("clinic", await lan.conversation())
        assert not closed.window_open and [each.id for each in closed.templates.templates] == ["HX1"]
        with pytest.raises(NotFilled):
            await talk.send_template(HOA, "clinic", lan.id, "HX1", {}, key="t")
        with pytest.raises(NoSuchTemplate):
            await talk.send_template(HOA, "clinic", lan.id, "HX2", {}, key="t")
        assert (await lan.conversation()).owner == BOT
        await talk.send_template(HOA, "clinic", lan.id, "HX1", {"1": "Lan"}, key="t")
        assert await lan.hears() == "Chào Lan"


async def test_the_standing_tells_who_answers_and_until_when(desk):
    async with desk(tenants=QUIET) as server:
        lan, talk, _ = await talked(server)
        assert (await talk.standing("clinic", await lan.conversation())).answered_by == "bot"
        await server.server.ownership.hand_off("clinic", lan.id, "muốn gặp người")
        nobody = await talk.standing("clinic", await lan.conversation())
        assert (nobody.answered_by, nobody.owner) == (NOBODY, NOBODY)
        await talk.take(HOA, "clinic", lan.id)
        mine = await talk.standing("clinic", await lan.conversation())
        assert mine.is_of("hoa") and not mine.is_of("minh") and mine.owner == "hoa"
        assert (mine.returns_at - mine.conversation.last_human_at).total_seconds() == 1800
        assert mine.closes_at is None and mine.window_open


async def test_the_brief_tells_what_is_open_and_what_was_done(desk):
    async with desk(plugins={"model": ScriptedModel, "book": Book}, tenants=QUIET) as server:
        model = await server.plugin("model")
        call = ToolCall(id="1", name="book", arguments={"at": "9h"})
        model.script = ["Chào chị.", ModelReply(text="", tool_calls=(call,)), "Em đã đặt lịch lúc 9 giờ."]
        lan, talk, _ = await talked(server)
        await lan.says("Đặt giúp em 9 giờ")
        await lan.hears()
        await talk.take(HOA, "clinic", lan.id)
        await lan.says("Có ai không?")
        told = await talk.brief("clinic", await lan.conversation())
        assert [(deed.tool, deed.state, deed.sentence) for deed in told.deeds] == [
            ("book", "done", "Đã đặt lịch 9 giờ.")
        ]
        assert [message.text for message in told.questions] == ["Có ai không?"]
        assert told.says_something and not told.summary


async def test_what_is_parked_is_sent_again_or_left(desk):
    async with desk(tenants=QUIET) as server:
        lan, talk, audit = await talked(server)
        one = await talk.write(HOA, "clinic", lan.id, "a", key="a")
        two = await talk.write(HOA, "clinic", lan.id, "b", key="b")
        await server.quiet()
        repository = server.repository()
        for message in (one, two):
            stored = await repository.get(MESSAGES, message.id)
            await repository.update(MESSAGES, stored, state="parked", error="may have been sent: …")
        assert await talk.replay(HOA, "clinic", lan.id, one.id)
        assert await talk.dismiss(HOA, "clinic", lan.id, two.id)
        assert not await talk.replay(HOA, "clinic", lan.id, two.id)
        await server.quiet()
        assert (await repository.get(MESSAGES, one.id)).state == "accepted"
        assert (await repository.get(MESSAGES, two.id)).state == "withdrawn"
        assert [entry[2] for entry in audit.entries][-2:] == ["parked.replayed", "parked.dismissed"]


async def test_a_key_is_of_one_message_in_one_conversation(desk):
    """Who sends the same words to two contacts under one key would be told that both have them."""
    async with desk(tenants=QUIET) as server:
        lan, talk, _audit = await talked(server)
        minh = server.contact("Minh")
        await minh.says("Xin chào")
        await minh.hears()
        words = "Mai quán nghỉ ạ"
        first = await talk.write(HOA, "clinic", lan.id, words, key="mai")
        again = await talk.write(HOA, "clinic", lan.id, unicodedata.normalize("NFD", f"{words} "), key="mai")
        assert again.id == first.id
        for text, id in ((words, minh.id), ("Mai quán mở ạ", lan.id)):
            with pytest.raises(KeyReused):
                await talk.write(HOA, "clinic", id, text, key="mai")
        assert (await minh.conversation()).owner == BOT and len(await minh.received()) == 1
        note = await talk.note(HOA, "clinic", lan.id, "gọi lại", key="mai")
        assert await talk.note(HOA, "clinic", lan.id, "gọi lại", key="mai") == note
        with pytest.raises(KeyReused):
            await talk.note(HOA, "clinic", lan.id, "đừng gọi lại", key="mai")


async def test_memories_are_corrected_and_forgotten(desk):
    async with desk(tenants=QUIET) as server:
        lan, talk, audit = await talked(server)
        memory = Memory(text="thích buổi sáng", quote="sáng nhé", author="bot", at=server.server.store.now())
        await server.repository().update(CONTACTS, await lan.contact(), memories=(memory,))
        await talk.correct_memory(HOA, "clinic", lan.id, 1, "thích buổi chiều")
        (known,) = (await lan.contact()).memories
        assert (known.text, known.quote, known.author) == ("thích buổi chiều", "sáng nhé", "operator:hoa")
        await talk.forget_memory(HOA, "clinic", lan.id, 1)
        assert (await lan.contact()).memories == ()
        assert [entry[2] for entry in audit.entries] == ["memory.corrected", "memory.forgotten"]


async def test_a_second_click_does_not_forget_the_memory_that_has_taken_the_place(desk):
    async with desk(tenants=QUIET) as server:
        lan, talk, audit = await talked(server)
        known = [Memory(text=text, author="bot", at=server.server.store.now()) for text in ("có mèo", "ở Huế")]
        await server.repository().update(CONTACTS, await lan.contact(), memories=tuple(known))
        await talk.forget_memory(HOA, "clinic", lan.id, 1, was="có mèo")
        for again in (
            talk.forget_memory(HOA, "clinic", lan.id, 1, was="có mèo"),
            talk.correct_memory(MINH, "clinic", lan.id, 1, "có hai con mèo", was="có mèo"),
        ):
            with pytest.raises(NotChanged, match="another one by now"):
                await again
        assert [memory.text for memory in (await lan.contact()).memories] == ["ở Huế"]
        assert [entry[2] for entry in audit.entries] == ["memory.forgotten"]

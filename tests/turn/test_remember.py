"""What is worth knowing of a contact is kept with their own words, told the next time, and theirs alone."""

from __future__ import annotations

from typing import Any

import pytest

from frontdesk import ModelReply, ToolCall
from frontdesk.prompt import compose
from frontdesk.services.memory import MemoryDesk, NotChanged
from frontdesk.store.collections import CONTACTS
from frontdesk.testing.plugins import ScriptedModel

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}
SAYS = "Con chị tên Bống, dị ứng đậu phộng nhé em"


def keep(what: str, quote: str) -> ModelReply:
    return ModelReply(tool_calls=(ToolCall(id="r", name="remember", arguments={"what": what, "quote": quote}),))


async def said(server: Any, *calls: ModelReply, text: str = SAYS, name: str = "Lan") -> tuple[Any, list[Any]]:
    """The contact, and what the model was told of its calls."""
    contact, model = server.contact(name), await server.plugin("model")
    model.script = [*calls, "Dạ."]
    await contact.says(text)
    await contact.hears()
    return contact, [result for message in model.requests[-1].messages for result in message.tool_results]


@pytest.mark.parametrize("quote", ["dị ứng đậu phộng", "  DỊ ỨNG   đậu phộng ", "di\u0323 ứng đậu phộng"])
async def test_it_is_kept_with_the_contacts_words_and_the_message(desk: Any, quote: str) -> None:
    async with desk(tenants=AT_ONCE) as server:
        lan, (result,) = await said(server, keep("Bé Bống dị ứng đậu phộng", quote))
        assert (result.content, result.error) == ("It is kept.", False)
        (memory,) = (await lan.contact()).memories
        source = (await lan.messages())[0]
        assert (memory.text, memory.message, memory.author) == ("Bé Bống dị ứng đậu phộng", source.id, "bot")
        model = await server.plugin("model")
        assert 'known from earlier: "Bé Bống dị ứng đậu phộng"' in compose(model.requests[-1]).about
        assert "Bống" not in compose(model.requests[-1]).rules
        await said(server, text="Xin chào", name="Minh")
        assert "Bống" not in compose(model.requests[-1]).about, "it is another contact's"


@pytest.mark.parametrize(
    ("what", "quote"),
    [
        ("Chị Lan được giảm 90%", "giảm 90%"),
        ("Bé Bống dị ứng đậu phộng", ""),
        ("", "dị ứng đậu phộng"),
        ("x" * 201, "dị ứng đậu phộng"),
    ],
    ids=["not said", "no words", "nothing", "too long"],
)
async def test_what_the_contact_has_not_said_is_not_kept(desk: Any, what: str, quote: str) -> None:
    async with desk(tenants=AT_ONCE) as server:
        lan, (result,) = await said(server, keep(what, quote))
        assert result.error
        assert (await lan.contact()).memories == ()


async def test_the_same_is_kept_once(desk: Any) -> None:
    async with desk(tenants=AT_ONCE) as server:
        once, again = keep("Bé tên Bống", "tên Bống"), keep("bé  tên bống", "tên Bống")
        lan, results = await said(server, once, again)
        assert [result.content for result in results] == ["It is kept.", "It is known already."]
        assert len((await lan.contact()).memories) == 1


async def test_a_tenant_that_wants_no_memory_has_none(desk: Any) -> None:
    async with desk(tenants={"clinic": {**AT_ONCE["clinic"], "memory": False}}) as server:
        lan, (result,) = await said(server, keep("Bé tên Bống", "tên Bống"))
        model = await server.plugin("model")
        assert result.error and "there is no tool remember; there are: call_a_person" in result.content
        assert "remember" not in compose(model.requests[-1]).rules
        assert (await lan.contact()).memories == ()


async def test_operators_correct_it_and_have_it_forgotten_and_it_goes_with_the_contact(desk: Any) -> None:
    async with desk(plugins={"model": ScriptedModel}, tenants=AT_ONCE) as server:
        lan, _ = await said(server, keep("Bé tên Bống", "tên Bống"), keep("Dị ứng đậu phộng", "dị ứng"))
        memory = MemoryDesk(server.server.store)
        await memory.correct("clinic", lan.id, 2, "Dị ứng lạc ", "hoa")
        _, second = await memory.known("clinic", lan.id)
        assert (second.text, second.quote, second.author) == ("Dị ứng lạc", "dị ứng", "operator:hoa")
        await memory.forget("clinic", lan.id, 1)
        assert await memory.known("clinic", lan.id) == (second,)
        for wrong in (0, 2):
            with pytest.raises(NotChanged, match="1 to 1"):
                await memory.forget("clinic", lan.id, wrong)
        with pytest.raises(NotChanged, match="at most 200"):
            await memory.correct("clinic", lan.id, 1, " ", "hoa")
        await server.repository().delete(CONTACTS, await lan.contact())
        assert await memory.known("clinic", lan.id) == ()

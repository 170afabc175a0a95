"""The services a plugin instance is given."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from frontdesk import NeedsAttention, Plugin, RetryLater, hookimpl
from frontdesk.channel import StatusUpdate
from frontdesk.model import Template
from frontdesk.services import for_plugins
from frontdesk.services.secrets import new_key
from frontdesk.store.collections import MESSAGES, NOTES, SECRETS, TASKS
from frontdesk.testing.plugins import ScriptedModel

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}


class Notes(Plugin):
    """Has services and does nothing."""


class OtherNotes(Plugin):
    """Another one."""


class Pager(Plugin):
    """Has operators, who hear what it is told."""

    @hookimpl
    async def start(self):
        self.heard = []

    @hookimpl
    async def alert_operator(self, title, text, conversation):
        self.heard.append((title, text, conversation.id if conversation else ""))


PLUGINS = {"model": ScriptedModel, "notes": Notes, "others": OtherNotes}
TWO = {**AT_ONCE, "school": {}}


async def greeted(server):
    lan = server.contact("Lan")
    await lan.says("Hello.")
    await lan.hears()
    await server.quiet()
    server.clock.advance(1)
    return lan


async def test_documents_are_kept_per_plugin_and_tenant(desk):
    async with desk(plugins=PLUGINS, tenants=TWO) as server:
        mine, others = [await server.plugin(name) for name in ("notes", "others")]
        elsewhere = await server.plugin("notes", "school")
        assert await mine.store.insert("seen", "k", {"n": 1})
        assert not await mine.store.insert("seen", "k", {"n": 2})
        assert await mine.store.get("seen", "k") == {"n": 1}
        await mine.store.put("seen", "k", {"n": 3})
        assert await mine.store.get("seen", "k") == {"n": 3}
        for stranger in (others, elsewhere):
            assert await stranger.store.get("seen", "k") is None
            assert await stranger.store.list("seen") == []
            assert not await stranger.store.delete("seen", "k")
        assert await mine.store.delete("seen", "k") and not await mine.store.delete("seen", "k")


async def test_putting_at_the_same_time_loses_no_document(desk):
    async with desk(plugins=PLUGINS) as server:
        store = (await server.plugin("notes")).store
        await asyncio.gather(*(store.put("seen", "k", {"n": n}) for n in range(10)))
        assert (await store.get("seen", "k"))["n"] in range(10)
        won = await asyncio.gather(*(store.insert("claims", "name", {"by": n}) for n in range(10)))
        assert won.count(True) == 1


async def test_a_list_goes_by_key_and_can_be_continued(desk):
    async with desk(plugins=PLUGINS) as server:
        store = (await server.plugin("notes")).store
        for key in ("c", "a", "b", "a1"):
            await store.put("seen", key, {"key": key})
        await store.put("other", "z", {})
        first = await store.list("seen", limit=2)
        assert [key for key, _ in first] == ["a", "a1"]
        assert [key for key, _ in await store.list("seen", after="a1")] == ["b", "c"]


async def test_a_proactive_message_goes_once_per_key_with_an_end_to_its_usefulness(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, plugin = await greeted(server), await server.plugin("notes")
        sent = await asyncio.gather(*(plugin.conversations.send(lan.id, "visit/1", "Mai gặp ạ") for _ in range(4)))
        assert sent.count(True) == 1
        assert await lan.hears() == "Mai gặp ạ"
        await server.quiet()
        message = (await lan.received())[-1]
        assert message.author == "plugin:notes" and message.useful_until - message.at == timedelta(hours=24)
        assert len(await lan.received()) == 2


async def test_a_template_goes_with_its_variables(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, plugin, phone = await greeted(server), await server.plugin("notes"), await server.plugin("phone")
        template = Template(id="HX1", variables={"1": "Lan"})
        await plugin.conversations.send(lan.id, "t", "Hello Lan", template=template)
        assert await lan.hears() == "Hello Lan"
        assert (phone.sent[-1].kind, phone.sent[-1].template) == ("template", template)


async def test_a_plugin_reaches_the_conversations_of_its_tenant_only(desk):
    async with desk(plugins=PLUGINS, tenants=TWO) as server:
        lan = await greeted(server)
        mine, elsewhere = await server.plugin("notes"), await server.plugin("notes", "school")
        assert (await mine.conversations.of("phone", lan.external_id)).id == lan.id
        assert (await mine.conversations.contact(lan.id)).name == "Lan"
        assert [m.text for m in await mine.conversations.messages(lan.id)] == ["Hello.", "You said: Hello."]
        assert await elsewhere.conversations.of("phone", lan.external_id) is None
        assert await elsewhere.conversations.get(lan.id) is None
        assert await elsewhere.conversations.contact(lan.id) is None
        assert await elsewhere.conversations.messages(lan.id) == []


async def test_what_a_channel_learnt_outside_a_webhook_counts(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, phone = await greeted(server), await server.plugin("phone")
        (message,) = await lan.received()
        await phone.conversations.status("phone", [StatusUpdate(provider_id=message.provider_id, state="read")])
        assert (await lan.received())[0].state == "read"


async def test_a_watcher_is_told_of_changes(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, plugin = server.contact("Lan"), await server.plugin("notes")
        async with plugin.conversations.watch(lan.id) as changed:
            await lan.says("Hello.")

            async def told():
                return changed.is_set()

            await server.until("the watcher is told", told)
        assert not server.server.changes._watched


async def test_a_plugins_own_question_goes_down_the_chain_of_models(desk):
    class Second(ScriptedModel):
        """The next one."""

    async with desk(plugins={**PLUGINS, "second": Second}) as server:
        plugin, model, second = [await server.plugin(name) for name in ("notes", "model", "second")]
        model.script, second.script = [RetryLater("busy")], ["positive"]
        assert await plugin.model.complete("Say the mood.", "Tuyệt vời!") == "positive"
        request = second.requests[0]
        assert request.sections[0].text == "Say the mood." and request.messages[0].text == "Tuyệt vời!"
        model.script, second.script = [RetryLater("busy")], [ValueError("no")]
        with pytest.raises(RetryLater, match="busy"):
            await plugin.model.complete("Say the mood.", "?")


async def test_what_a_plugin_sends_goes_out_after_a_take_over_and_not_across_one(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, notes, phone = await greeted(server), await server.plugin("notes"), await server.plugin("phone")
        ownership, before = server.server.ownership, len(phone.sent)
        await ownership.take("clinic", lan.id, "Hoa")
        assert await notes.conversations.send(lan.id, "after", "Chị nhớ uống thuốc ạ")
        await server.quiet()
        assert [message.text for message in phone.sent[before:]] == ["Chị nhớ uống thuốc ạ"]

        def busy(_):
            raise RetryLater("busy", after=20)

        phone.on_send = busy
        assert await notes.conversations.send(lan.id, "across", "Chị nhớ tái khám ạ")
        await ownership.release("clinic", lan.id, "Hoa")
        await ownership.take("clinic", lan.id, "Hoa")
        phone.on_send = None
        await server.quiet()
        assert (await server.repository().get(MESSAGES, "notes-across")).state == "withdrawn"


async def test_a_conversation_is_given_back_by_who_knows_its_owner_alone(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, notes, ownership = await greeted(server), await server.plugin("notes"), server.server.ownership
        seen = await ownership.hand_off("clinic", lan.id, "asked for a person")
        await lan.says("Are you there?")
        await server.quiet()
        await ownership.take("clinic", lan.id, "Hoa")
        assert not await notes.conversations.give_back(seen), "a person answers by now"
        assert (await lan.conversation()).owner == "operator:Hoa"
        assert await notes.conversations.give_back(await lan.conversation())
        await server.quiet()
        assert (await lan.conversation()).owner == "bot"
        assert (await lan.received())[-1].text == "You said: Are you there?"


@given(st.text(), st.text())
@example("a/b", "c")
@example("a%2Fb", "c")
def test_two_keys_never_have_one_id(group, key):
    """Since group and key can be read back from the id."""
    plugin, escaped, rest = for_plugins._id("p", group, key).split("/", 2)
    assert (plugin, unquote(escaped), rest) == ("p", group, key)


async def test_a_slash_makes_no_document_and_no_task_of_another(desk):
    async with desk(plugins=PLUGINS) as server:
        notes = await server.plugin("notes")
        assert await notes.store.insert("a/b", "c", {"n": 1})
        assert await notes.store.insert("a", "b/c", {"n": 2})
        assert await notes.store.get("a/b", "c") == {"n": 1}
        assert await notes.store.list("a") == [("b/c", {"n": 2})]
        tomorrow = server.clock.now() + timedelta(days=1)
        assert await notes.tasks.schedule("a/b", "c", tomorrow)
        assert await notes.tasks.schedule("a", "b/c", tomorrow)
        assert await notes.tasks.cancel("a/b", "c")
        assert not await notes.tasks.schedule("a", "b/c", tomorrow), "the other one waits as before"


async def test_times_of_plugins_are_cut_to_milliseconds_of_utc(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        notes, lan = await server.plugin("notes"), await greeted(server)
        hanoi = ZoneInfo("Asia/Ho_Chi_Minh")
        at = datetime(2030, 1, 2, 8, 0, 0, 1234, hanoi)
        until = datetime(2030, 1, 3, 8, 0, 0, 999999, hanoi)
        assert await notes.tasks.schedule("remind", "k", at, useful_until=until)
        task = await server.repository().get(TASKS, "notes/remind/k")
        assert task.at == datetime(2030, 1, 2, 1, 0, 0, 1000, UTC)
        assert task.useful_until == datetime(2030, 1, 3, 1, 0, 0, 999000, UTC)
        assert await notes.conversations.send(lan.id, "k", "Chào chị", useful_until=until)
        assert (await server.repository().get(MESSAGES, "notes-k")).useful_until == task.useful_until


async def test_a_time_without_a_zone_is_refused_by_its_name(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        notes, lan = await server.plugin("notes"), await greeted(server)
        naive, aware = datetime(2030, 1, 2), datetime(2030, 1, 2, tzinfo=UTC)  # noqa: DTZ001  what is refused
        with pytest.raises(ValueError, match=r"tasks\.schedule: at: a time without a zone"):
            await notes.tasks.schedule("remind", "k", naive)
        with pytest.raises(ValueError, match=r"tasks\.schedule: useful_until: a time without a zone"):
            await notes.tasks.schedule("remind", "k", aware, useful_until=naive)
        with pytest.raises(ValueError, match=r"conversations\.send: useful_until: a time without a zone"):
            await notes.conversations.send(lan.id, "k", "Chào chị", useful_until=naive)
        assert await server.repository().get(TASKS, "notes/remind/k") is None


async def test_operators_are_told_of_a_case_once_with_a_note(desk):
    async with desk(plugins={**PLUGINS, "pager": Pager}, tenants=AT_ONCE) as server:
        lan, mine, pager = await greeted(server), await server.plugin("notes"), await server.plugin("pager")
        for _ in range(2):
            await mine.tell_operators("Two at once", "Lan, 9:00", case="v-1", conversation=lan.id)

        async def told():
            return pager.heard

        assert await server.until("they are told", told) == [("Two at once", "Lan, 9:00", lan.id)]
        (note,) = await server.repository().find(NOTES, {"conversation": lan.id}, order_by="at")
        assert (note.text, note.author) == ("Two at once\nLan, 9:00", "plugin:notes")
        await mine.tell_operators("Nobody's", "of no conversation", case="v-2")
        await server.quiet()
        assert len(pager.heard) == 2


async def test_a_secret_of_a_plugin_is_encrypted_and_its_own(desk, monkeypatch):
    monkeypatch.setenv("FRONTDESK_SECRET_KEYS", new_key())
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        notes, other = await server.plugin("notes"), await server.plugin("others")
        assert await notes.secrets.get("TOKEN") is None
        await notes.secrets.put("TOKEN", "1//mật")
        assert await notes.secrets.get("TOKEN") == "1//mật"
        assert await other.secrets.get("TOKEN") is None
        stored = await server.repository().get(SECRETS, "NOTES__TOKEN")
        assert stored.set_by == "plugin:notes" and "1//" not in stored.token
        monkeypatch.setenv("FRONTDESK_SECRET_KEYS", new_key())
        with pytest.raises(NeedsAttention, match="no key in FRONTDESK_SECRET_KEYS fits"):
            await notes.secrets.get("TOKEN")
        monkeypatch.delenv("FRONTDESK_SECRET_KEYS")
        with pytest.raises(NeedsAttention, match="frontdesk secrets key"):
            await notes.secrets.put("TOKEN", "2")
        assert await notes.secrets.delete("TOKEN") and not await notes.secrets.delete("TOKEN")

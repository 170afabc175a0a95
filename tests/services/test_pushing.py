"""What changes of a contact reaches the systems of plugins: gathered, in order, until it is taken; and it is seen."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from frontdesk import NeedsAttention, Plugin, Pushed, Refused, RetryLater, Settings, hookimpl
from frontdesk.auth import Principal
from frontdesk.services import pushing_content
from frontdesk.store.collections import SYNCS, TASKS
from frontdesk.testing.plugins import ScriptedModel

AT_ONCE = {"settle": {"quiet_seconds": 0}}
HOA = Principal(id="hoa", name="Hoa", display_name="Hoa", roles={"clinic": "owner"})


class CrmSettings(Settings):
    push_after: float = 3.0


class Crm(Plugin):
    """Keeps what it was given, and does what a test wants it to."""

    settings: CrmSettings
    push_batch = 3
    told: ClassVar[list[tuple[str, tuple[Any, ...]]]] = []
    answers: ClassVar[Any] = None

    def _do(self, kind: str, pushes: tuple[Any, ...]) -> tuple[Pushed, ...]:
        self.told.append((kind, pushes))
        answer = type(self).answers(kind, pushes) if type(self).answers else None
        if isinstance(answer, Exception):
            raise answer
        made = tuple(Pushed(id=each.id, reference={"crm": each.id}, link=f"https://crm/{each.id}") for each in pushes)
        return made if answer is None else answer

    @hookimpl
    async def push_contact(self, contacts):
        return self._do("contact", contacts)

    @hookimpl
    async def push_deal(self, deals):
        return self._do("deal", deals)

    @hookimpl
    async def push_activity(self, activities):
        return self._do("activity", activities)

    @hookimpl
    async def erase_contact(self):
        pass


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Crm, "told", [])
    monkeypatch.setattr(Crm, "answers", None)


@pytest.fixture
def pushing(desk: Any) -> Any:
    def start(**more: Any) -> Any:
        plugins = {"model": ScriptedModel, "crm": Crm}
        return desk(plugins=plugins, tenants={"clinic": AT_ONCE}, **more)

    return start


async def sync_of(server: Any, contact: Any, plugin: str = "crm") -> Any:
    return await server.repository().get(SYNCS, f"{plugin}.{contact.id}")


async def synced(server: Any, contact: Any, plugin: str = "crm") -> Any:
    async def there() -> Any:
        found = await sync_of(server, contact, plugin)
        return found if found is not None and found.state == "synced" else None

    return await server.until(f"{contact.name} is at {plugin}", there)


async def lines(server: Any) -> list[Any]:
    waiting = await server.repository().find(TASKS, {"state": "waiting"}, order_by="at")
    return [task for task in waiting if task.name == "push"]


async def held(server: Any) -> Any:
    async def there() -> Any:
        return next((task for task in await lines(server) if task.error), None)

    return await server.until("the line is held up", there)


def kinds(*wanted: str) -> list[str]:
    return [kind for kind, _ in Crm.told if not wanted or kind in wanted]


async def test_ten_changes_in_a_minute_are_one_push_of_each_kind_in_order(pushing: Any) -> None:
    async with pushing(settings={"crm": {"push_after": 60}}) as server:
        lan = server.contact("Lân", phone="+84901234567")
        await lan.says("Cho em hỏi giá")
        await lan.hears()
        for n in range(10):
            await server.server.leads.change("clinic", lan.id, key=f"k{n}", by="bot", score=n + 1, temperature="hot")
        assert (await sync_of(server, lan)).state == "pending"
        done = await synced(server, lan)
        assert kinds() == ["contact", "deal", "activity"]
        contact, deal, activity = (pushes[0] for _, pushes in Crm.told)
        assert (contact.contact.name, contact.lead.score, contact.reference) == ("Lân", 10, {})
        assert deal.of_contact == {"crm": lan.id} and deal.lead.temperature == "hot"
        assert [m.text for m in activity.messages] == ["Cho em hỏi giá", "You said: Cho em hỏi giá"]
        assert activity.id == f"{lan.id}.{activity.begins.date()}" and activity.of_deal == {"crm": lan.id}
        assert done.link == f"https://crm/{lan.id}" and done.error == "" and done.synced_at is not None
        await server.quiet()
        assert kinds() == ["contact", "deal", "activity"], "nothing is pushed twice"
        assert not await lines(server)


async def test_a_later_change_is_pushed_with_what_the_plugin_answered_and_the_whole_day(pushing: Any) -> None:
    async with pushing() as server:
        lan = server.contact("Lan")
        await lan.says("one")
        await lan.hears()
        await synced(server, lan)
        for text in ("two", "three"):
            server.clock.advance(4 * 3600)
            Crm.told.clear()
            await lan.says(text)
            await lan.hears()
            await server.until("it is told again", lambda: _true("activity" in kinds()))
        activity = next(pushes[0] for kind, pushes in Crm.told if kind == "activity")
        words = [word for text in ("one", "two", "three") for word in (text, f"You said: {text}")]
        assert [m.text for m in activity.messages] == words
        assert next(pushes[0] for kind, pushes in Crm.told if kind == "contact").reference == {"crm": lan.id}


async def _true(value: Any) -> Any:
    return value


async def test_what_an_operator_writes_is_pushed_too_and_what_waits_is_not(pushing: Any) -> None:
    async with pushing() as server:
        lan = server.contact("Lan")
        await lan.says("one")
        await lan.hears()
        await synced(server, lan)
        Crm.told.clear()
        await server.server.office.talk.take(HOA, "clinic", lan.id)
        await server.server.office.talk.write(HOA, "clinic", lan.id, "Chị ơi, mai nhé", key="w")
        assert await lan.hears() == "Chị ơi, mai nhé"
        await server.until("it is told", lambda: _true("activity" in kinds()))
        assert Crm.told[-1][1][0].messages[-1].author == "operator:Hoa"


async def test_contacts_go_in_batches_and_one_that_spoils_it_is_found_and_waits_for_a_person(pushing: Any) -> None:
    async with pushing() as server:
        people = [server.contact(f"c{n}") for n in range(4)]
        bad = people[1]

        def answers(kind: str, pushes: Any) -> Any:
            if kind == "contact" and any(each.id == bad.id for each in pushes):
                return Refused("Property email was not valid")
            return None

        Crm.answers = answers
        for each in people:
            await each.says("hello")
        for each in people:
            if each is not bad:
                await synced(server, each)
        assert max(len(pushes) for kind, pushes in Crm.told if kind == "contact") == 3

        async def refused() -> Any:
            found = await sync_of(server, bad)
            return found if found.state == "failed" else None

        failed = await server.until("it is refused", refused)
        assert failed.error == "Property email was not valid"
        assert not any(each.id.startswith(bad.id) for kind, pushes in Crm.told if kind != "contact" for each in pushes)
        causes = (await server.server.office.failures.causes("clinic")).causes
        (cause,) = [each for each in causes if each.kind == "sync"]
        assert cause.about == "crm" and cause.text == "Property email was not valid" and cause.people == 1
        Crm.answers = None
        done = await server.server.office.failures.retry("clinic", HOA, cause.together("retry"))
        assert done.done == 1
        await synced(server, bad)


async def test_a_partial_answer_counts_for_each_by_itself(pushing: Any) -> None:
    async with pushing() as server:
        people = [server.contact(f"c{n}") for n in range(3)]
        first = {"left": 1}

        def answers(kind: str, pushes: Any) -> Any:
            if kind != "contact" or not first["left"] or len(pushes) < 3:
                return None
            first["left"] = 0
            return (
                Pushed(id=people[0].id, reference={"crm": "1"}),
                Pushed(id=people[1].id, error="it is locked", again=True),
            )  # of the third nothing is said

        Crm.answers = answers
        for each in people:
            await each.says("hello")
        for each in people:
            assert (await synced(server, each)).attempts == 0
        assert first["left"] == 0, "all three went together"
        pushed = [each.id for kind, pushes in Crm.told if kind == "contact" for each in pushes]
        assert sorted(pushed.count(each.id) for each in people) == [1, 2, 2]


@pytest.mark.parametrize(
    "error", [RetryLater("busy", after=10), NeedsAttention("the token is refused: enter a new one")]
)
async def test_a_vendor_that_takes_nothing_holds_the_line_and_nothing_is_lost(pushing: Any, error: Exception) -> None:
    async with pushing() as server:
        lan, minh = server.contact("Lan"), server.contact("Minh")
        Crm.answers = lambda kind, pushes: error
        await lan.says("hello")
        task = await held(server)
        assert task.error == str(error) and (await sync_of(server, lan)).error == str(error)
        await minh.says("hello")
        await minh.hears()
        calls = len(Crm.told)
        causes = (await server.server.office.failures.causes("clinic")).causes
        shown = [each for each in causes if each.kind == "sync"]
        if isinstance(error, NeedsAttention):
            assert len(Crm.told) == calls and [each.cure for each in shown] == ["sync"]
            Crm.answers = None
            assert (await server.server.office.failures.retry("clinic", HOA, shown[0].together("retry"))).done == 1
        else:
            assert not shown, "nobody has to do anything"
            Crm.answers = None
        assert (await synced(server, lan)).error == "" and (await synced(server, minh)).attempts == 0

        async def mended() -> bool:
            causes = (await server.server.office.failures.causes("clinic")).causes
            return not any(each.kind == "sync" for each in causes)

        await server.until("nothing is among the failures any more", mended)


async def test_a_change_that_comes_while_it_is_pushed_is_pushed_after_it(pushing: Any) -> None:
    async with pushing() as server:
        lan = server.contact("Lan")
        changed: list[Any] = []

        original = Crm._do

        async def change() -> None:
            await server.server.leads.change("clinic", lan.id, key="meanwhile", by="bot", score=7)

        crm = await server.plugin("crm")

        async def push(contacts: Any) -> Any:
            if not changed:
                changed.append(True)
                await change()
                await server.server.pushing.want("clinic", lan.id, "contact", "deal")
            return original(crm, "contact", contacts)

        runtime = await server.server.runtimes.get("clinic")
        runtime.instances["crm"].hooks["push_contact"].call = push
        await lan.says("hello")
        await server.until("twice", lambda: _true(kinds("contact") == ["contact", "contact"]))
        await synced(server, lan)
        first, second = (pushes[0].lead for kind, pushes in Crm.told if kind == "contact")
        assert first is None and second.score == 7


async def test_what_came_from_its_vendor_does_not_go_back_there(pushing: Any) -> None:
    async with pushing() as server:
        lan = server.contact("Lan")
        await lan.says("hello")
        await lan.hears()
        await synced(server, lan)
        await server.quiet()
        crm = await server.plugin("crm")
        Crm.told.clear()
        await crm.leads.change(lan.id, "stage", stage="won")
        await server.quiet()
        assert Crm.told == []
        await server.server.leads.change("clinic", lan.id, key="x", by="operator:hoa", stage="lost")
        await server.until("an operator's goes", lambda: _pending(server, lan))


async def _pending(server: Any, contact: Any) -> bool:
    return bool((await sync_of(server, contact)).state == "pending")


async def test_after_a_crash_in_the_middle_it_is_pushed_again(pushing: Any) -> None:
    async with pushing() as server:
        lan = server.contact("Lan")
        await lan.says("hello")
        await lan.hears()
        sync = await synced(server, lan)
        await server.quiet()
        Crm.told.clear()
        # As a process leaves it that died while the plugin was at it.
        now = server.server.store.now()
        sync = await sync_of(server, lan)
        changes = {"state": "pending", "under_way": ("contact", "activity"), "wanted": (), "at": now}
        await server.repository().update(SYNCS, sync, **changes)
        await server.server.pushing.wake_line(server.repository(), "clinic", "crm", now)
        done = await synced(server, lan)
        assert done.under_way == () and kinds() == ["contact", "activity"]


async def test_erasure_waits_for_a_push_under_way_and_leaves_nothing(pushing: Any) -> None:
    async with pushing() as server:
        lan = server.contact("Lan")
        goes_on, done = asyncio.Event(), []
        crm = await server.plugin("crm")

        async def push(contacts: Any) -> Any:
            await goes_on.wait()
            done.append("pushed")
            return Crm._do(crm, "contact", contacts)

        async def erase(**_: Any) -> None:
            done.append("erased")

        hooks = (await server.server.runtimes.get("clinic")).instances["crm"].hooks
        hooks["push_contact"].call, hooks["erase_contact"].call = push, erase
        await lan.says("hello")
        await server.until("it is under way", lambda: _under_way(server, lan))
        await server.server.office.contacts.erase("clinic", HOA, lan.id)

        async def waits() -> bool:
            erasure = await server.server.office.contacts.erasure("clinic", lan.id)
            return erasure is not None and "is being pushed" in erasure.trouble

        await server.until("the erasure waits", waits)
        goes_on.set()
        await server.until("it is gone", lambda: _gone(server, lan))
        await server.until("it is erased there", lambda: _true("erased" in done))
        assert done == ["pushed", "erased"] and await server.repository().find(SYNCS, {}) == []
        # Noted by whoever was slow: the line drops it.
        await server.server.pushing.want("clinic", lan.id, "contact", now=True)
        await server.until("it is dropped", lambda: _gone(server, lan))
        assert kinds("contact") == ["contact"]


async def _under_way(server: Any, contact: Any) -> bool:
    found = await sync_of(server, contact)
    return found is not None and bool(found.under_way)


async def _gone(server: Any, contact: Any) -> bool:
    return await sync_of(server, contact) is None


async def test_staff_is_not_pushed(pushing: Any) -> None:
    from frontdesk.store.collections import CONTACTS

    async with pushing() as server:
        boss = server.contact("Boss")
        await boss.says("hello")
        await boss.hears()
        repository = server.repository()
        await repository.update(CONTACTS, await boss.contact(), kind="staff")
        await server.until("it is dropped", lambda: _gone(server, boss))
        assert Crm.told == []


async def test_a_second_crm_is_one_by_the_same_hooks(desk: Any, sample: Any) -> None:
    plugins = {"model": ScriptedModel, "address_book": sample("address_book"), "crm": Crm}
    async with desk(
        plugins=plugins, settings={"address_book": {"push_after": 3}}, tenants={"clinic": AT_ONCE}
    ) as server:
        lan = server.contact("Lân", phone="+84901234567")
        await lan.says("Tôi muốn đặt lịch")
        await lan.hears()
        start = server.server.store.now() + timedelta(days=1)
        visit = {"starts_at": start, "ends_at": start + timedelta(hours=1), "zone": "Asia/Ho_Chi_Minh"}
        await server.server.appointments.book("clinic", lan.id, key="b", by="bot", plugin="", **visit)
        await server.server.leads.change("clinic", lan.id, key="l", by="bot", temperature="hot")
        await synced(server, lan, "address_book")
        await synced(server, lan, "crm")
        book = await server.plugin("address_book")
        page = await book.store.get("pages", lan.id)
        assert page["name"] == "Lân" and page["temperature"] == "hot" and len(page["visits"]) == 1
        ((_, day),) = await book.store.list("days")
        assert day["said"] == ["Tôi muốn đặt lịch", "You said: Tôi muốn đặt lịch"]
        (first, second) = await server.server.office.syncs.of("clinic", lan.id)
        assert (first.plugin, second.plugin) == ("address_book", "crm") and first.link.endswith(lan.id)
        exported = await server.server.office.contacts.export("clinic", HOA, lan.id)
        assert exported["plugins"]["address_book"]["name"] == "Lân" and len(exported["syncs"]) == 2


def _said(pushes: list[tuple[str, tuple[Any, ...]]]) -> list[str]:
    """What was said, in all activities that were pushed."""
    days = [day for kind, told in pushes if kind == "activity" for day in told]
    return [message.text for day in days for message in day.messages]


async def test_a_day_whose_activity_was_not_taken_is_pushed_later_though_there_is_a_newer_one(pushing: Any) -> None:
    async with pushing() as server:
        lan = server.contact("Lan")
        Crm.answers = lambda kind, _: RetryLater("down", after=60) if kind == "activity" else None
        await lan.says("day one")
        await lan.hears()
        await held(server)
        server.clock.advance(26 * 3600)
        await lan.says("day two")
        await lan.hears()
        server.clock.advance(30)
        await held(server)
        Crm.told.clear()
        Crm.answers = None

        async def both() -> bool:
            return {"day one", "day two"} <= set(_said(Crm.told))

        await server.until("both days are pushed", both)
        await synced(server, lan)


async def test_a_day_with_more_than_goes_at_once_comes_to_an_end(pushing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushing_content, "MOST", 4)
    async with pushing() as server:
        lan = server.contact("Lan")
        for number in range(3):
            await lan.says(f"m{number}")
            await lan.hears()
        await synced(server, lan)
        await server.quiet()
        assert len(kinds("activity")) <= 4 and "m2" in _said(Crm.told)

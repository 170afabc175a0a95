"""Contents that were made for choices: made once, deleted when nobody needs them, and nothing else is ever deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from frontdesk import Choice, MaybeSent, Outgoing, RetryLater
from frontdesk.choices import as_data
from frontdesk.model import Task
from frontdesk.plugins.twilio_whatsapp import TwilioWhatsapp
from frontdesk.plugins.twilio_whatsapp.contents import interactive
from frontdesk.plugins.twilio_whatsapp.kept import TASK
from frontdesk.store.collections import TASKS
from frontdesk.testing.clock import MovableClock
from frontdesk.testing.fake_twilio import ACCOUNT_SID, FakeTwilio, Fault

NUMBER, CONTACT = "whatsapp:+14155238886", "whatsapp:+84901234567"
YES_NO = (Choice(id="yes", title="Đồng ý"), Choice(id="no", title="Không"))
DAYS = 30


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


def asks(text: str = "Chị đồng ý không ạ?") -> Outgoing:
    data = as_data(YES_NO)
    return Outgoing(id="out-1", external_id=CONTACT, address=NUMBER, kind="button", text=text, data=data)


def bodies(twilio: FakeTwilio) -> list[str]:
    """The texts of the contents of choices that are at Twilio."""
    kinds = [content.types.get("twilio/quick-reply") for content in twilio.contents.known.values()]
    return [kind["body"] for kind in kinds if kind]


async def tidy(plugin: TwilioWhatsapp, clock: MovableClock) -> None:
    await plugin.run_task(Task(id="t", plugin=plugin.name, name=TASK, at=clock.now()))


async def test_what_nobody_needs_is_deleted_and_nothing_else(
    plugin: TwilioWhatsapp, twilio: FakeTwilio, clock: MovableClock
) -> None:
    template = twilio.contents.template(ACCOUNT_SID, "Nhắc lịch {{1}}")
    of_another = interactive("Chị đồng ý không ạ?", YES_NO, "Chọn", "vi", "another")
    assert of_another is not None
    other = twilio.contents.add(ACCOUNT_SID, of_another).sid
    await plugin.send(asks())
    await plugin.send(asks("Mai chị đến không ạ?"))
    clock.advance(timedelta(days=DAYS - 1).total_seconds())
    await plugin.send(asks("Mai chị đến không ạ?"))
    await tidy(plugin, clock)
    assert len(bodies(twilio)) == 3, "none is unused for so long"
    clock.advance(timedelta(days=2).total_seconds())
    await tidy(plugin, clock)
    await tidy(plugin, clock)
    assert bodies(twilio) == ["Chị đồng ý không ạ?", "Mai chị đến không ạ?"]
    assert template in twilio.contents.known and other in twilio.contents.known
    await plugin.send(asks())
    assert len(bodies(twilio)) == 3 and len(twilio.sent) == 4, "what was deleted is made again when it is needed"
    assert twilio.violations == []


async def test_use_is_noted_once_a_day_and_the_task_that_looks_is_there_before_the_content(
    plugin: TwilioWhatsapp, twilio: FakeTwilio, clock: MovableClock
) -> None:
    twilio.faults.add(Fault(kind="error", operation="content", status=503))
    with pytest.raises(RetryLater):
        await plugin.send(asks())
    tasks: Any = plugin.tasks
    ((_, day),) = tasks.scheduled
    assert timedelta(days=DAYS) < tasks.scheduled[TASK, day] - clock.now() <= timedelta(days=DAYS + 1)
    for _ in range(3):
        await plugin.send(asks())
    assert len(tasks.scheduled) == 1
    clock.advance(timedelta(days=1).total_seconds())
    await plugin.send(asks())
    assert len(tasks.scheduled) == 2 and len(bodies(twilio)) == 1


async def test_one_that_a_crash_left_without_its_sid_is_found_by_its_name(
    plugin: TwilioWhatsapp, twilio: FakeTwilio, clock: MovableClock
) -> None:
    # Twilio makes it, and the answer does not arrive: it is made a second time.
    twilio.faults.add(Fault(kind="drop", operation="content"))
    with pytest.raises((RetryLater, MaybeSent)):
        await plugin.send(asks())
    body = interactive("Chị đồng ý không ạ?", YES_NO, "Chọn", "vi", "clinic")
    assert body is not None
    twilio.contents.add(ACCOUNT_SID, body)
    await plugin.send(asks())
    assert len(bodies(twilio)) >= 2
    for number in range(600):
        twilio.contents.template(ACCOUNT_SID, f"Mẫu {number}")
    clock.advance(timedelta(days=DAYS + 1).total_seconds())
    await tidy(plugin, clock)
    assert bodies(twilio) == [] and len(twilio.contents.known) == 600 and twilio.violations == []


async def test_a_crash_between_twilio_and_the_store_loses_nothing(
    plugin: TwilioWhatsapp, twilio: FakeTwilio, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await plugin.send(asks())
    await plugin.send(asks("Mai chị đến không ạ?"))
    clock.advance(timedelta(days=DAYS + 1).total_seconds())

    async def dies(*_: Any) -> bool:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(plugin.store, "delete", dies)
        with pytest.raises(RuntimeError):
            await tidy(plugin, clock)
    assert len(bodies(twilio)) == 1
    twilio.contents.strict = True
    await plugin.send(asks())
    await plugin.send(asks("Mai chị đến không ạ?"))
    assert len(twilio.sent) == 4 and len(bodies(twilio)) == 2, "whichever was gone was made anew"


async def test_one_that_was_deleted_at_twilio_is_made_anew_and_the_message_goes(
    plugin: TwilioWhatsapp, twilio: FakeTwilio
) -> None:
    twilio.contents.strict = True
    await plugin.send(asks())
    twilio.contents.known.clear()
    await plugin.send(asks())
    await plugin.send(asks())
    assert len(twilio.sent) == 3 and len(bodies(twilio)) == 1


async def test_what_one_run_has_no_time_for_the_next_one_does(
    plugin: TwilioWhatsapp, twilio: FakeTwilio, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        await plugin.send(asks(f"Câu {number}?"))
    clock.advance(timedelta(days=DAYS + 1).total_seconds())
    delete = plugin.store.delete

    async def slowly(collection: str, key: str) -> bool:
        clock.advance(3)
        return await delete(collection, key)

    monkeypatch.setattr(plugin.store, "delete", slowly)
    await tidy(plugin, clock)
    assert len(bodies(twilio)) == 2
    tasks: Any = plugin.tasks
    assert max(tasks.scheduled.values()) > clock.now() - timedelta(seconds=1) and len(tasks.scheduled) == 2
    await tidy(plugin, clock)
    assert bodies(twilio) == []


async def test_the_core_runs_it_when_its_day_has_come(front: Any) -> None:
    async with front(clinic={"choices_kept_days": 1}) as it:
        await it.writes(body="Xin chào")
        plugin = await it.server.plugin("twilio_whatsapp")
        conversation = await it.server.until("an answer", lambda: plugin.conversations.of(plugin.name, CONTACT))
        await plugin.conversations.send(conversation.id, "k", "Chị đồng ý không ạ?", choices=YES_NO)

        async def made() -> bool:
            return bool(bodies(it.twilio))

        await it.server.until("the content is made", made)
        await it.server.quiet()
        it.clock.advance(timedelta(days=2).total_seconds())

        async def deleted() -> bool:
            return not bodies(it.twilio)

        await it.server.until("the content is deleted", deleted)
        assert [task.name for task in await it.all(TASKS) if task.plugin == plugin.name] == [TASK]

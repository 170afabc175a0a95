"""Reminders: once, at the right time, of what is so; and the buttons below them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from frontdesk.plugins.reminders import Reminders
from frontdesk.store.collections import CONVERSATIONS, TASKS
from frontdesk.testing.plugins import Phone, ScriptedModel

ZONE = "Asia/Ho_Chi_Minh"
START = datetime(2026, 11, 26, 7, 0, tzinfo=UTC)
"""14:00 in Hanoi, 77 hours after the desk's clock begins (2026-11-23 02:00 UTC, 09:00 in Hanoi)."""
SETTINGS: dict[str, Any] = {
    "reminders": {
        "rules": [
            {
                "id": "24h",
                "before": "24 h",
                "words": [{"language": "vi", "template": {"id": "HXvi", "variables": {"1": "{when}"}}}],
            },
            {"id": "2h", "before": "2 h"},
        ]
    }
}
TENANTS: dict[str, Any] = {
    "clinic": {"name": "Nha khoa Sen", "time_zone": ZONE, "language": "vi", "settle": {"quiet_seconds": 0}}
}


class Touch(Phone):
    """A phone with buttons."""

    shows_choices = True


PLUGINS = {"phone": Touch, "model": ScriptedModel, "reminders": Reminders}


@pytest.fixture
def clinic(desk):
    """A desk whose contacts are reminded."""
    return lambda **more: desk(plugins=PLUGINS, settings=SETTINGS, tenants=TENANTS, **more)


async def booked(server: Any, name: str = "Lan", starts: datetime = START, key: str = "1") -> tuple[Any, Any]:
    """A contact who has written, and their visit."""
    lan = server.contact(name)
    await lan.says("Chào em")
    await lan.hears()
    return lan, await book(server, lan, starts, key)


async def book(server: Any, lan: Any, starts: datetime, key: str) -> Any:
    made = await server.server.appointments.book(
        "clinic", lan.id, key=key, by="plugin:diary", starts_at=starts, ends_at=starts + timedelta(minutes=30),
        zone=ZONE, service="Khám răng", plugin="diary",
    )  # fmt: skip
    await server.quiet()
    return await now_of(server, made)


async def now_of(server: Any, appointment: Any) -> Any:
    return await server.server.appointments.get("clinic", appointment.id)


async def at(server: Any, moment: datetime) -> None:
    """The hours pass until *moment*, and what is due in them is done."""
    await server.quiet()
    while (left := (moment - server.clock.now()).total_seconds()) > 0:
        server.clock.advance(min(left, 3600.0))
        await server.quiet()


def states(appointment: Any) -> dict[str, str]:
    return {each.rule: each.state for each in appointment.reminders}


async def heard(lan: Any) -> list[str]:
    return [message.text for message in await lan.received()][1:]


async def test_a_visit_is_reminded_of_at_each_time_once(clinic):
    async with clinic() as server:
        lan, visit = await booked(server)
        assert states(visit) == {"24h": "planned", "2h": "planned"}
        await at(server, START - timedelta(hours=24, minutes=3))
        assert await heard(lan) == []
        await at(server, START - timedelta(hours=23, minutes=59))
        (first,) = await heard(lan)
        assert "Nha khoa Sen" in first and "14:00 Thứ Năm, 26/11" in first and "Khám răng" in first
        assert states(await now_of(server, visit)) == {"24h": "sent", "2h": "planned"}
        await at(server, START - timedelta(hours=1, minutes=59))
        await at(server, START + timedelta(hours=1))
        assert len(await heard(lan)) == 2
        assert states(await now_of(server, visit)) == {"24h": "sent", "2h": "sent"}


async def test_outside_of_the_window_the_approved_template_goes_and_without_one_it_is_shown(clinic, monkeypatch):
    monkeypatch.setattr(Touch, "service_window", timedelta(hours=24))
    async with clinic() as server:
        lan, visit = await booked(server)
        await at(server, START - timedelta(hours=23, minutes=59))
        sent = (await lan.received())[-1]
        assert sent.kind == "template" and sent.template is not None and sent.template.id == "HXvi"
        assert sent.template.variables == {"1": "14:00 Thứ Năm, 26/11"}
        assert len(await heard(lan)) == 1
        await at(server, START)
        assert len(await heard(lan)) == 1, "there is no template for the second"
        (two_hours,) = [each for each in (await now_of(server, visit)).reminders if each.rule == "2h"]
        assert two_hours.state == "dropped" and two_hours.reason


async def test_a_visit_that_was_moved_is_reminded_of_at_its_new_time_alone(clinic):
    async with clinic() as server:
        lan, visit = await booked(server)
        moved = START + timedelta(days=2)
        await server.server.appointments.move(
            "clinic", visit.id, key="m", by="operator:hoa", starts_at=moved, ends_at=moved + timedelta(minutes=30)
        )
        await server.quiet()
        await at(server, START + timedelta(hours=1))
        assert await heard(lan) == []
        await at(server, moved - timedelta(hours=23))
        (text,) = await heard(lan)
        assert "Thứ Bảy, 28/11" in text


@pytest.mark.parametrize("what", ["moved", "cancelled"])
async def test_a_reminder_that_is_held_does_not_go_once_it_is_no_longer_so(clinic, monkeypatch, what):
    monkeypatch.setattr(Touch, "service_window", timedelta(hours=24))
    monkeypatch.setitem(SETTINGS["reminders"], "rules", [{"id": "24h", "before": "24 h"}])
    async with clinic() as server:
        lan, visit = await booked(server)
        await at(server, START - timedelta(hours=23, minutes=59))
        assert await heard(lan) == [], "there is no template: it waits for them to write"
        later, desk = START + timedelta(days=2), server.server.appointments
        if what == "moved":
            times = {"starts_at": later, "ends_at": later + timedelta(minutes=30)}
            await desk.move("clinic", visit.id, key="m", by="operator:hoa", **times)
        else:
            await desk.become("clinic", visit.id, "cancelled", key="c", by="operator:hoa")
        await at(server, START - timedelta(hours=20))
        await lan.says("Chị ơi")
        await server.quiet()
        assert await heard(lan) == ["You said: Chị ơi"]


async def test_moved_away_and_back_it_is_reminded_of_once(clinic):
    async with clinic() as server:
        lan, visit = await booked(server)
        for key, starts in (("a", START + timedelta(days=2)), ("b", START)):
            await server.server.appointments.move(
                "clinic", visit.id, key=key, by="operator:hoa", starts_at=starts, ends_at=starts + timedelta(minutes=30)
            )
            await server.quiet()
        await at(server, START - timedelta(hours=23))
        assert len(await heard(lan)) == 1


async def test_of_a_cancelled_visit_nobody_is_reminded_and_booked_again_they_are(clinic):
    async with clinic() as server:
        lan, visit = await booked(server)
        desk = server.server.appointments
        await desk.become("clinic", visit.id, "cancelled", key="c", by="operator:hoa")
        await server.quiet()
        await at(server, START - timedelta(hours=23))
        assert await heard(lan) == []
        await desk.become("clinic", visit.id, "booked", key="d", by="operator:hoa")
        await server.quiet()
        await at(server, START - timedelta(hours=1, minutes=50))
        assert len(await heard(lan)) == 1


async def test_what_is_too_late_is_dropped_and_shown(clinic):
    async with clinic() as server:
        lan = server.contact("Lan")
        await lan.says("Chào em")
        await lan.hears()
        visit = await book(server, lan, server.clock.now() + timedelta(hours=5), "1")
        shown = {each.rule: (each.state, each.reason) for each in visit.reminders}
        assert shown["24h"][0] == "dropped" and "booked later" in shown["24h"][1]
        assert shown["2h"][0] == "planned"


async def test_who_wants_no_messages_gets_none(clinic):
    async with clinic() as server:
        lan, visit = await booked(server)
        await lan.says("STOP")
        await server.quiet()
        said = len(await lan.received())
        await at(server, START)
        assert len(await lan.received()) == said
        assert {each.state for each in (await now_of(server, visit)).reminders} == {"dropped"}


async def test_a_crash_between_the_message_and_its_note_says_it_once(clinic, monkeypatch):
    async with clinic() as server:
        lan, visit = await booked(server)
        noted, failed = Reminders._noted, []

        async def fails_once(self, *given):
            if not failed:
                failed.append(given)
                raise RuntimeError("the process was cut off here")
            await noted(self, *given)

        monkeypatch.setattr(Reminders, "_noted", fails_once)
        await at(server, START - timedelta(hours=23, minutes=50))
        await at(server, START - timedelta(hours=20))
        assert failed and len(await heard(lan)) == 1
        assert states(await now_of(server, visit))["24h"] == "sent"


async def test_a_visit_from_before_the_plugin_was_there_is_found(clinic):
    async with clinic() as server:
        lan, visit = await booked(server)
        repository = server.repository("clinic")
        for task in await repository.find(TASKS, {}, limit=100):
            if task.name == "remind":
                await repository.delete(TASKS, task)
        await at(server, START - timedelta(hours=23))
        assert len(await heard(lan)) == 1
        assert states(await now_of(server, visit))["24h"] == "sent"


async def tap(server: Any, lan: Any, deed: str, title: str = "x", of: Any = None) -> str:
    """The answer to a tap on a button of the newest reminder (of *of*)."""
    newest = [message for message in await (of or lan).received() if message.kind == "button"][-1]
    (payload,) = [each["id"] for each in newest.data["choices"] if each["id"].endswith(f":{deed}")]
    before = len(await lan.received())
    await lan.says(title, kind="button", data={"payload": payload, "replied_to": newest.provider_id})
    await server.quiet()
    received = await lan.received()
    assert len(received) == before + 1
    return received[-1].text


@pytest.fixture
async def reminded(clinic):
    async with clinic() as server:
        lan, visit = await booked(server)
        await at(server, START - timedelta(hours=23))
        yield server, lan, visit


async def test_a_tap_confirms_exactly_this_visit(reminded):
    server, lan, visit = reminded
    other = await book(server, lan, START + timedelta(days=7), "2")
    assert "Hẹn gặp mình 14:00 Thứ Năm, 26/11" in await tap(server, lan, "confirm")
    assert (await now_of(server, visit)).confirmed_at is not None
    assert (await now_of(server, other)).confirmed_at is None
    assert (await server.plugin("model")).requests[1:] == []


async def test_a_tap_cancels_and_the_same_tap_again_changes_nothing(reminded):
    server, lan, visit = reminded
    assert "đã hủy lịch hẹn" in await tap(server, lan, "cancel")
    cancelled = await now_of(server, visit)
    assert cancelled.state == "cancelled" and cancelled.history[-1].by == "plugin:reminders"
    assert "từ trước" in await tap(server, lan, "cancel")
    assert "từ trước" in await tap(server, lan, "confirm")
    assert (await now_of(server, visit)).version == cancelled.version


async def test_a_button_of_an_old_time_changes_nothing_and_says_what_is_so(reminded):
    server, lan, visit = reminded
    moved = START + timedelta(days=1)
    await server.server.appointments.move(
        "clinic", visit.id, key="m", by="operator:hoa", starts_at=moved, ends_at=moved + timedelta(minutes=30)
    )
    await server.quiet()
    said = await tap(server, lan, "cancel")
    assert "đã được đổi sang 14:00 Thứ Sáu, 27/11" in said
    assert (await now_of(server, visit)).state == "booked"


async def test_nobody_changes_the_visit_of_another(reminded):
    server, lan, visit = reminded
    minh = server.contact("Minh")
    await minh.says("Chào em")
    await minh.hears()
    assert "không còn tìm thấy" in await tap(server, minh, "cancel", of=lan)
    assert (await now_of(server, visit)).state == "booked"


@pytest.mark.parametrize(
    ("payload", "replied_to"),
    [("reminders:cancel", "of nobody"), ("reminders:erase", ""), ("reminders:cancel:x", ""), ("reminders:", "")],
)
async def test_a_forged_button_does_nothing(reminded, payload, replied_to):
    server, lan, visit = reminded
    await lan.says("x", kind="button", data={"payload": payload, "replied_to": replied_to})
    await server.quiet()
    assert (await now_of(server, visit)).state == "booked"


async def test_a_provider_that_does_not_tell_below_which_message_is_believed_where_there_is_one_visit(reminded):
    server, lan, visit = reminded
    await lan.says("x", kind="button", data={"payload": "reminders:confirm"})
    await server.quiet()
    assert (await now_of(server, visit)).confirmed_at is not None
    other = await book(server, lan, START + timedelta(hours=2), "2")
    await at(server, START - timedelta(hours=21))
    await lan.says("x", kind="button", data={"payload": "reminders:cancel"})
    await server.quiet()
    assert (await now_of(server, visit)).state == (await now_of(server, other)).state == "booked"
    assert "không còn tìm thấy" in (await heard(lan))[-1]


async def test_to_move_it_the_next_time_is_asked_for_and_the_model_knows_which_visit(reminded):
    server, lan, visit = reminded
    assert "muốn đổi sang ngày giờ nào" in await tap(server, lan, "move")
    model = await server.plugin("model")
    await lan.says("chiều thứ sáu")
    await server.quiet()
    (section,) = [each for each in model.requests[-1].sections if each.name == "A visit to be moved"]
    assert visit.id in section.text and "2026-11-26 14:00" in section.text
    moved = START + timedelta(days=1)
    await server.server.appointments.move(
        "clinic", visit.id, key="m", by="plugin:diary", starts_at=moved, ends_at=moved + timedelta(minutes=30)
    )
    await lan.says("Cảm ơn em")
    await server.quiet()
    assert [each for each in model.requests[-1].sections if each.name == "A visit to be moved"] == []


async def test_while_a_person_answers_a_tap_is_done_and_said_all_the_same(reminded):
    server, lan, visit = reminded
    await server.server.ownership.take("clinic", lan.id, "hoa")
    assert "đã hủy lịch hẹn" in await tap(server, lan, "cancel")
    assert (await now_of(server, visit)).state == "cancelled"
    assert (await server.repository("clinic").get(CONVERSATIONS, lan.id)).owner == "operator:hoa"


async def test_what_is_tapped_is_done_while_nobody_answers(reminded):
    server, lan, visit = reminded
    await server.server.ownership.hand_off("clinic", lan.id, "asked for a person")
    assert "đã hủy lịch hẹn" in await tap(server, lan, "cancel")
    assert (await now_of(server, visit)).state == "cancelled"


async def test_who_did_not_come_is_asked_once_whether_they_want_another_time(reminded):
    server, lan, visit = reminded
    await at(server, START + timedelta(hours=1))
    said = len(await heard(lan))
    await server.server.appointments.become("clinic", visit.id, "no_show", key="n", by="operator:hoa")
    await at(server, START + timedelta(hours=4))
    texts = await heard(lan)
    assert len(texts) == said + 1 and "chưa gặp được mình" in texts[-1]
    await server.server.appointments.become("clinic", visit.id, "showed", key="s", by="operator:hoa")
    await at(server, START + timedelta(hours=10))
    assert len(await heard(lan)) == said + 1


async def test_a_warm_lead_who_went_quiet_is_written_to_once(desk):
    settings = {"reminders": {"rules": [], "quiet_lead": {"after": "2 d"}}}
    async with desk(plugins=PLUGINS, settings=settings, tenants=TENANTS) as server:
        lan = server.contact("Lan")
        await lan.says("Học phí bao nhiêu?")
        await lan.hears()
        await server.server.leads.change("clinic", lan.id, key="1", by="plugin:x", temperature="warm")
        await server.quiet()
        begin = server.clock.now()
        await at(server, begin + timedelta(hours=24))
        await lan.says("Để em nghĩ thêm")
        await lan.hears()
        await at(server, begin + timedelta(hours=70))
        assert len(await heard(lan)) == 1, "they wrote again: it is counted from then"
        await at(server, begin + timedelta(hours=120))
        assert len(await heard(lan)) == 2 and "còn quan tâm" in (await heard(lan))[-1]

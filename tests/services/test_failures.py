"""Failures by their cause, and what one can do with them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from frontdesk import Plugin, hookimpl
from frontdesk.auth import Principal
from frontdesk.model import Message, Route, Task
from frontdesk.plugins.twilio_whatsapp import TwilioWhatsapp
from frontdesk.services.failures import KEPT, Failure, key_of, normalised
from frontdesk.store.collections import AUDIT, MESSAGES, TASKS
from frontdesk.testing.plugins import Phone, ScriptedModel

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}
HOA = Principal(id="1", name="hoa", display_name="Hoa", roles={"clinic": "manager"})


class Speaking(Phone):
    """Knows its provider's codes, as Twilio's plugin does."""

    @classmethod
    def explain(cls, code: str, language: str) -> str:
        return TwilioWhatsapp.explain(code, language)


class Reminder(Plugin):
    """Counts what it does."""

    ran: list[str]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.ran = []

    @hookimpl
    async def run_task(self, task: Task) -> None:
        self.ran.append(task.id)


PLUGINS = {"phone": Speaking, "model": ScriptedModel, "reminder": Reminder}


def undelivered(id: str, conversation: str, at: Any, error: str, **more: Any) -> Message:
    return Message(
        **{
            "id": id,
            "conversation": conversation,
            "direction": "outbound",
            "state": "failed",
            "at": at,
            "error": error,
            "route": Route(channel="phone", address="a", external_id="b"),
            **more,
        }
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "model: ValueError at weather.py:31 in Weather.forecast",
            "model: ValueError at weather.py:9 in Weather.forecast",
        ),
        ("no answer within its deadline of 9.5 s", "no answer within its deadline of 10 s"),
        ("the slot “Thứ Hai 9:00” is taken", "the slot “Thứ Tư 14:30” is taken"),
        ("no deal 7f3e2a90c1b24d55a for +84 90 123 45 67", "no deal 0b3e2a90c1b24d55f for +84901234568"),
        ("GET https://crm.example/a/1 answered 503", "GET https://crm.example/b/2?x=3 answered 502"),
    ],
)
def test_what_differs_from_case_to_case_names_no_cause(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


def test_a_long_reason_does_not_hold_up_the_page() -> None:
    """What a contact wrote may stand in it, and a thousand cases stand on the page: of each character one look."""
    looked = time.process_time()
    for reason in ("a." * 10_000, "(1 " * 10_000, "'" * 10_000, "9" * 10_000):
        assert len(normalised(reason)) <= KEPT
    assert time.process_time() - looked < 2, "it was 20 seconds of the processor"


def test_causes_stay_apart_by_kind_code_and_words() -> None:
    def key(**more: Any) -> str:
        return key_of(
            Failure(
                **{
                    "id": "1",
                    "kind": "undelivered",
                    "conversation": "c",
                    "since": datetime(2026, 1, 1, tzinfo=UTC),
                    **more,
                }
            )
        )

    assert key(reason="63016: a", channel="phone") == key(reason="63016: b", channel="phone")
    assert key(reason="63016: a", channel="phone") != key(reason="63015: a", channel="phone")
    assert key(reason="model: busy") != key(reason="model: no key")
    assert key(reason="x", about="crm/push", kind="task") != key(reason="x", about="mail/push", kind="task")


async def test_what_did_not_arrive_is_one_cause_with_the_channels_sentence_in_ones_language(desk: Any) -> None:
    async with desk(plugins=PLUGINS, tenants={**AT_ONCE, "school": {}}) as server:
        people = [server.contact("Lan"), server.contact("Minh")]
        for contact in people:
            await contact.says("Hello.")
            await contact.hears()
        now, repository = server.server.store.now(), server.repository()
        for number, minutes in enumerate((5, 50, 1)):
            at = now - timedelta(minutes=minutes)
            message = undelivered(f"m{number}", people[number % 2].id, at, f"63016: Failed to send (try {number})")
            assert await repository.insert(MESSAGES, message)
        desk_of = server.server.office.failures
        (cause,) = (await desk_of.causes("clinic", "vi")).causes
        assert (cause.code, cause.cure, cause.people, len(cause.together("dismiss"))) == ("63016", "explained", 2, 3)
        assert cause.text == TwilioWhatsapp.explain("63016", "vi") != TwilioWhatsapp.explain("63016", "en")
        assert (cause.first, cause.last) == (now - timedelta(minutes=50), now - timedelta(minutes=1))
        assert [failure.name for failure in cause.failures] == ["Lan", "Lan", "Minh"]
        assert await desk_of.of_cause("school", cause.key, "dismiss") == ()
        unsure = undelivered("p", people[0].id, now, "may have been sent", state="parked")
        await repository.insert(MESSAGES, unsure)
        unsure_cause = (await desk_of.causes("clinic")).causes[0]
        assert unsure_cause.failures[0].can == ("replay", "dismiss")
        assert (unsure_cause.together("replay"), unsure_cause.together("dismiss")) == ((), ("p",))
        assert (await desk_of.dismiss("clinic", HOA, ["p"])).done == 1
        ids = await desk_of.of_cause("clinic", cause.key, "dismiss")
        assert (await desk_of.dismiss("clinic", HOA, ids)).done == 3
        assert (await desk_of.dismiss("clinic", HOA, ids)).gone == 3, "twice is once"
        assert (await desk_of.causes("clinic")).causes == ()
        audit = await repository.find(AUDIT, {"what": "failure.dismissed"}, order_by="at")
        assert sorted(entry.about for entry in audit) == ["m0", "m1", "m2", "p"] and audit[0].who == "hoa"


async def test_parked_answers_are_replayed_together_but_where_a_person_answers(desk: Any) -> None:
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        people = [server.contact(name) for name in ("Lan", "Minh", "Vy")]
        model = await server.plugin("model")
        for contact in people:
            model.script = [ValueError("no key")]
            await contact.says("Hello.")
            await contact.hears()
        desk_of = server.server.office.failures

        async def three() -> Any:
            causes = (await desk_of.causes("clinic")).causes
            return causes if causes and len(causes[0].failures) == 3 else None

        (cause,) = await server.until("all are parked", three)
        assert (cause.kind, cause.cure, len(cause.together("replay")), cause.together("dismiss")) == (
            "turn",
            "plugin_code",
            3,
            (),
        )
        await server.server.ownership.take("clinic", people[2].id, "Vân")
        done = await desk_of.replay("clinic", HOA, [failure.id for failure in cause.failures])
        assert (done.done, done.theirs) == (2, (people[2].id,))
        for contact in people[:2]:
            assert await contact.hears() == "You said: Hello."
        await server.quiet()
        (left,) = (await desk_of.causes("clinic")).causes
        assert [failure.conversation for failure in left.failures] == [people[2].id]


async def test_a_failed_task_is_done_again_and_a_late_one_only_dismissed(desk: Any) -> None:
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        now, repository = server.server.store.now(), server.repository()
        made = {"plugin": "reminder", "name": "remind", "at": now, "state": "failed", "attempts": 10}
        await repository.insert(TASKS, Task(id="reminder/remind/1", error="no calendar 17", **made))
        await repository.insert(TASKS, Task(id="reminder/remind/2", error="no calendar 4", useful_until=now, **made))
        desk_of = server.server.office.failures
        (cause,) = (await desk_of.causes("clinic")).causes
        assert (cause.kind, cause.about, len(cause.together("retry"))) == ("task", "reminder/remind", 1)
        ids = [failure.id for failure in cause.failures]
        done = await desk_of.retry("clinic", HOA, ids)
        assert (done.done, done.gone) == (1, 1)
        await server.quiet()
        assert (await server.plugin("reminder")).ran == ["reminder/remind/1"]
        assert (await repository.get(TASKS, "reminder/remind/1")).state == "done"
        assert (await desk_of.dismiss("clinic", HOA, ids)).done == 1
        assert (await desk_of.causes("clinic")).causes == ()


async def test_a_due_task_is_cancelled_but_never_one_of_the_cores_own(desk: Any) -> None:
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        at, repository = server.server.store.now() + timedelta(hours=5), server.repository()
        for number in range(3):
            task = Task(id=f"reminder/remind/{number}", plugin="reminder", name="remind", at=at)
            await repository.insert(TASKS, task)
        await repository.insert(TASKS, Task(id="core/erase/c", plugin="core", name="erase", at=at))
        desk_of = server.server.office.failures
        first = await desk_of.due("clinic", limit=2)
        second = await desk_of.due("clinic", first[-1].id, limit=2)
        assert len({task.id for task in (*first, *second)}) == 4
        assert await desk_of.cancel("clinic", HOA, "reminder/remind/1")
        assert not await desk_of.cancel("clinic", HOA, "reminder/remind/1")
        assert not await desk_of.cancel("clinic", HOA, "core/erase/c")
        assert len(await desk_of.due("clinic")) == 3

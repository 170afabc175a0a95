"""The service window: what goes free, as a template, later or never, at any time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.model import BOT, Contact, Conversation, Message, Template
from frontdesk.outbox import policy
from frontdesk.testing.clock import MovableClock
from frontdesk.testing.plugins import Phone, ScriptedModel

NOW = MovableClock().now()
DAY = timedelta(hours=24)
TEMPLATE = Template(id="HX" + "1" * 32, variables={"1": "Lan"})
SECONDS = st.one_of(st.none(), st.floats(-2 * 86400, 0), st.sampled_from([0, -86400, -86399.999, -86340, -86340.001]))


def decision(ago=None, *, kind="text", template=None, window=DAY, author=BOT, useful=None, opted_out=False, now=NOW):
    message = Message(
        id="m", conversation="c", direction="outbound", state="queued", kind=kind, template=template, at=NOW,
        author=author, useful_until=None if useful is None else NOW + timedelta(seconds=useful),
    )  # fmt: skip
    last = None if ago is None else NOW + timedelta(seconds=ago)
    conversation = Conversation(id="c", contact="c", channel="phone", created_at=NOW - DAY, last_inbound_at=last)
    return policy.decide(message, conversation, Contact(id="c", opted_out=opted_out, created_at=NOW), window, now)


@given(
    SECONDS,
    st.sampled_from(["text", "image", "button", "location"]),
    st.sampled_from([BOT, "operator:Hoa", "plugin:x"]),
)
def test_free_words_go_within_a_day_of_the_contacts_last_and_are_held_after_it(ago, kind, author):
    found = decision(ago, kind=kind, author=author)
    open_ = ago is not None and ago > -86340
    assert (found.verdict, bool(found.reason)) == (("free", False) if open_ else ("hold", True))
    assert decision(ago, kind=kind, author=author, template=TEMPLATE).verdict == ("free" if open_ else "template")


@given(SECONDS)
def test_a_template_goes_at_any_time_and_a_channel_without_a_window_takes_everything(ago):
    assert decision(ago, kind="template", template=TEMPLATE).verdict == "template"
    assert decision(ago, window=None).verdict == "free"


@given(SECONDS, st.booleans(), st.sampled_from(["text", "template"]), st.integers(-10, 10))
def test_what_nobody_wants_or_is_too_late_is_refused_with_a_reason_whatever_the_window(ago, out, kind, useful):
    found = decision(ago, kind=kind, template=TEMPLATE, opted_out=out, useful=useful)
    if out:
        assert (found.verdict, found.state) == ("refuse", "withdrawn") and found.reason
    elif useful <= 0:
        assert (found.verdict, found.state) == ("refuse", "expired") and found.reason
    else:
        assert found.verdict != "refuse"


@given(st.floats(-2 * 86400, 0), st.floats(0, 86400))
def test_a_window_that_is_closed_stays_closed_until_the_contact_writes(ago, later):
    at = NOW + timedelta(seconds=later)
    verdicts = [decision(ago).verdict, decision(ago, now=at).verdict]
    assert verdicts != ["hold", "free"]


def test_the_window_closes_a_day_after_the_last_message_or_never_was_open():
    conversation = Conversation(id="c", contact="c", channel="phone", created_at=NOW, last_inbound_at=NOW + DAY)
    assert policy.closes_at(conversation, DAY) == NOW + 2 * DAY
    assert policy.closes_at(conversation, None) is None
    never = Conversation(id="c", contact="c", channel="phone", created_at=NOW)
    assert policy.closes_at(never, DAY) == NOW


class Windowed(Phone):
    """A phone that takes free-form messages for a day."""

    service_window = DAY


@pytest.fixture
def start(desk):
    tenants = {"clinic": {"settle": {"quiet_seconds": 0}, "useful_for": "90 d"}}
    return lambda: desk(plugins={"phone": Windowed, "model": ScriptedModel}, tenants=tenants)


async def test_what_is_held_goes_when_the_contact_writes_and_before_the_answer(start):
    async with start() as server:
        lan, phone = server.contact("Lan"), await server.plugin("phone")
        await lan.says("Chào em.")
        await lan.hears()
        server.clock.advance(86400)
        send = phone.conversations.send
        await send(lan.id, "a", "Chị còn quan tâm không ạ?")
        await send(lan.id, "b", "Nhắc lịch ngày mai.", template=TEMPLATE)
        await send(lan.id, "c", "Nhắc lịch ngày mai 9h.", fallback=TEMPLATE)
        assert [await lan.hears(), await lan.hears()] == ["Nhắc lịch ngày mai.", "Nhắc lịch ngày mai 9h."]
        assert [message.kind for message in (await lan.received())[1:]] == ["template", "template"]
        (held,) = [m for m in await lan.messages() if m.state == "queued"]
        assert held.error.startswith("held until the contact writes") and held.attempts == 0
        assert (await lan.conversation()).awaits_contact

        await lan.says("Chị đây.")
        assert [await lan.hears(), await lan.hears()] == ["Chị còn quan tâm không ạ?", "You said: Chị đây."]
        await send(lan.id, "d", "Trong giờ.", fallback=TEMPLATE)
        assert await lan.hears() == "Trong giờ."
        assert (await server.plugin("phone")).sent[-1].template is None
        await server.quiet()
        assert not (await lan.conversation()).awaits_contact


async def test_what_is_held_goes_at_once_also_if_a_person_answers(start):
    async with start() as server:
        lan, own = server.contact("Lan"), server.server.ownership
        await lan.says("Chào em.")
        await lan.hears()
        await own.take("clinic", lan.id, "Hoa")
        server.clock.advance(2 * 86400)
        await own.say("clinic", lan.id, "Hoa", "Em là Hoa ạ.")

        async def held():
            return (await lan.conversation()).awaits_contact

        await server.until("it is held", held)
        await lan.says("Ừ em.")
        assert await lan.hears() == "Em là Hoa ạ."


async def test_what_is_held_for_too_long_expires(desk):
    async with desk(plugins={"phone": Windowed, "model": ScriptedModel}) as server:
        lan, phone = server.contact("Lan"), await server.plugin("phone")
        await lan.says("Chào em.")
        await lan.hears()
        server.clock.advance(2 * 86400)
        until = server.clock.now() + timedelta(seconds=50)
        await phone.conversations.send(lan.id, "a", "Chị ơi?", useful_until=until)

        async def expired():
            return [m for m in await lan.messages() if m.state == "expired"]

        await server.until("it expires", expired)
        assert [m.text for m in await lan.received()] == ["You said: Chào em."]

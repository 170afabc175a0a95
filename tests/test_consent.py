"""Who may be written to: words for it in many languages, the ledger, and what each standing lets go."""

from __future__ import annotations

import unicodedata
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk import consent
from frontdesk.config import OptOut
from frontdesk.consent_words import LANGUAGES, START, STOP
from frontdesk.model import BOT, Consent, Contact, Message
from frontdesk.store.collections import CONSENTS
from frontdesk.testing.clock import MovableClock

NOW = MovableClock().now()
PLAIN = OptOut()


@pytest.mark.parametrize(
    "text",
    [
        "DỪNG",
        "Dừng lại!",
        "Ngưng nhận tin",
        "Huỷ nhận tin.",
        "Từ chối nhận tin",
        "STOP",
        "stop.",
        "“Stop”",
        "🛑 STOP 🛑️",
        " hủy  đăng ký ",
        "Baja",
        "退订",
        "توقف",
        "หยุด",
        "रोकें",
        "수신 거부",
    ],
)
def test_a_message_that_is_nothing_but_the_word_stops(text):
    assert consent.word_of(text, PLAIN) == "stop"
    assert consent.word_of(unicodedata.normalize("NFD", text), PLAIN) == "stop"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Xe dừng ở đâu ạ?",
        "Please don't stop",
        "stop by tomorrow?",
        "Dung",
        "Chị Dung",
        "hủy",
        "Hủy lịch",
        "cancel",
        "stop " * 50,
    ],
)
def test_a_word_inside_a_sentence_a_name_or_a_cancelled_visit_stops_nothing(text):
    assert consent.word_of(text, PLAIN) is None


@given(st.sampled_from(sorted(STOP | START)), st.sampled_from(["{}", " {}! ", "«{}»", "{}…", "👉 {}"]), st.booleans())
def test_every_word_is_found_in_any_dress_and_no_other_way(word, dress, upper):
    meant = "stop" if word in STOP else "start"
    text = dress.format(word.upper() if upper and word.upper().casefold() == word.casefold() else word)
    assert consent.word_of(text, PLAIN) == meant
    assert consent.word_of(f"{text} xyz", PLAIN) is None


def test_the_words_are_of_twelve_languages_at_least_and_none_means_both():
    assert len(LANGUAGES) >= 12 and not STOP & START
    assert all(len(word) <= consent.LONGEST for word in STOP | START)


def test_a_tenant_has_words_of_its_own():
    own = OptOut(stop_words=("TC", "Thôi nhé"), start_words=("Nhận lại",))
    assert [consent.word_of(text, own) for text in ("tc", "thôi nhé!", "NHẬN LẠI", "Dừng")] == [
        "stop",
        "stop",
        "start",
        "stop",
    ]


def contact(**changes):
    return Contact(id="c", created_at=NOW, **changes)


def entry(by, what, seconds, id="e"):
    at = NOW + timedelta(seconds=seconds)
    return Consent(id=id, contact="c", by=by, what=what, at=at, channel="phone", message=id)


@given(st.lists(st.tuples(st.sampled_from(["stop", "start", "refused"]), st.integers(0, 3)), max_size=8))
def test_only_their_own_word_takes_a_stop_back(said):
    """Whatever the order in which entries are followed, a contact that said stop last is not written to first."""
    who, own, told = contact(), None, None
    for number, (what, seconds) in enumerate(said):
        new = entry("provider" if what == "refused" else "contact", what, seconds, f"e{number}")
        if what == "refused":
            told = new if told is None or new.at >= told.at else told
        else:
            own = new if own is None or new.at >= own.at else own
        who = contact(**(_standing_of(who) | consent.standing(who, own, told)))
        late = NOW + timedelta(seconds=60)
        reminder = Message(id="m", conversation="c", direction="outbound", state="queued", at=late, author="plugin:x")
        answer = Message(id="m", conversation="c", direction="outbound", state="queued", at=late, author=BOT)
        stopped = own is not None and own.what == "stop"
        assert consent.may_go(reminder, who, late) is not stopped
        assert consent.may_go(answer, who, late), "who writes again is answered"
        refused_last = told is not None and (own is None or told.at > own.at)
        assert consent.may_go(answer, who, NOW - timedelta(1)) is not (stopped or refused_last)


def _standing_of(who):
    return {name: getattr(who, name) for name in ("opted_out", "opted_out_at", "opted_out_by", "farewell")}


async def test_stop_gets_one_confirmation_and_no_turn_and_start_takes_it_back(desk):
    async with desk(tenants={"clinic": {"settle": {"quiet_seconds": 5}}}) as server:
        lan, phone = server.contact("Lan"), await server.plugin("phone")
        await lan.says("Giá bao nhiêu vậy em?")
        await lan.says("DỪNG")
        await server.quiet()
        assert await lan.hears() == (
            "Test Clinic sẽ không nhắn tin cho anh/chị nữa ạ. Khi nào muốn nhận tin lại, anh/chị nhắn START giúp em."
        )
        await lan.says("stop")
        await phone.conversations.send(lan.id, "reminder", "Mai chị đến nhé.")
        await server.quiet()
        assert len(await lan.received()) == 1 and await lan.turns() == []
        assert {m.state for m in await lan.messages() if m.direction == "inbound"} == {"answered"}

        await lan.says("Alo?")
        assert await lan.hears() == "You said: Alo?"
        await phone.conversations.send(lan.id, "again", "Mai chị đến nhé.")
        await server.quiet()
        assert len(await lan.received()) == 2, "they are answered, and not written to first"

        await lan.says("Start!")
        assert await lan.hears() == "Dạ, từ bây giờ anh/chị lại nhận được tin nhắn của Test Clinic ạ."
        await phone.conversations.send(lan.id, "third", "Mai chị đến nhé.")
        assert await lan.hears() == "Mai chị đến nhé."
        found = await server.repository().find(CONSENTS, {"contact": lan.id, "by": "contact"}, order_by="at")
        assert [(one.what, one.text) for one in found] == [("stop", "DỪNG"), ("stop", "stop"), ("start", "Start!")]
        messages = {m.id: m for m in await lan.messages()}
        assert [messages[one.message].at for one in found] == [one.at for one in found]
        assert len(await lan.turns()) == 1


async def test_what_an_operator_has_set_an_operator_takes_back_and_nothing_else(desk):
    async with desk() as server:
        lan, clock = server.contact("Lan"), server.server.store.now
        repository = server.repository()

        async def by_hand(word):
            return await consent.by_hand(repository, lan.id, word, "hoa", "phone", clock())

        async def reminded():
            return consent.may_go(
                Message(
                    id="m", conversation=lan.id, direction="outbound", state="queued", at=clock(), author="plugin:x"
                ),
                await lan.contact(),
                (await lan.conversation()).last_inbound_at,
            )

        await lan.says("Chào em")
        assert not await by_hand("start"), "there is nothing to take back"
        assert await by_hand("stop")
        assert not await by_hand("stop") and not await reminded()
        refused = Message(id="r", conversation=lan.id, direction="outbound", state="failed", at=clock())
        await consent.refused(repository, lan.id, refused, "phone", "63032")
        assert not await reminded(), "what the provider says ends by what they write; a hand's does not"
        await lan.says("Em còn đó không?")
        assert not await reminded()
        assert await by_hand("start") and await reminded(), "they have written since the refusal"
        await lan.says("START")
        await server.quiet()
        assert await reminded()
        assert await by_hand("stop")
        await lan.says("Start")
        await server.quiet()
        assert await reminded(), "their own word takes it back"
        await lan.says("STOP")
        await server.quiet()
        assert not await by_hand("start") and not await reminded()
        ledger = await repository.find(CONSENTS, {"contact": lan.id, "by": "operator"}, order_by="at")
        assert [(entry.what, entry.text) for entry in ledger] == [("stop", "hoa"), ("start", "hoa"), ("stop", "hoa")]


async def test_what_two_names_of_one_person_said_last_counts_for_both(desk):
    async with desk(tenants={"clinic": {"settle": {"quiet_seconds": 0}}}) as server:
        lan, linh, repository = server.contact("Lan"), server.contact("Linh"), server.repository()
        for who in (lan, linh):
            await who.says("Chào em.")
            await who.hears()
        await linh.says("DỪNG")
        await linh.hears()
        for _ in range(2):
            await consent.inherit(repository, linh.id, lan.id)
        assert (await lan.contact()).opted_out_by == "stop"
        await lan.says("start")
        assert "lại nhận được tin nhắn" in await lan.hears()
        await consent.inherit(repository, linh.id, lan.id)
        assert not (await lan.contact()).opted_out


async def test_start_from_who_may_be_written_to_is_a_word_like_any_other(desk):
    async with desk(tenants={"clinic": {"settle": {"quiet_seconds": 0}}}) as server:
        lan = server.contact("Lan")
        await lan.says("START")
        assert await lan.hears() == "You said: START"
        assert await server.repository().find(CONSENTS, {}, order_by="at") == []


async def test_a_word_that_the_inbox_died_over_is_heeded_by_the_turn(desk, monkeypatch):
    async with desk(tenants={"clinic": {"settle": {"quiet_seconds": 0}, "opt_out": {"confirm": False}}}) as server:
        lan = server.contact("Lan")
        real, calls = consent.take, []

        async def dies(*arguments):
            calls.append(arguments)
            if len(calls) == 1:
                raise RuntimeError("the process dies here")
            return await real(*arguments)

        monkeypatch.setattr(consent, "take", dies)
        with pytest.raises(RuntimeError):
            await lan.says("DỪNG")

        async def stopped():
            return (await lan.contact()).opted_out

        await server.until("it is heeded", stopped)
        await server.quiet()
        assert await lan.received() == [] and await lan.turns() == []

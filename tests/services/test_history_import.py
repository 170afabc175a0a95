"""What an earlier bot kept becomes the beginning of conversations: in order, once, and starting nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.channel import Inbound, WrittenContact
from frontdesk.clock import SystemClock
from frontdesk.config import TenantConfig
from frontdesk.inbox import Inbox
from frontdesk.model import Message
from frontdesk.people import People
from frontdesk.queue.local import LocalQueue
from frontdesk.services.history_file import Said, Unreadable, read
from frontdesk.services.history_import import STEP, HistoryImport, placed, region_of
from frontdesk.store import Store
from frontdesk.store.collections import CONTACTS, CONVERSATIONS, IDENTITIES, MESSAGES, TURNS
from frontdesk.store.sqlite import SqliteStore

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
LAN = WrittenContact(external_id="whatsapp:+84901234567", address="whatsapp:+14155238886", phone="+84901234567")
CHANNEL = "twilio_whatsapp"
PEOPLE = People(b"a key of this installation")
ID = PEOPLE.id_of("acme", CHANNEL, LAN.external_id)


def tenant(**more: Any) -> TenantConfig:
    return TenantConfig.model_validate(
        {"id": "acme", "name": "Acme", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi", **more}
    )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = SqliteStore(tmp_path / "store.db", SystemClock())
    await store.open()
    yield store
    await store.close()


def talk(count: int, start: datetime | None = None) -> list[Said]:
    """*count* messages, the contact's and the bot's by turns; every fifth says the same."""
    return [
        Said(
            "outbound" if n % 2 else "inbound",
            "dạ" if n % 5 == 0 else f"lời {n}",
            None if start is None else start + n * timedelta(hours=1),
        )
        for n in range(count)
    ]


async def said(store: Store) -> list[Message]:
    return await store.for_tenant("acme").find(MESSAGES, {"conversation": ID}, order_by="at", limit=1000)


def texts(messages: list[Message] | list[Said]) -> list[str]:
    return [each.text for each in messages]


async def writes(store: Store, text: str, provider_id: str) -> None:
    inbound = Inbound(provider_id=provider_id, external_id=LAN.external_id, address=LAN.address, text=text)
    await Inbox(store, LocalQueue("", SystemClock()), PEOPLE).accept(tenant(), CHANNEL, inbound)


async def test_a_history_is_answered_in_order_and_starts_nothing(store: Store) -> None:
    before = store.now()
    counted = await HistoryImport(store, PEOPLE, tenant(), CHANNEL).add(LAN, talk(12))
    assert (counted.added, counted.there) == (12, 0)
    messages = await said(store)
    assert texts(messages) == texts(talk(12))
    assert {(m.direction, m.author, m.state) for m in messages} == {
        ("inbound", "contact", "answered"),
        ("outbound", "bot", "sent"),
    }
    assert all(m.at < before for m in messages) and messages[0].at >= before - 13 * STEP
    assert await store.due.count() == 0
    acme = store.for_tenant("acme")
    assert await acme.find(TURNS, {}, limit=1) == []
    conversation = await acme.get(CONVERSATIONS, ID)
    assert conversation is not None and conversation.unanswered_since is None and conversation.inbound_seq == 0
    assert conversation.address == LAN.address


async def test_a_second_import_adds_nothing_and_a_longer_file_its_new_end(store: Store) -> None:
    first = HistoryImport(store, PEOPLE, tenant(), CHANNEL)
    await first.add(LAN, talk(7))
    kept = await said(store)
    assert (await first.add(LAN, talk(7))).added == 0
    assert await said(store) == kept
    assert (await first.add(LAN, talk(11))).added == 4
    assert texts(await said(store)) == texts(talk(11))
    assert (await said(store))[:7] == kept


async def test_who_writes_later_has_one_conversation_with_that_history(store: Store) -> None:
    await HistoryImport(store, PEOPLE, tenant(), CHANNEL).add(LAN, talk(4))
    await writes(store, "em chào chị", "SM1")
    assert texts(await said(store)) == [*texts(talk(4)), "em chào chị"]
    assert len(await store.for_tenant("acme").find(CONVERSATIONS, {}, limit=10)) == 1
    assert await store.due.get("turn", "acme", ID) is not None


async def test_a_conversation_that_is_there_is_extended_in_front_and_not_disturbed(store: Store) -> None:
    await writes(store, "hôm nay", "SM1")
    acme = store.for_tenant("acme")
    before = await acme.get(CONVERSATIONS, ID), await acme.get(CONTACTS, ID), await store.due.get("turn", "acme", ID)
    later = talk(6, start=store.now() - timedelta(hours=5, minutes=1))
    await HistoryImport(store, PEOPLE, tenant(), CHANNEL).add(LAN, later)
    messages = await said(store)
    assert texts(messages) == [*texts(later), "hôm nay"]
    assert messages[0].at == later[0].at
    assert before == (
        await acme.get(CONVERSATIONS, ID),
        await acme.get(CONTACTS, ID),
        await store.due.get("turn", "acme", ID),
    )
    await HistoryImport(store, PEOPLE, tenant(), CHANNEL).add(LAN, [*later, Said("inbound", "đuôi", None)])
    assert texts(await said(store)) == [*texts(later), "đuôi", "hôm nay"]


async def test_what_claims_to_be_later_than_what_follows_is_put_in_front_of_it(store: Store) -> None:
    await writes(store, "hôm nay", "SM1")
    future = talk(4, start=store.now() + timedelta(days=1))
    await HistoryImport(store, PEOPLE, tenant(), CHANNEL).add(LAN, future)
    await HistoryImport(store, PEOPLE, tenant(), CHANNEL).add(LAN, [*future, Said("inbound", "đuôi", None)])
    assert texts(await said(store)) == [*texts(future), "đuôi", "hôm nay"]


async def test_a_dry_run_writes_nothing(store: Store) -> None:
    assert (await HistoryImport(store, PEOPLE, tenant(), CHANNEL, dry_run=True).add(LAN, talk(3))).added == 3
    assert await store.bulk.tenants() == []


async def test_an_import_that_was_cut_off_is_completed_by_the_next(store: Store) -> None:
    repeated = HistoryImport(store, PEOPLE, tenant(), CHANNEL)
    await repeated.add(LAN, talk(9))
    whole = await said(store)
    for message in (whole[2], whole[7]):
        assert await store.for_tenant("acme").delete(MESSAGES, message)
    assert (await repeated.add(LAN, talk(9))).added == 2
    assert texts(await said(store)) == texts(talk(9))


async def test_staff_is_staff(store: Store) -> None:
    await HistoryImport(store, PEOPLE, tenant(staff=["+84901234567"]), CHANNEL).add(LAN, talk(1))
    contact = await store.for_tenant("acme").get(CONTACTS, ID)
    assert contact is not None and (contact.kind, contact.phone) == ("staff", "+84901234567")
    assert await store.for_tenant("acme").get(IDENTITIES, f"{CHANNEL}:{LAN.external_id}") is not None


moments = st.integers(-2_000_000_000, 100_000_000).map(lambda seconds: NOON + timedelta(seconds=seconds))


@given(st.lists(st.none() | moments, max_size=30))
def test_times_are_in_order_and_before_what_follows(fixed: list[datetime | None]) -> None:
    times = placed(fixed, NOON)
    assert all(earlier < later for earlier, later in zip([*times], [*times[1:], NOON], strict=False))


def test_a_time_that_can_be_is_kept_and_one_that_is_missing_lies_between() -> None:
    early, late = NOON - timedelta(days=2), NOON - timedelta(days=1)
    times = placed([early, None, late, None], NOON)
    assert (times[0], times[2]) == (early, late)
    assert times[1] == early + STEP and times[3] == late + STEP


@pytest.mark.parametrize(
    ("zone", "language", "region"),
    [("Asia/Ho_Chi_Minh", "vi", "VN"), ("Europe/London", "en-GB", "GB"), ("UTC", "en-GB", "GB"), ("UTC", "en", "")],
)
def test_national_numbers_are_of_the_tenants_country(zone: str, language: str, region: str) -> None:
    assert region_of(tenant(time_zone=zone, language=language)) == region


def test_a_file_is_read_as_far_as_it_can_be_and_the_rest_is_told(tmp_path: Path) -> None:
    path = tmp_path / "conversation_histories.json"
    data = {
        "a": [
            {"role": "system", "content": "You are a receptionist."},
            {"role": "user", "content": "Chào", "timestamp": "2026-11-22T19:00:00"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
            {"role": "tool", "content": "{}"},
            {"role": "assistant", "content": [{"type": "text", "text": "Dạ"}, {"type": "text", "text": "em đây"}]},
            {"role": "narrator", "content": "x"},
            {"role": "user", "content": "  "},
            {"role": "user", "content": 7},
            "text",
            {"role": "user", "content": "giờ", "at": 1795348800000},
            {"role": "user", "content": "lạ", "time": "yesterday"},
        ],
        "b": {"role": "user"},
    }
    path.write_text(json.dumps(data), "utf-8")
    history = read(path, HANOI)
    assert history.contacts == {
        "a": [
            Said("inbound", "Chào", NOON),
            Said("outbound", "Dạ\nem đây", None),
            Said("inbound", "giờ", datetime(2026, 11, 22, 12, 0, tzinfo=UTC)),
            Said("inbound", "lạ", None),
        ]
    }
    assert history.unsaid == 3
    places = [sentence.partition(":")[0] for sentence in history.wrong]
    assert places == ["a[5]", "a[6]", "a[7]", "a[8]", "a[10]", "b"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is not JSON"),
        (b"[]", "no map of contact"),
        (b'{"a": "\xff"}', "is not UTF-8: byte 7"),
        (None, "No such"),
    ],
)
def test_what_is_no_such_file_is_said(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "h.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Unreadable, match=words):
        read(path, HANOI)

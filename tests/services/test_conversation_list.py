"""The operators' list of conversations: filters, pages, search, rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from frontdesk.clock import SystemClock
from frontdesk.config import Times
from frontdesk.model import NOBODY, Commit, Contact, Conversation, Message, Turn
from frontdesk.registry import Registry
from frontdesk.services import conversation_list
from frontdesk.services.conversation_list import BadCursor, ConversationList, Counts, Filters
from frontdesk.services.conversation_rows import Row
from frontdesk.store import Insert, Repository
from frontdesk.store.collections import CONTACTS, CONVERSATIONS, MESSAGES, TURNS
from frontdesk.store.sqlite import SqliteStore
from frontdesk.store.words import marked, words_of
from frontdesk.testing.plugins import Phone

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NAMES = ("Nguyễn Thị Hằng", "Đặng Văn Lâm", "Anna Schmidt", "Trần Quốc Bảo", "Lê Ngọc Ánh", "Olga")


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "store.db", SystemClock())
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def clinic(store: SqliteStore) -> Repository:
    return store.for_tenant("clinic")


@pytest.fixture
def listing(store: SqliteStore) -> ConversationList:
    registry = Registry(Times())
    registry.register("phone", Phone)
    return ConversationList(store, registry)


async def met(repository: Repository, number: int, *, says: str = "xin chào", **more: Any) -> Conversation:
    """The conversation `cNUMBER`, whose contact wrote in minute NUMBER."""
    id, name = f"c{number}", NAMES[number % len(NAMES)]
    defaults = {"last_inbound_at": at(number), "channel": "phone"}
    conversation = Conversation(id=id, contact=id, created_at=at(0), **(defaults | more))
    await repository.write(
        Insert(CONTACTS, Contact(id=id, name=name, phone=f"+8490123450{number}", created_at=at(0))),
        Insert(CONVERSATIONS, conversation),
        Insert(MESSAGES, message(number, at(number), text=says)),
    )
    return conversation


def message(number: int, when: datetime, **more: Any) -> Message:
    defaults = {"direction": "inbound", "state": "answered", "author": "contact"}
    return Message(id=f"m{number}-{when:%H%M%S%f}", conversation=f"c{number}", at=when, **(defaults | more))


async def ids(listing: ConversationList, me: str = "lan", after: str = "", **asked: Any) -> list[str]:
    return [row.id for row in (await listing.page("clinic", me, Filters(**asked), after=after)).rows]


async def one(listing: ConversationList, id: str) -> Row:
    row = await listing.row("clinic", id)
    assert row is not None
    return row


async def test_the_one_whose_contact_wrote_last_comes_first_and_pages_go_on(
    clinic: Repository, listing: ConversationList
) -> None:
    for number in range(6):
        await met(clinic, number)
    await clinic.insert(CONVERSATIONS, Conversation(id="silent", contact="silent", channel="phone", created_at=at(9)))
    shown: list[str] = []
    after = ""
    for _ in range(10):
        page = await listing.page("clinic", "lan", Filters(), after=after, limit=3)
        shown += [row.id for row in page.rows]
        if not (after := page.after):
            break
    assert shown == ["c5", "c4", "c3", "c2", "c1", "c0", "silent"]


async def test_a_page_begins_where_the_one_before_ended_though_conversations_have_moved(
    clinic: Repository, listing: ConversationList
) -> None:
    for number in range(4):
        await met(clinic, number)
    first = await listing.page("clinic", "lan", Filters(), limit=2)
    last = first.rows[-1].conversation
    assert await clinic.update(CONVERSATIONS, last, last_inbound_at=at(60)) is not None
    assert await ids(listing, after=first.after) == ["c1", "c0"]


@pytest.mark.parametrize("wrong", ["x", "12", "~", "12~", "-1~c", "9" * 20 + "~c", "9" * 15 + "~c", "1.5~c", "²~c"])
async def test_a_cursor_that_is_none_is_refused(listing: ConversationList, wrong: str) -> None:
    with pytest.raises(BadCursor):
        await listing.page("clinic", "lan", Filters(), after=wrong)


async def test_filters_can_be_combined(clinic: Repository, listing: ConversationList) -> None:
    await met(clinic, 0)
    await met(clinic, 1, owner="operator:lan", unanswered_since=at(1), temperature="hot")
    await met(clinic, 2, owner="operator:minh")
    await met(clinic, 3, owner=NOBODY, unanswered_since=at(3), owner_since=at(3))
    await met(clinic, 4, temperature="hot")
    await met(clinic, 5, owner="operator:minh", unanswered_since=at(5), temperature="cold")
    for number in (1, 3, 5):
        waiting = message(number, at(number + 0.5), state="received")
        await clinic.insert(MESSAGES, waiting)
    assert await ids(listing, owner="bot") == ["c4", "c0"]
    assert await ids(listing, owner="me") == ["c1"]
    assert await ids(listing, owner="nobody") == ["c3"]
    assert await ids(listing, owner="others") == ["c5", "c2"]
    assert await ids(listing, me="minh", owner="others") == ["c1"]
    assert await ids(listing, temperature="hot") == ["c4", "c1"]
    assert await ids(listing, unanswered=True) == ["c5", "c3", "c1"]
    assert await ids(listing, unanswered=True, owner="others") == ["c5"]
    assert await ids(listing, temperature="hot", owner="bot") == ["c4"]
    assert await ids(listing, temperature="hot", unanswered=True, owner="me") == ["c1"]
    assert await ids(listing, temperature="warm") == []
    assert await listing.counts("clinic", "minh") == Counts(mine=2, nobody=1, parked=0)


async def test_what_waits_is_listed_once_however_much_of_it_waits(
    clinic: Repository, listing: ConversationList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation_list, "AT_ONCE", 2)
    for number in range(3):
        await met(clinic, number, unanswered_since=at(10))
        for minute in range(3):
            await clinic.insert(MESSAGES, message(number, at(10 + 3 * minute + number), state="received"))
    first = await listing.page("clinic", "lan", Filters(unanswered=True), limit=2)
    rest = await listing.page("clinic", "lan", Filters(unanswered=True), limit=9, after=first.after)
    assert [row.id for row in (*first.rows, *rest.rows)] == ["c2", "c1", "c0"]


async def test_parked_and_failed(clinic: Repository, listing: ConversationList) -> None:
    await met(clinic, 0)
    parked = Commit(turn="c1.1", state="parked", finished=True)
    await met(clinic, 1, last_commit=parked, unanswered_since=at(1), owner=NOBODY)
    await met(clinic, 2, last_commit=replace(parked, turn="c2.1"))
    for number, when in ((1, at(1)), (2, at(2))):
        turn = Turn(id=f"c{number}.1", conversation=f"c{number}", no=1, state="parked", opened_at=when)
        await clinic.insert(TURNS, turn)
    sent = {"direction": "outbound", "author": "bot"}
    for number in (3, 4, 5):
        await met(clinic, number)
        await clinic.insert(MESSAGES, message(number, at(number + 20), state="failed", error="63016: window", **sent))
    (said_again,) = await clinic.find(MESSAGES, {"id": f"m4-{at(24):%H%M%S%f}"})
    again = replace(said_again, id=f"{said_again.id}.again", again_of=said_again.id, state="delivered", at=at(25))
    await clinic.insert(MESSAGES, again)
    (dismissed,) = await clinic.find(MESSAGES, {"id": f"m5-{at(25):%H%M%S%f}"})
    await clinic.update(MESSAGES, dismissed, dismissed=True)

    assert await ids(listing, parked=True) == ["c1"], "the other was answered by a person"
    assert await ids(listing, failed=True) == ["c3"], "one was said again, one is dismissed"
    assert [(await one(listing, f"c{number}")).failed for number in range(6)] == [False] * 3 + [True, False, False]
    assert (await one(listing, "c1")).parked and not (await one(listing, "c2")).parked
    assert (await listing.counts("clinic", "lan")).parked == 2


async def test_a_row_has_what_was_said_last_and_no_draft(clinic: Repository, listing: ConversationList) -> None:
    await met(clinic, 0, owner=NOBODY, owner_since=at(2))
    sent = {"direction": "outbound", "author": "bot", "text": "Dạ vâng"}
    await clinic.insert(MESSAGES, message(0, at(1), state="delivered", **sent))
    await clinic.insert(MESSAGES, message(0, at(2), state="proposed", **sent))
    await clinic.insert(MESSAGES, message(0, at(3), state="withdrawn", **sent))
    row = await one(listing, "c0")
    assert row.said is not None and (row.said.text, row.said.state) == ("Dạ vâng", "delivered")
    assert (row.name, row.phone, row.at) == ("Nguyễn Thị Hằng", "+84901234500", at(0))
    assert row.waiting_since == at(2) and not row.needs_somebody


async def test_what_became_a_part_of_another_or_is_being_erased_is_in_no_list(
    clinic: Repository, listing: ConversationList
) -> None:
    await met(clinic, 0, merged=("c1",))
    await met(clinic, 1, merged_into="c0", says="mấy giờ mở cửa")
    await met(clinic, 2, erased_at=at(3))
    assert await ids(listing) == ["c0"]
    assert (await one(listing, "c0")).said == await clinic.get(MESSAGES, f"m1-{at(1):%H%M%S%f}")
    assert await ids(listing, text="mở cửa") == ["c0"]
    assert await listing.row("clinic", "c2") is None


async def test_a_search_finds_names_numbers_and_what_was_said(clinic: Repository, listing: ConversationList) -> None:
    said = ("đặt phòng đôi", "bao nhiêu tiền", "double room", "đặt bàn", "Hằng ơi", "số 0901234500 nhé")
    for number, text in enumerate(said):
        await met(clinic, number, says=text, owner="operator:lan" if number % 2 else "bot")
    assert await ids(listing, text="dat") == ["c3", "c0"]
    assert await ids(listing, text="ĐẶT phong") == ["c0"]
    assert await ids(listing, text="hang") == ["c0", "c4"], "who is called so comes before what was said"
    assert await ids(listing, text="nguy") == ["c0"]
    assert await ids(listing, text="dang van") == ["c1"]
    assert await ids(listing, text="0901 234 503") == ["c3"]
    assert await ids(listing, text="0901234500") == ["c0", "c5"]
    assert await ids(listing, text="dat", owner="me") == ["c3"]
    assert await ids(listing, text="nothing like it") == []
    page = await listing.page("clinic", "lan", Filters(text="dat"))
    assert [row.found.text if row.found else "" for row in page.rows] == ["đặt bàn", "đặt phòng đôi"]


async def test_a_search_goes_on_page_by_page(clinic: Repository, listing: ConversationList) -> None:
    for number in range(6):
        await met(clinic, number, says="chào Olga" if number % 2 else "xin chào")
    shown, after = [], ""
    for _ in range(9):
        page = await listing.page("clinic", "lan", Filters(text="olga"), after=after, limit=1)
        shown += [row.id for row in page.rows]
        if not (after := page.after):
            break
    assert shown == ["c5", "c3", "c1"], "c5 is called so, and is not shown again for what it said"


def test_too_little_to_search_for() -> None:
    assert not Filters(text="a").searches and not Filters(text="?!").searches and not Filters(text="+").searches
    assert Filters(text="ạ ơi").searches and Filters(text="4567").searches


async def test_a_page_that_finds_little_ends_and_can_be_gone_on_with(
    clinic: Repository, listing: ConversationList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation_list, "MOST_LOOKED_AT", 2)
    for number in range(5):
        await met(clinic, number, temperature="hot", owner="bot" if number == 1 else NOBODY)
    first = await listing.page("clinic", "lan", Filters(owner="bot", temperature="hot"))
    assert first.rows == () and first.after
    second = await listing.page("clinic", "lan", Filters(owner="bot", temperature="hot"), after=first.after)
    assert [row.id for row in second.rows] == ["c1"]


def test_what_was_found_is_marked_in_its_own_letters() -> None:
    assert marked("Em muốn ĐẶT phòng", words_of("dat phong")) == [
        ("Em muốn ", False),
        ("ĐẶT", True),
        (" ", False),
        ("phòng", True),
    ]
    begun = marked("x" * 100 + " đặt", words_of("dat"))
    assert begun[0] == ("…", False) and begun[-1] == ("đặt", True) and len(begun[1][0]) == 60
    assert marked("nothing", ("dat",)) == [("nothing", False)] and marked("", ("dat",)) == []

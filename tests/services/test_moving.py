"""A store is moved whole, goes on after an interruption, and is not done before both hold the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from frontdesk.clock import SystemClock
from frontdesk.model import Chore, Contact, Message
from frontdesk.services import moving
from frontdesk.services.moving import GIVEN_UP, LEFT, MARK, Move, MoveRefused, check_whole, give_up
from frontdesk.store import Insert, Store, StoreError, StoreUnavailable
from frontdesk.store.bulk import PAGE
from frontdesk.store.collections import CHORES, CONTACTS, DUE, MESSAGES
from frontdesk.store.sqlite import SqliteStore

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MANY = PAGE * 2 + 10


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[list[Store]]:
    """A store with two tenants' documents and a due row, and an empty one."""
    async with AsyncExitStack() as stack:
        opened = []
        for name in ("old.db", "new.db"):
            store = SqliteStore(tmp_path / name, SystemClock())
            await store.open()
            stack.push_async_callback(store.close)
            opened.append(store)
        await opened[0].for_tenant("acme").write(*(Insert(MESSAGES, message(n)) for n in range(MANY)))
        await opened[0].for_tenant("zen").insert(CONTACTS, Contact(id="c", name="Hằng", created_at=NOON))
        await opened[0].due.put("turn", "acme", "c", NOON)
        await opened[0].shared.insert(CHORES, Chore(id="retention", next_at=NOON))
        yield opened


def message(n: int) -> Message:
    return Message(id=f"m{n:04}", conversation="c", direction="inbound", state="answered", text=f"số {n}", at=NOON)


def move(stores: list[Store], origin: str = "old.db", told: list[tuple[str, int]] | None = None) -> Move:
    return Move(
        stores[0],
        stores[1],
        origin,
        "new.db",
        lambda name, count: (told if told is not None else []).append((name, count)),
    )


async def test_everything_is_moved_and_the_target_is_whole_then(stores: list[Store]) -> None:
    told: list[tuple[str, int]] = []
    moved = await move(stores, told=told).run()
    assert moved.sums["messages"]["acme"][0] == MANY
    assert moved.sums["contacts"]["zen"][0] == moved.sums["due"][""][0] == moved.sums["chores"][""][0] == 1
    assert [each for each in told if each[0] == "messages"][-1] == ("messages", MANY)
    await check_whole(stores[1])
    assert await stores[1].due.get("turn", "acme", "c") == await stores[0].due.get("turn", "acme", "c")
    assert await stores[1].for_tenant("zen").get(CONTACTS, "c") == await stores[0].for_tenant("zen").get(CONTACTS, "c")


async def test_a_second_move_finds_it_done(stores: list[Store]) -> None:
    first = await move(stores).run()
    second = await move(stores).run()
    assert (first.before, second.before, second.sums) == (False, True, first.sums)


async def test_nobody_serves_from_what_was_moved_or_is_being_moved(
    stores: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    await check_whole(stores[0])
    await interrupted(stores, monkeypatch)
    with pytest.raises(
        StoreError, match=r"it was moved to new\.db, or is being moved there: let `server\.store` name that"
    ):
        await check_whole(stores[0])
    await move(stores).run()
    assert await stores[1].shared.get(CHORES, LEFT) is None
    with pytest.raises(StoreError, match=r"it was moved to new\.db"):
        await check_whole(stores[0])


async def test_a_move_back_opens_the_old_store_again_and_closes_the_new_one(stores: list[Store]) -> None:
    await move(stores).run()
    assert (await Move(stores[1], stores[0], "new.db", "old.db", lambda *_: None).run()).before
    await check_whole(stores[0])
    with pytest.raises(StoreError, match=r"it was moved to old\.db"):
        await check_whole(stores[1])


async def interrupted(stores: list[Store], monkeypatch: pytest.MonkeyPatch) -> None:
    """The target goes away after its second page of messages."""
    add, pages = stores[1].bulk.add, []

    async def away(collection: Any, documents: Any) -> None:
        if collection is MESSAGES:
            pages.append(documents)
            if len(pages) > 2:
                raise StoreUnavailable("away")
        await add(collection, documents)

    with monkeypatch.context() as patched:
        patched.setattr(stores[1].bulk, "add", away)
        with pytest.raises(StoreUnavailable):
            await move(stores).run()


async def test_an_interrupted_move_is_no_store_to_serve_from_and_goes_on_where_it_was(
    stores: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    await interrupted(stores, monkeypatch)
    with pytest.raises(StoreError, match=r"the move from old\.db into it has not ended"):
        await check_whole(stores[1])
    told: list[tuple[str, int]] = []
    moved = await move(stores, told=told).run()
    assert moved.sums["messages"]["acme"][0] == MANY
    assert [each for each in told if each[0] == "messages"] == [("messages", 10)], "only what was not there yet"
    await check_whole(stores[1])


async def test_a_move_that_is_given_up_opens_its_source_and_closes_its_target_for_good(
    stores: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    await interrupted(stores, monkeypatch)
    await give_up(stores[0], stores[1], "old.db", "new.db")
    await check_whole(stores[0])
    with pytest.raises(StoreError, match=r"the move from old\.db into it was given up: name another store"):
        await check_whole(stores[1])
    with pytest.raises(MoveRefused, match=r"from old\.db into the target was given up: name another store"):
        await move(stores).run()
    await check_whole(stores[0])
    with pytest.raises(MoveRefused, match="there is nothing to open"):
        await give_up(stores[0], stores[1], "old.db", "new.db")


async def test_giving_up_goes_on_where_it_was_interrupted_and_needs_no_target_that_is_lost(
    stores: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    await interrupted(stores, monkeypatch)
    with monkeypatch.context() as patched:
        patched.setattr(stores[0].shared, "delete", _away)
        with pytest.raises(StoreUnavailable):
            await give_up(stores[0], stores[1], "old.db", "new.db")
    with pytest.raises(StoreError, match="is being moved there"):
        await check_whole(stores[0])
    await give_up(stores[0], stores[1], "old.db", "new.db")
    await check_whole(stores[0])
    await stores[0].shared.insert(CHORES, Chore(id=LEFT, next_at=NOON, about="lost.db"))
    await give_up(stores[0], None, "old.db", "lost.db")
    await check_whole(stores[0])


async def _away(*_: Any) -> bool:
    raise StoreUnavailable("away")


async def test_a_move_that_has_ended_or_is_another_ones_is_not_given_up(
    stores: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    await interrupted(stores, monkeypatch)
    with pytest.raises(MoveRefused, match=r"being moved to new\.db"):
        await give_up(stores[0], stores[1], "old.db", "other.db")
    with pytest.raises(MoveRefused, match=r"half of a move from old\.db, not from FROM"):
        await give_up(stores[0], stores[1], "other.db", "new.db")
    await move(stores).run()
    with pytest.raises(MoveRefused, match="the move has ended"):
        await give_up(stores[0], stores[1], "old.db", "new.db")
    await check_whole(stores[1])
    with pytest.raises(StoreError, match=r"it was moved to new\.db"):
        await check_whole(stores[0])


async def test_a_move_that_is_given_up_while_it_compares_does_not_end_as_done(
    stores: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    sums = moving._sums

    async def meanwhile(store: Store, collection: Any) -> Any:
        if collection is MESSAGES and store is stores[1]:
            await give_up(stores[0], stores[1], "old.db", "new.db")
        return await sums(store, collection)

    monkeypatch.setattr(moving, "_sums", meanwhile)
    with pytest.raises(MoveRefused, match="or has given the move up"):
        await move(stores).run()
    mark = await stores[1].shared.get(CHORES, MARK)
    assert mark is not None and mark.after == GIVEN_UP
    await check_whole(stores[0])


async def test_a_target_that_is_empty_again_is_closed_and_its_source_opened(
    stores: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    await stores[0].shared.insert(CHORES, Chore(id=LEFT, next_at=NOON, about="new.db"))
    await give_up(stores[0], stores[1], "old.db", "new.db")
    await check_whole(stores[0])
    with pytest.raises(StoreError, match="given up"):
        await check_whole(stores[1])


async def test_nobody_goes_on_with_another_store(stores: list[Store], monkeypatch: pytest.MonkeyPatch) -> None:
    await interrupted(stores, monkeypatch)
    with pytest.raises(MoveRefused, match=r"half of a move from old\.db"):
        await move(stores, "other.db").run()
    with pytest.raises(StoreError, match="has not ended"):
        await move(stores[::-1], "new.db").run()


async def test_what_is_not_empty_is_left_alone(stores: list[Store]) -> None:
    await stores[1].for_tenant("other").insert(CONTACTS, Contact(id="x", created_at=NOON))
    with pytest.raises(MoveRefused, match="not empty"):
        await move(stores).run()
    assert await stores[1].bulk.tenants() == ["other"]
    await check_whole(stores[1])


async def test_a_source_that_was_written_meanwhile_is_told_and_the_target_stays_closed(
    stores: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    await interrupted(stores, monkeypatch)
    moved = await stores[0].for_tenant("acme").get(MESSAGES, "m0000")
    assert moved is not None
    await stores[0].for_tenant("acme").update(MESSAGES, moved, text="changed")
    with pytest.raises(MoveRefused, match=rf"messages differs \(acme: {MANY} documents and {MANY}\)"):
        await move(stores).run()
    with pytest.raises(StoreError, match="has not ended"):
        await check_whole(stores[1])


async def test_what_the_target_cannot_keep_is_named(stores: list[Store], monkeypatch: pytest.MonkeyPatch) -> None:
    add = stores[1].bulk.add

    async def choosy(collection: Any, documents: Any) -> None:
        if any(each.id == "m0007" for each in documents):
            raise ValueError("too large")
        await add(collection, documents)

    monkeypatch.setattr(stores[1].bulk, "add", choosy)
    with pytest.raises(MoveRefused, match="messages of tenant acme: the target cannot keep the document m0007"):
        await move(stores).run()


async def test_two_moves_into_one_target_do_not_both_go_on(
    stores: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    await interrupted(stores, monkeypatch)
    mark = await stores[1].shared.get(CHORES, MARK)
    assert mark is not None
    mover = move(stores)
    await stores[1].shared.update(CHORES, mark, after=mark.after)
    with pytest.raises(MoveRefused, match="another"):
        await mover._reached(replace(mark, after="x"), "x")


async def test_what_this_release_does_not_know_is_not_left_behind(
    stores: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def letters() -> list[str]:
        return ["letters"]

    monkeypatch.setattr(stores[0].bulk, "unknown", letters)
    with pytest.raises(MoveRefused, match="letters, which this release does not know"):
        await move(stores).run()
    assert moving.COLLECTIONS[-1] is CHORES and DUE in moving.COLLECTIONS

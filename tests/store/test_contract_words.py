"""Documents are found by their words, in every back end alike."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from frontdesk.model import Message
from frontdesk.store import Delete, Insert, QueryError, Store, Update
from frontdesk.store.bulk import Stored
from frontdesk.store.collections import CONTACTS, CONVERSATIONS, MESSAGES, Collection
from frontdesk.store.words import digits_of, words_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def said(store: Store, sample: Any, *texts: str, tenant: str = "acme") -> list[Message]:
    """Messages `m0`, `m1` …, a minute apart."""
    messages = [
        sample(MESSAGES, f"m{number}", text=text, at=NOON + timedelta(minutes=number))
        for number, text in enumerate(texts)
    ]
    for message in messages:
        assert await store.for_tenant(tenant).insert(MESSAGES, message)
    return messages


async def found(store: Store, text: str, collection: Collection[Any] = MESSAGES, tenant: str = "acme") -> list[str]:
    return [each.id for each in await store.for_tenant(tenant).search(collection, words_of(text))]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("đặt phòng", ["m1", "m0"]),
        ("dat phong", ["m1", "m0"]),
        ("Phong ĐẶT", ["m1", "m0"]),
        ("\u0111a\u0323\u0306t pho\u0300ng", ["m1", "m0"]),
        ("PHÒNG", ["m3", "m1", "m0"]),
        ("đạt", ["m2", "m1", "m0"]),
    ],
)
async def test_words_are_found_with_and_without_diacritics_in_any_case(
    store: Store, sample: Any, asked: str, expected: list[str]
) -> None:
    await said(store, sample, "Em muốn ĐẶT phòng ạ", "dat  mot-phong!", "Đạt hỏi giá", "phong bì")
    assert await found(store, asked) == expected


async def test_a_word_is_found_whole_and_every_word_is_needed(store: Store, sample: Any) -> None:
    await said(store, sample, "Straße 12, 3rd floor", "привет, Мир", "floor", "")
    assert await found(store, "straße") == ["m0"]
    assert await found(store, "МИР") == ["m1"]
    assert await found(store, "floor 12") == ["m0"]
    assert await found(store, "flo") == []
    assert await found(store, "floor 13") == []


async def test_whatever_is_asked_for_is_asked_in_words_that_the_index_knows(store: Store, sample: Any) -> None:
    """What is several words to SQLite where one is asked for is an error, as of a store that is away."""
    await said(store, sample, "\u1985\u19b1\u1985")
    for asked in ("\u1985\u19b1\u1985", "a\u19c9b", "x\u1cf2y", '"', "a\0b", "NEAR(a b)", "a* OR b", "words:a", "²½①"):
        await found(store, asked) if words_of(asked) else None
    assert await found(store, "\u1985\u19b1\u1985") == ["m0"]


async def test_the_newest_come_first_and_after_continues(store: Store, sample: Any) -> None:
    await said(store, sample, *["xin chào"] * 5)
    repository = store.for_tenant("acme")
    first = await repository.search(MESSAGES, ("chao",), limit=2)
    rest = await repository.search(MESSAGES, ("chao",), limit=10, after=first[-1])
    assert [message.id for message in (*first, *rest)] == ["m4", "m3", "m2", "m1", "m0"]


async def test_what_changes_is_found_by_what_it_says_now(store: Store, sample: Any) -> None:
    voice, other, gone = await said(store, sample, "", "giá bao nhiêu", "giá vé")
    repository = store.for_tenant("acme")
    heard = await repository.update(MESSAGES, voice, text="mấy giờ mở cửa")
    assert await found(store, "mo cua") == ["m0"]
    assert heard is not None and await repository.update(MESSAGES, heard, state="answered") is not None
    assert await repository.write(Update(MESSAGES, other, {"text": "thôi ạ"}), Delete(MESSAGES, gone)) == 2
    assert await found(store, "gia") == []
    assert await found(store, "thoi") == ["m1"]
    assert await found(store, "mo cua") == ["m0"]
    # What did not take is not found, either.
    assert await repository.update(MESSAGES, voice, text="lạ") is None
    assert not await repository.insert(MESSAGES, sample(MESSAGES, "m0", text="lạ"))
    assert await found(store, "la") == []


@pytest.mark.parametrize(
    "spelling",
    ["+84 90 123 45 67", "0901234567", "0084901234567", "84901234567", "+84 (0)90-123.45.67", "4567", "0123", "901 23"],
)
async def test_a_number_is_found_in_any_spelling_and_by_a_part_of_it(store: Store, sample: Any, spelling: str) -> None:
    repository = store.for_tenant("acme")
    await repository.insert(CONTACTS, sample(CONTACTS, "hang", name="Hằng", phone="+84901234567"))
    await repository.insert(CONTACTS, sample(CONTACTS, "lan", name="Lan", phone="+84987650000"))
    await repository.insert(CONTACTS, sample(CONTACTS, "none", name="Ngọc"))
    digits = digits_of(spelling)
    assert [contact.id for contact in await repository.search(CONTACTS, (digits,))] == ["hang"]


def test_what_is_no_number_has_no_digits() -> None:
    assert digits_of("phòng 1204") == digits_of("") == digits_of("4567a") == ""


async def test_a_name_is_found_by_how_its_words_begin(store: Store, sample: Any) -> None:
    repository = store.for_tenant("acme")
    for id, name in (("a", "Nguyễn Thị Hằng"), ("b", "Ngô Bảo Châu"), ("c", "Đặng Nguyên"), ("d", "Anh Nguyen")):
        await repository.insert(CONTACTS, sample(CONTACTS, id, name=name))
    assert sorted(await found(store, "ngu", CONTACTS)) == ["a", "c", "d"]
    assert await found(store, "chau ng", CONTACTS) == ["b"]
    assert await found(store, "đă", CONTACTS) == ["c"]
    named = await repository.get(CONTACTS, "b")
    assert named is not None and await repository.update(CONTACTS, named, name="Bảo") is not None
    assert await found(store, "ngo", CONTACTS) == []


async def test_no_search_sees_another_tenant(store: Store, sample: Any) -> None:
    await said(store, sample, "bí mật", tenant="acme2")
    assert await found(store, "bi mat") == []
    assert await found(store, "bi mat", tenant="acme2") == ["m0"]
    assert await found(store, "t61636d6532") == []


async def test_a_search_that_cannot_be_served_is_refused(store: Store) -> None:
    repository = store.for_tenant("acme")
    with pytest.raises(QueryError, match="declares no words"):
        await repository.search(CONVERSATIONS, ("x",))
    for words in ((), ("",), ("x",) * 11):
        with pytest.raises(QueryError, match="1 to 10 words"):
            await repository.search(MESSAGES, words)
    with pytest.raises(QueryError, match="limit 0"):
        await repository.search(MESSAGES, ("x",), limit=0)
    with pytest.raises(QueryError, match="reached through"):
        await store.shared.search(MESSAGES, ("x",))


async def test_what_is_moved_here_is_found_and_what_is_removed_is_not(store: Store, sample: Any) -> None:
    message = sample(MESSAGES, "m0", text="Đà Lạt", at=NOON)
    await store.for_tenant("acme").write(Insert(MESSAGES, message))
    (stored,) = await store.bulk.page(MESSAGES, tenant="acme")
    assert "found_by" not in stored.fields
    await store.bulk.add(MESSAGES, [Stored("acme2", "m1", 1, 1, stored.fields)])
    assert await found(store, "da lat", tenant="acme2") == ["m1"]
    await store.bulk.remove(MESSAGES, [stored])
    assert await found(store, "da lat") == []
    assert await store.bulk.unknown() == []


async def test_what_an_earlier_release_wrote_is_found_once_it_is_migrated(
    open_store: Any, backend: str, sample: Any, tmp_path: Path
) -> None:
    store = await open_store()
    await said(store, sample, "Đà Lạt", "")
    if backend == "sqlite":
        with sqlite3.connect(tmp_path / "store.db") as file:
            for trigger in ("insert", "delete", "update"):
                file.execute(f"DROP TRIGGER messages_words_{trigger}")
            file.execute("DROP TABLE messages_words")
        file.close()
        store = await open_store()
    else:
        raw = store.raw(MESSAGES)
        await raw.update_many({}, {"$set": {"found_by": None, "schema": 1}})
        assert await found(store, "da lat") == []
        (stored, _) = await store.bulk.page(MESSAGES)
        assert await store.bulk.replace(MESSAGES, stored, {})
    assert await found(store, "da lat") == ["m0"]

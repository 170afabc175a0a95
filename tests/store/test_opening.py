from __future__ import annotations

from pathlib import Path

import pytest

from frontdesk.clock import SystemClock
from frontdesk.store import StoreError
from frontdesk.store.mongo import MongoStore
from frontdesk.store.opening import open_store
from frontdesk.store.sqlite import SqliteStore


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///data/a.db", "data/a.db"),
        ("sqlite:////var/lib/a.db", "/var/lib/a.db"),
        ("sqlite:///d%E1%BB%AF%20li%E1%BB%87u.db", "dữ liệu.db"),
    ],
)
def test_sqlite_urls_name_a_file(url: str, path: str) -> None:
    store = open_store(url, SystemClock())
    assert isinstance(store, SqliteStore)
    assert store.path == Path(path)


def test_a_sqlite_url_may_limit_the_file_and_a_path_may_have_a_question_mark() -> None:
    limited = open_store("sqlite:///data/a.db?max_pages=200", SystemClock())
    odd = open_store("sqlite:///data/a%3Fmax_pages=200.db", SystemClock())
    assert isinstance(limited, SqliteStore) and isinstance(odd, SqliteStore)
    assert (limited.path, limited.max_pages) == (Path("data/a.db"), 200)
    assert (odd.path, odd.max_pages) == (Path("data/a?max_pages=200.db"), None)


@pytest.mark.parametrize("url", ["mongodb://h:27017/frontdesk?tls=true", "mongodb+srv://u:p@h/frontdesk"])
def test_mongodb_urls_name_a_database(url: str) -> None:
    assert isinstance(open_store(url, SystemClock()), MongoStore)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgres://u:secret@h/x", "'postgres' is no kind of store.*sqlite:///data"),
        ("", "an empty text"),
        ("data/frontdesk.db", "no kind of store"),
        ("sqlite://", "no path"),
        ("sqlite:///", "no path"),
        ("sqlite:///?max_pages=200", "no path"),
        ("sqlite:///a.db?max_pages=0", "max_pages=262144"),
        ("sqlite:///a.db?max_pages=many", "max_pages=262144"),
        ("sqlite:///a.db?mode=secret", "max_pages=262144"),
        ("mongodb://u:secret@h:27017", "names no database"),
    ],
)
def test_any_other_url_is_refused_without_showing_it(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=says) as caught:
        open_store(url, SystemClock())
    assert "secret" not in str(caught.value)

"""Chooses the back end by the store's URL."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from frontdesk.clock import Clock

from . import Store, StoreError
from .sqlite import SqliteStore

EXAMPLES = (
    "sqlite:///data/frontdesk.db (a file), sqlite:////var/lib/frontdesk.db (absolute), mongodb://host:27017/frontdesk"
)


def open_store(url: str, clock: Clock) -> Store:
    """The store that *url* names, not opened yet: `sqlite:///path`, `mongodb://…/database` or `mongodb+srv://…`.

    Three slashes make a relative path, four an absolute one. Raises StoreError for any other URL (never showing it:
    it may hold a password).
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        path = unquote(rest.removeprefix("/"))
        if not rest.startswith("/") or not path:
            raise StoreError(f"the store's URL has no path; write for example {EXAMPLES}")
        return SqliteStore(path, clock)
    if scheme in ("mongodb", "mongodb+srv"):
        # motor takes 0.2 s to import; only who uses it pays.
        from .mongo import MongoStore

        database = unquote(urlsplit(url).path.lstrip("/"))
        if not database:
            raise StoreError(
                "the store's URL names no database; write mongodb://user:password@host:27017/NAME?tls=true"
            )
        return MongoStore(url, database, clock)
    raise StoreError(f"{scheme or 'an empty text'!r} is no kind of store; write for example {EXAMPLES}")

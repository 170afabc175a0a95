"""Chooses the back end by the store's URL."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

from frontdesk.clock import Clock

from . import Store, StoreError
from .sqlite import SqliteStore

EXAMPLES = (
    "sqlite:///data/frontdesk.db (a file), sqlite:////var/lib/frontdesk.db (absolute), mongodb://host:27017/frontdesk"
)


def open_store(url: str, clock: Clock) -> Store:
    """The store that *url* names, not opened yet: `sqlite:///path`, `mongodb://…/database` or `mongodb+srv://…`.

    Three slashes make a relative path, four an absolute one; `?max_pages=N` behind it limits the file to N pages of
    4,096 bytes. Raises StoreError for any other URL (never showing it: it may hold a password).
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        path, _, query = rest.removeprefix("/").partition("?")
        if not rest.startswith("/") or not path:
            raise StoreError(f"the store's URL has no path; write for example {EXAMPLES}")
        return SqliteStore(unquote(path), clock, max_pages=_max_pages(query))
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


def _max_pages(query: str) -> int | None:
    options = dict(parse_qsl(query, keep_blank_values=True))
    pages = options.pop("max_pages", None)
    if options or (pages is not None and not (pages.isascii() and pages.isdigit() and int(pages))):
        raise StoreError(
            "behind the `?` of the store's URL stands what is not known here; write for example "
            "sqlite:///data/frontdesk.db?max_pages=262144 (pages of 4,096 bytes: 1 GiB), or a `?` of the path as %3F"
        )
    return int(pages) if pages else None

"""Moves everything that one store holds into another, empty one: resumable, and compared before it counts as done.

Documents go over as they lie there, so that nothing is lost that this release does not know.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..model import Chore
from ..store import Store, StoreError
from ..store.bulk import Place, Stored
from ..store.collections import CHORES, COLLECTIONS, Collection

MARK = "move-store"
"""The chore in the target that says: a move is under way, and this is no store to serve from yet."""
LEFT = "moved-to"
"""The chore in the source that says where it is moved to: nobody serves from it from then on, also when the move is done."""
GIVEN_UP = "given-up"
"""What MARK's `after` says of a move that was given up: nobody goes on with it."""
MARKS = (MARK, LEFT)
"""What is of one store, and does not go over."""

EMPTY = "name another store, or delete this one by hand (the file with its -wal and -shm, or the database)"

Sum = tuple[int, int]
"""Documents, and the sum of their digests modulo 2**128."""
Sums = Mapping[str, Sum]
"""By tenant; the empty one: server-wide."""

OVERTAKEN = (
    "another `frontdesk move-store` works on the same target, or has given the move up: let it end, then run it again"
)

Tell = Callable[[str, int], None]
"""Told of a collection and how many of its documents have been copied in this run."""


class MoveRefused(Exception):
    """The move was not begun, or is not done; says why and what to do."""


@dataclass(frozen=True)
class Moved:
    """What both stores hold now."""

    sums: Mapping[str, Sums]
    """By collection."""
    before: bool
    """All of it was there before this run."""


async def check_whole(store: Store) -> None:
    """Raise StoreError if a move into this store has begun and not ended, or one out of it has begun."""
    await _check_arrived(store)
    left = await store.shared.get(CHORES, LEFT)
    if left is not None:
        raise StoreError(
            f"it was moved to {left.about}, or is being moved there: let `server.store` name that one. A move that has not "
            "ended is given up by `frontdesk move-store --give-up FROM TO`; of one that has, move it back"
        )


async def _check_arrived(store: Store) -> None:
    mark = await store.shared.get(CHORES, MARK)
    if mark is not None and mark.after == GIVEN_UP:
        raise StoreError(f"the move from {mark.about} into it was given up: {EMPTY}")
    if mark is not None:
        raise StoreError(
            f"the move from {mark.about} into it has not ended: run the same `frontdesk move-store` again; "
            "it goes on where it was"
        )


class Move:
    """One move, or its continuation; *origin* names the source, so that nobody goes on with another one, and *goal* the
    target, for who would serve from the source."""

    def __init__(self, source: Store, target: Store, origin: str, goal: str, tell: Tell) -> None:
        self._source = source
        self._target = target
        self._origin = origin
        self._goal = goal
        self._tell = tell

    async def run(self) -> Moved:
        """Copy, compare, and take the mark away; the source keeps its own. Repeating it after any interruption is right.

        Raises MoveRefused if the target is not empty (and not the same already), if the source is not whole or holds what
        this release does not know, and if both differ in the end; StoreError if a store fails.
        """
        await self._check_source()
        mark = await self._target.shared.get(CHORES, MARK)
        if mark is None and not await _is_empty(self._target):
            return await self._there_already()
        if mark is None:
            mark = Chore(id=MARK, next_at=self._target.now(), about=self._origin)
            await self._target.shared.insert(CHORES, mark)
        if mark.after == GIVEN_UP:
            raise MoveRefused(f"a move from {mark.about} into the target was given up: {EMPTY}")
        if mark.about != self._origin:
            raise MoveRefused(
                f"the target is half of a move from {mark.about}: go on with that, or name an empty target"
            )
        await self._close_source()
        mark = await self._copy(mark)
        sums = await self._same()
        if not await self._target.shared.delete(CHORES, mark):
            raise MoveRefused(OVERTAKEN)
        return Moved(sums, before=False)

    async def _close_source(self) -> None:
        """No server is started on it from now on: what it would write were not in the target."""
        chores = self._source.shared
        while (left := await chores.get(CHORES, LEFT)) is None or left.about != self._goal:
            if left is None:
                await chores.insert(CHORES, Chore(id=LEFT, next_at=self._source.now(), about=self._goal))
            else:
                await chores.update(CHORES, left, about=self._goal)

    async def _check_source(self) -> None:
        await _check_arrived(self._source)
        if unknown := await self._source.bulk.unknown():
            raise MoveRefused(
                f"the source has {', '.join(unknown)}, which this release does not know: move it with the release that "
                "served it"
            )

    async def _there_already(self) -> Moved:
        try:
            moved = Moved(await self._same(), before=True)
        except MoveRefused as err:
            raise MoveRefused("the target is not empty: name a new file, or an empty database") from err
        await self._close_source()
        left = await self._target.shared.get(CHORES, LEFT)
        if left is not None:  # back, before anything was written
            await self._target.shared.delete(CHORES, left)
        return moved

    async def _copy(self, mark: Chore) -> Chore:
        """Page by page; the mark says what is on the target's disk."""
        begun, after = _place(mark.after)
        for collection in COLLECTIONS[_number(begun) :]:
            copied = 0
            async for page in _pages(self._source, collection, after if collection.name == begun else None):
                await self._add(collection, page)
                copied += len(page)
                self._tell(collection.name, copied)
                mark = await self._reached(mark, "/".join((collection.name, *page[-1].place)))
        return mark

    async def _reached(self, mark: Chore, place: str) -> Chore:
        changed = await self._target.shared.update(CHORES, mark, after=place)
        if changed is None:
            raise MoveRefused(OVERTAKEN)
        return changed

    async def _add(self, collection: Collection[Any], page: Sequence[Stored]) -> None:
        try:
            await self._target.bulk.add(collection, page)
        except ValueError:
            for each in page:
                await self._add_one(collection, each)

    async def _add_one(self, collection: Collection[Any], document: Stored) -> None:
        try:
            await self._target.bulk.add(collection, [document])
        except ValueError as err:
            of = f" of tenant {document.tenant}" if document.tenant else ""
            raise MoveRefused(
                f"{collection.name}{of}: the target cannot keep the document {document.id} ({type(err).__name__}: {err}). "
                "Correct or delete it, then run it again"
            ) from err

    async def _same(self) -> Mapping[str, Sums]:
        """What both hold, by collection and tenant. Raises MoveRefused if they differ."""
        sums: dict[str, Sums] = {}
        for collection in COLLECTIONS:
            sums[collection.name] = source = await _sums(self._source, collection)
            if differing := _differing(source, await _sums(self._target, collection)):
                raise MoveRefused(
                    f"{collection.name} differs ({differing}). Somebody wrote meanwhile: stop every server, empty the "
                    "target, and move again"
                )
        return sums


async def give_up(source: Store, target: Store | None, origin: str, goal: str) -> None:
    """Open *source* again, whose move to *target* has not ended; None: the target is lost, and with it what it may have got.

    The target stays closed, and a move that is under way ends without success. Repeating it is right. Raises MoveRefused,
    with nothing changed, if there is no such move or it has ended; StoreError if a store fails.
    """
    left = await source.shared.get(CHORES, LEFT)
    if left is None:
        raise MoveRefused("no move out of FROM has begun, or it was given up: there is nothing to open")
    if left.about != goal:
        raise MoveRefused(f"FROM is being moved to {left.about}, or was: name that one as TO")
    if target is not None:
        await _close_target(target, origin)
    if not await source.shared.delete(CHORES, left):
        raise MoveRefused(OVERTAKEN)


async def _close_target(target: Store, origin: str) -> None:
    """For good. Raises MoveRefused if it is the whole store already, or half of another's."""
    while True:
        mark = await target.shared.get(CHORES, MARK)
        if mark is None:
            if not await _is_empty(target):
                raise MoveRefused(
                    "the move has ended: what was written since is in TO alone. Let `server.store` name TO, or move it back "
                    "into a new, empty store"
                )
            mark = Chore(id=MARK, next_at=target.now(), about=origin, after=GIVEN_UP)
            if await target.shared.insert(CHORES, mark):
                return
            continue
        if mark.about != origin:
            raise MoveRefused(f"TO is half of a move from {mark.about}, not from FROM")
        if await target.shared.update(CHORES, mark, after=GIVEN_UP):
            return


async def _is_empty(store: Store) -> bool:
    for collection in COLLECTIONS:
        if await store.bulk.page(collection, limit=1):
            return False
    return True


def _differing(source: Sums, target: Sums) -> str:
    """Tenants of which both do not hold the same, the first five; empty: none."""
    nothing = (0, 0)
    tenants = sorted(source.keys() | target.keys())
    return "; ".join(
        f"{each or 'server-wide'}: {source.get(each, nothing)[0]:,} documents and {target.get(each, nothing)[0]:,}"
        for each in [each for each in tenants if source.get(each) != target.get(each)][:5]
    )


async def _sums(store: Store, collection: Collection[Any]) -> Sums:
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    async for page in _pages(store, collection, None):
        for each in page:
            sum = found[each.tenant]
            sum[0] += 1
            sum[1] = (sum[1] + each.digest()) % 2**128
    return {tenant: (count, checksum) for tenant, (count, checksum) in found.items()}


async def _pages(store: Store, collection: Collection[Any], after: Place | None) -> AsyncIterator[list[Stored]]:
    """Everything but the marks of a move."""
    while page := await store.bulk.page(collection, after=after):
        after = page[-1].place
        if moved := [each for each in page if collection is not CHORES or each.id not in MARKS]:
            yield moved


def _place(after: str) -> tuple[str, Place | None]:
    """Where a move has come to: `collection/tenant/id` (no name of a collection and no tenant has a `/`)."""
    if not after:
        return COLLECTIONS[0].name, None
    name, tenant, id = after.split("/", 2)
    return name, (tenant, id)


def _number(name: str) -> int:
    return next((number for number, each in enumerate(COLLECTIONS) if each.name == name), 0)

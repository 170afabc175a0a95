"""The persona workshop: a draft of persona and facts, in force for nobody, that is tried, published and rolled back.

A draft is what would be changed over the file; it is published through the overlay like any other change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from frontdesk.config import ConfigError, Place

from ..auth import Principal
from ..store.collections import DRAFTS
from ..stored_settings import Draft, OverlayChange, PersonaVersion
from ..tenants import judge_tenant
from .overlay_keys import OverlayConflict, applied, as_written, found
from .rehearsal import Cast, Line, Preview, Rehearsal, Tried
from .settings_desk import Entry, Flaw, Form, FormRefused, flaws_of
from .settings_history import Line as DiffLine
from .settings_history import difference
from .settings_values import Posted, texts

if TYPE_CHECKING:
    from ..app import Server

SCOPE = ("persona", "facts")
"""What the workshop changes."""
ID = "draft"
KEPT = 30
"""Published versions that are remembered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """What lies in the workshop."""

    form: Form
    """With the draft's values."""
    draft: Draft
    token: str
    """Given back when the draft is saved."""
    changed: tuple[str, ...]
    """The keys in which it differs from what is in force."""
    in_force: Mapping[str, str]
    """Of those keys: what an input would show of what is in force."""
    moved: bool
    """What is in force was changed since the draft was begun."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One key, as it is in force and as it would be."""

    key: str
    lines: tuple[DiffLine, ...]


class DraftMoved(Exception):
    """Somebody else has saved the draft meanwhile; nothing was saved. Says who."""


class Workshop:
    """The drafts of one server's tenants."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._rehearsal = Rehearsal(server)

    async def bench(self, tenant: str) -> Bench:
        """The draft as a form, or what is in force if there is none."""
        draft = await self._read(tenant)
        form = await self._server.office.settings.form(tenant, only=SCOPE)
        sets = json.loads(draft.sets)
        entries = tuple(self._with_draft(entry, sets, draft.reverts) for entry in form.entries)
        return Bench(
            form=replace(form, entries=entries),
            draft=draft,
            token=str(draft.version if draft.at else 0),
            changed=tuple(sorted([*sets, *draft.reverts])),
            in_force={each.field.key: each.text for each in form.entries if each.field.key in {*sets, *draft.reverts}},
            moved=bool(draft.seen) and draft.seen != form.seen,
        )

    async def save(self, tenant: str, form: Posted, token: str, who: Principal) -> Bench:
        """Keep what a form holds as the draft, also what is not right yet in the eyes of `check`.

        Raises FormRefused with what is wrong, DraftMoved if somebody else has saved it since *token*.
        """
        draft = await self._read(tenant)
        if token != str(draft.version if draft.at else 0):
            raise DraftMoved(draft.by)
        sets, reverts, seen = await self._edits(tenant, form)
        if flaws := await self.check(tenant, form):
            raise FormRefused(flaws)
        await self._write(
            tenant, draft, json.dumps(sets, ensure_ascii=False), reverts, seen if sets or reverts else "", who
        )
        return await self.bench(tenant)

    async def check(self, tenant: str, form: Posted) -> list[Flaw]:
        """What would be wrong with what a form holds."""
        sets, reverts, _ = await self._edits(tenant, form)
        return flaws_of(await self._server.overlays.check(self._server.written, tenant, sets, reverts), "")

    async def discard(self, tenant: str, who: Principal) -> None:
        """Forget the draft; what was published stays."""
        await self._write(tenant, await self._read(tenant), "{}", [], "", who)

    async def answer(self, tenant: str, said: Sequence[Line], form: Posted | None = None) -> Tried:
        """What the draft, or what a *form* holds, would answer to the last line. Raises FormRefused."""
        return await self._rehearsal.answer(await self._cast(tenant, form), said)

    async def preview(self, tenant: str, form: Posted | None = None) -> Preview:
        """What a model would be told by the draft. Raises FormRefused."""
        return self._rehearsal.preview(await self._cast(tenant, form))

    async def differences(self, tenant: str) -> list[Difference]:
        """What publishing would change, key by key."""
        draft = await self._read(tenant)
        sets, before = json.loads(draft.sets), await self._export(tenant)
        written = as_written(self._server.written.tenants[tenant])
        new = {**sets, **{key: found(written, key) for key in draft.reverts}}
        return [Difference(key=key, lines=tuple(difference(found(before, key), new[key]))) for key in sorted(new)]

    async def publish(self, tenant: str, token: str, who: Principal) -> list[str]:
        """Put the draft in force; its keys.

        Raises OverlayConflict if what is in force is another than the draft was begun on (save it again to go on from
        there), DraftMoved, FormRefused.
        """
        draft = await self._read(tenant)
        if token != str(draft.version if draft.at else 0):
            raise DraftMoved(draft.by)
        sets = json.loads(draft.sets)
        if not sets and not draft.reverts:
            return []
        keys = sorted([*sets, *draft.reverts])
        done = ("persona.published", "", {"keys": keys})
        await self._put_in_force(tenant, draft, sets, draft.reverts, draft.seen, who, done)
        return keys

    async def versions(self, tenant: str) -> list[tuple[PersonaVersion, list[DiffLine]]]:
        """What was published, newest first, with what going back to it would change."""
        draft = await self._read(tenant)
        now = _part(await self._export(tenant))
        return [(each, difference(now, json.loads(each.raw))) for each in reversed(draft.versions)]

    async def roll_back(self, tenant: str, no: int, who: Principal) -> bool:
        """Put an earlier version in force again; False if there is none of this number. Raises FormRefused."""
        draft = await self._read(tenant)
        wanted = next((each for each in draft.versions if each.no == no), None)
        if wanted is None:
            return False
        raw = json.loads(wanted.raw)
        written = as_written(self._server.written.tenants[tenant])
        sets = {"persona": raw.get("persona") or {}, "facts": raw.get("facts") or []}
        # What is as in the file is the file's again, so that a change of the file counts.
        reverts = [key for key, value in sets.items() if value == (written.get(key) or type(value)())]
        sets = {key: value for key, value in sets.items() if key not in reverts}
        seen = await self._server.overlays.version(tenant, SCOPE)
        await self._put_in_force(tenant, draft, sets, reverts, seen, who, ("persona.rolled_back", str(no), {}))
        return True

    async def _put_in_force(
        self,
        tenant: str,
        draft: Draft,
        sets: Mapping[str, Any],
        reverts: Sequence[str],
        seen: str,
        who: Principal,
        done: tuple[str, str, Mapping[str, Any]],
    ) -> None:
        """*done*: what the audit is told, once it is in force: what, about what, with which details."""
        before = _part(await self._export(tenant))
        try:
            await self._server.overlays.change(
                self._server.written, tenant, who.name, sets=sets, reverts=reverts, seen=seen, scope=SCOPE
            )
        except ConfigError as err:
            raise FormRefused(flaws_of(err.problems, "")) from err
        what, about, details = done
        await self._server.office.audit.wrote(tenant, who, what, about, **details)
        await self._server.take_changes()
        versions = list(draft.versions)
        at, after = self._server.store.now(), _part(await self._export(tenant))
        if not versions or json.loads(versions[-1].raw) != before:
            versions.append(_version(versions, before, self._server.store.now(), ""))
        versions.append(_version(versions, after, at, who.name))
        await self._write(tenant, draft, "{}", [], "", who, versions[-KEPT:])

    async def _cast(self, tenant: str, form: Posted | None) -> Cast:
        if form is None:
            draft = await self._read(tenant)
            sets, reverts = json.loads(draft.sets), draft.reverts
        else:
            sets, reverts, _ = await self._edits(tenant, form)
        written = as_written(self._server.written.tenants[tenant])
        for key in reverts:
            sets[key] = found(written, key)
        now = self._server.store.now()
        changes = [OverlayChange(key=key, value=json.dumps(value), at=now, by="") for key, value in sets.items()]
        raw, problems = applied(await self._export(tenant), changes, Place("draft", None, tenant))
        raw = _without_nothing(raw, sets)
        entries = self._server.written.tenants[tenant].plugins
        place = Place("draft", entries[0].place.folder if entries else None, tenant)
        config, checked, more = judge_tenant(tenant, raw, place, self._server.registry, {})
        if config is None or problems or more:
            raise FormRefused(flaws_of([*problems, *more], ""))
        return Cast(tenant=config, plugins=tuple((kind, settings) for _, kind, settings in checked))

    async def _edits(self, tenant: str, form: Posted) -> tuple[dict[str, Any], list[str], str]:
        """What differs from what is in force, and the version of that."""
        shown = await self._server.office.settings.form(tenant, only=SCOPE)
        sets, reverts, _secrets = self._server.office.settings.edits(shown, form)
        return sets, reverts, shown.seen

    async def _export(self, tenant: str) -> dict[str, Any]:
        return await self._server.overlays.export(self._server.written, tenant)

    async def _read(self, tenant: str) -> Draft:
        return await self._server.store.for_tenant(tenant).get(DRAFTS, ID) or Draft(id=ID)

    async def _write(
        self,
        tenant: str,
        draft: Draft,
        sets: str,
        reverts: list[str],
        seen: str,
        who: Principal,
        versions: list[PersonaVersion] | None = None,
    ) -> None:
        repository, at = self._server.store.for_tenant(tenant), self._server.store.now()
        kept = draft.versions if versions is None else versions
        if draft.at is None:
            new = Draft(id=ID, sets=sets, reverts=reverts, seen=seen, at=at, by=who.name, versions=kept)
            done = await repository.insert(DRAFTS, new)
        else:
            there = await repository.update(
                DRAFTS, draft, sets=sets, reverts=reverts, seen=seen, at=at, by=who.name, versions=kept
            )
            done = there is not None
        if not done:
            raise DraftMoved((await self._read(tenant)).by)

    def _with_draft(self, entry: Entry, sets: Mapping[str, Any], reverts: Sequence[str]) -> Entry:
        key = entry.field.key
        if key in reverts:
            return replace(entry, value=entry.declared, text=entry.declared_text)
        if key not in sets:
            return entry
        value = entry.field.normal(sets[key])
        return replace(entry, value=value, text=texts(entry.field, value))


def _part(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: raw[key] for key in SCOPE if raw.get(key)}


def _version(there: Sequence[PersonaVersion], raw: Mapping[str, Any], at: Any, by: str) -> PersonaVersion:
    no = there[-1].no + 1 if there else 1
    return PersonaVersion(no=no, at=at, by=by, raw=json.dumps(raw, ensure_ascii=False))


def _without_nothing(raw: dict[str, Any], sets: Mapping[str, Any]) -> dict[str, Any]:
    """What was reverted to a file that says nothing is not written."""
    for key in [key for key, value in sets.items() if value is None]:
        *way, last = key.split(".")
        here: Any = raw
        for step in way:
            here = here.get(step, {})
        here.pop(last, None)
    return raw


__all__ = ["Bench", "Difference", "DraftMoved", "Line", "OverlayConflict", "Preview", "Tried", "Workshop"]

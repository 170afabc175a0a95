"""All that is kept of one contact, as JSON: for whoever asks what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from .. import blame, dispatch
from ..errors import PluginError
from ..model import Contact, Conversation
from ..runtime import Runtime
from ..store import Repository, Store
from ..store.collections import (
    APPOINTMENTS,
    CONSENTS,
    CONTACTS,
    CONVERSATIONS,
    IDENTITIES,
    LEADS,
    MESSAGES,
    NOTES,
    SUMMARIES,
    SYNCS,
    TASKS,
    TURNS,
    Collection,
)
from .timeline import timeline
from .timeline_words import Language, words

PAGE = 500
_OURS = frozenset({"version", "turn_lease", "lane_lease", "last_commit"})
"""Of no meaning to anybody but the server."""

Json = dict[str, Any]


async def export(runtime: Runtime, store: Store, conversation: Conversation) -> tuple[Json, list[str]]:
    """The contact of *conversation* with everything under all their names, and which plugins could not say what they have.

    Files are named by their keys in the media store. Times are in UTC.
    """
    repository = store.for_tenant(runtime.tenant.id)
    contact = await repository.get(CONTACTS, conversation.contact)
    leads = [lead for part in conversation.parts if (lead := await repository.get(LEADS, part)) is not None]
    parts = conversation.parts
    messages = await _of_parts(repository, MESSAGES, parts, "conversation", "at")
    turns = await _of_parts(repository, TURNS, parts, "conversation", "no")
    language: Language = "vi" if runtime.tenant.language.partition("-")[0] == "vi" else "en"
    for turn in turns:
        turn["why"] = await _why(repository, turn, language)
    plugins, troubles = await _of_plugins(runtime, conversation, contact)
    consents = [each for by in ("contact", "provider", "operator") for each in await _consents(repository, parts, by)]
    told = {
        "tenant": runtime.tenant.id,
        "exported_at": store.now().isoformat(),
        "contact": _json(CONTACTS, contact) if contact is not None else {},
        "identities": await _of_parts(repository, IDENTITIES, parts, "contact"),
        "consents": sorted(consents, key=_moment("at")),
        "conversations": [
            _json(CONVERSATIONS, each)
            for part in parts
            if (each := await repository.get(CONVERSATIONS, part)) is not None
        ],
        "messages": sorted(messages, key=_moment("at")),
        "files": [{"message": each["id"], **file} for each in messages for file in each["media"]],
        "turns": sorted(turns, key=_moment("opened_at")),
        "deeds": [{"turn": each["id"], **deed} for each in turns for deed in each["deeds"]],
        "summaries": await _of_parts(repository, SUMMARIES, parts, "conversation", "until"),
        "notes": await _of_parts(repository, NOTES, parts, "conversation", "at"),
        "leads": [_json(LEADS, each) for each in leads],
        "appointments": await _of_parts(repository, APPOINTMENTS, parts, "contact", "starts_at"),
        "syncs": await _of_parts(repository, SYNCS, parts, "contact"),
        "tasks": await _tasks(store, runtime.tenant.id, parts),
        "plugins": plugins,
    }
    return told, troubles


def _moment(name: str) -> Callable[[Json], datetime]:
    """Times as text are in no order: `…:05Z` stands behind `…:05.123Z`."""
    return lambda each: datetime.fromisoformat(each[name])


def _json(collection: Collection[Any], document: Any) -> Json:
    whole: Json = collection.adapter.dump_python(document, mode="json")
    return {name: value for name, value in whole.items() if name not in _OURS}


async def _of_parts(
    repository: Repository, collection: Collection[Any], parts: tuple[str, ...], name: str, order_by: str = ""
) -> list[Json]:
    return [
        each for part in parts for each in await _everything(repository, collection, {name: part}, order_by=order_by)
    ]


async def _consents(repository: Repository, parts: tuple[str, ...], by: str) -> list[Json]:
    found = [await _everything(repository, CONSENTS, {"contact": part, "by": by}, order_by="at") for part in parts]
    return [each for page in found for each in page]


async def _everything(
    repository: Repository, collection: Collection[Any], where: Mapping[str, Any], *, order_by: str
) -> list[Json]:
    found: list[Json] = []
    after = None
    while page := await repository.find(collection, where, order_by=order_by, limit=PAGE, after=after):
        found += [_json(collection, each) for each in page]
        after = page[-1]
    return found


async def _tasks(store: Store, tenant: str, parts: tuple[str, ...]) -> list[Json]:
    """Those of the conversation, and those whose id names it, as the core's do; they are in no index of it."""
    found: list[Json] = []
    after = None
    while page := await store.bulk.page(TASKS, tenant=tenant, after=after):
        found += [
            {"id": stored.id, **stored.fields}
            for stored in page
            if stored.fields["conversation"] in parts or any(part in stored.id for part in parts)
        ]
        after = page[-1].place
    return sorted(found, key=_moment("at"))


async def _why(repository: Repository, turn: Json, language: Language) -> list[Json]:
    told = await timeline(repository, turn["conversation"], turn["no"])
    steps = told.steps if told is not None else ()
    return [{"at": step.at.isoformat(), "kind": step.kind, "words": words(step, language)} for step in steps]


async def _of_plugins(runtime: Runtime, conversation: Conversation, contact: Contact | None) -> tuple[Json, list[str]]:
    found: Json = {}
    troubles = [
        f"{kind.name}: {runtime.troubles[kind.name]}"
        for kind, _ in runtime.declared.plugins
        if kind.name in runtime.troubles and "export_contact" in kind.hooks
    ]
    for bound in runtime.hook("export_contact"):
        try:
            answer = await dispatch.call(bound, conversation=conversation, contact=contact)
        except (PluginError, dispatch.HookFailed) as err:
            troubles.append(f"{bound.label.plugin}: {blame.in_words(err)}")
        else:
            if answer is not None:
                found[bound.label.plugin] = answer
    return found, troubles

"""Contacts: written by our own unique property; those that HubSpot knew by number before are taken over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from frontdesk import Contact, ContactPush, Pushed, RetryLater

from . import matching
from .client import Account, Batch, HubSpot
from .owners import Owners
from .paths import CONTACTS
from .schema import CONTACT_ID, NEEDED, Schema
from .settings import HubspotSettings

READ = ("firstname", "lastname", "phone", "hubspot_owner_id", *(each["name"] for each in NEEDED[CONTACTS]))
FAMILY_FIRST = ("vi", "zh", "ja", "ko", "hu")
SENT = "sent"
"""In a reference: what we wrote last of the properties that people at HubSpot may write, too."""


def names(name: str, language: str, order: str) -> tuple[str, str]:
    """First and last name of what a contact calls themselves."""
    words = name.split()
    if len(words) < 2:
        return name.strip(), ""
    if order == "family_first" or (order == "auto" and language.partition("-")[0] in FAMILY_FIRST):
        return words[-1], " ".join(words[:-1])
    return " ".join(words[:-1]), words[-1]


class Contacts:
    """Pushes contacts."""

    def __init__(
        self, client: HubSpot, settings: HubspotSettings, schema: Schema, owners: Owners, clock: Any, language: str
    ) -> None:
        self._client = client
        self._settings = settings
        self._schema = schema
        self._owners = owners
        self._clock = clock
        self._language = language

    async def push(self, pushes: Sequence[ContactPush]) -> tuple[list[Pushed], list[str]]:
        """What became of each, and which of ours are new at HubSpot."""
        await self._schema.ensure(CONTACTS)
        account = await self._client.account()
        there = await self.known([each.id for each in pushes])
        adopted = await self._adopted([each for each in pushes if each.id not in there])
        updates: dict[str, dict[str, str]] = {}
        upserts: dict[str, dict[str, str]] = {}
        sent: dict[str, dict[str, str]] = {}
        for each in pushes:
            at_hubspot = there.get(each.id) or adopted.get(each.id)
            current = (at_hubspot or {}).get("properties") or {}
            written, sent[each.id] = await self._written(each, current)
            if at_hubspot is None:
                upserts[each.id] = written
            elif written:
                updates[str(at_hubspot["id"])] = written
        done = await self._client.update(CONTACTS, updates) if updates else Batch([])
        made = await self._client.upsert(CONTACTS, CONTACT_ID, upserts) if upserts else Batch([])
        ids = {id: str(each["id"]) for id, each in {**there, **adopted}.items()}
        ids |= {str((each.get("properties") or {}).get(CONTACT_ID)): str(each["id"]) for each in made.results}
        new = [str((each.get("properties") or {}).get(CONTACT_ID)) for each in made.results if each.get("new")]
        told = [self._told(each, ids, done, made, sent[each.id], account) for each in pushes]
        return told, new

    async def known(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Ours → what HubSpot has of them; by the unique property, which unlike a search knows at once what was written."""
        found = await self._client.read(CONTACTS, ids, READ, by=CONTACT_ID)
        if found.errors:
            raise RetryLater(next(iter(found.errors.values())), after=10)
        return {str((each.get("properties") or {}).get(CONTACT_ID)): each for each in found.results}

    async def _adopted(self, unknown: Sequence[ContactPush]) -> dict[str, dict[str, Any]]:
        phones = {each.id: each.contact.phone for each in unknown if each.contact.phone}
        if not phones or not self._settings.match_phones:
            return {}
        found = await matching.search(self._client, self._clock, list(phones.values()))
        return matching.matched(phones, found)

    async def _written(self, push: ContactPush, current: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
        """What is to be written, and what we have written since of what people write, too: that is left once they have."""
        ours = {CONTACT_ID: push.id, **_ours(push.contact)}
        if push.lead is not None:
            ours |= {"frontdesk_temperature": push.lead.temperature, "frontdesk_score": str(push.lead.score)}
        owner = await self._owners.id_of(push.lead.owner if push.lead is not None else "")
        theirs = {**self._theirs(push.contact), "hubspot_owner_id": owner}
        before = dict(push.reference.get(SENT, {}))
        written = {name: value for name, value in ours.items() if (current.get(name) or "") != value}
        for name, value in theirs.items():
            there = current.get(name) or ""
            if value and value != there and there in ("", before.get(name, "")) and before.get(name) != value:
                written[name] = before[name] = value
        return written, before

    def _theirs(self, contact: Contact) -> dict[str, str]:
        first, last = names(contact.name, contact.language or self._language, self._settings.name_order)
        return {"firstname": first, "lastname": last, "phone": contact.phone}

    def _told(
        self,
        push: ContactPush,
        ids: Mapping[str, str],
        done: Batch,
        made: Batch,
        sent: dict[str, str],
        account: Account,
    ) -> Pushed:
        id = ids.get(push.id, "")
        error = made.errors.get(push.id) or done.errors.get(id, "")
        if id in done.missing:
            error = "HubSpot: the contact was deleted while it was written"
        if error:
            again = push.id in made.locked or id in done.locked or id in done.missing
            return Pushed(id=push.id, error=error, again=again)
        if not id:
            return Pushed(id=push.id, error="HubSpot did not say what became of the contact", again=True)
        link = f"https://{account.ui}/contacts/{account.portal}/record/0-1/{id}" if account.portal else ""
        return Pushed(id=push.id, reference={"id": id, SENT: sent}, link=link)


def _ours(contact: Contact) -> dict[str, str]:
    told = {"frontdesk_opted_out": "yes" if contact.opted_out else "no"}
    return told | ({"frontdesk_language": contact.language} if contact.language else {})

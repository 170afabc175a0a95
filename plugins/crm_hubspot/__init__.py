"""Contacts, deals and conversations in HubSpot, and what people change there taken back."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import Any, cast

from quart import Blueprint, Response, request

from frontdesk import (
    ActivityPush,
    Contact,
    ContactPush,
    Conversation,
    DealPush,
    Finding,
    NeedsAttention,
    Plugin,
    Pushed,
    Refused,
    SecretUnavailable,
    Services,
    Task,
    current_plugin,
    hookimpl,
)

from . import matching, signature
from .activities import Activities
from .client import HubSpot
from .contacts import SENT, Contacts
from .deals import Deals
from .diagnosis import FIX, Diagnosis
from .errors import Answered
from .inward import GONE_AT, IDS, LAST, TASK, Inward, NoEvents, events
from .owners import Owners
from .paths import CONTACTS
from .privacy import Privacy
from .schema import CONTACT_ID, Schema
from .settings import HubspotSettings

LOOK_AGAIN = "look_again"
LAG = timedelta(minutes=1)
"""After which HubSpot's search surely knows what was there when a contact was made."""
MAX_BYTES = 1024 * 1024


class CrmHubspot(Plugin):
    """Tells HubSpot who writes, what comes of it and what is said."""

    settings: HubspotSettings
    has_page = False

    def __init__(self, name: str, settings: HubspotSettings, services: Services) -> None:
        super().__init__(name, settings, services)
        now = self.clock.now
        self._client = HubSpot(self.http, settings, now)
        self._schema = Schema(self._client)
        self._owners = Owners(self._client, settings, self.clock)
        language, zone = self.tenant.language, self.tenant.zone
        self._contacts = Contacts(self._client, settings, self._schema, self._owners, self.clock, language)
        self._deals = Deals(self._client, settings, self._schema, self._owners, now)
        self._activities = Activities(self._client, settings, self._schema, self._owners, zone)
        self._inward = Inward(self, self._client, settings, self._owners)
        self._privacy = Privacy(self._client, settings)

    @property
    def webhook_url(self) -> str:
        """Where HubSpot sends what is changed there."""
        return f"{self.services.public_url.rstrip('/')}/plugins/{self.name}/{self.tenant.id}/webhook"

    # What is pushed.

    @hookimpl
    async def push_contact(self, contacts: tuple[ContactPush, ...]) -> tuple[Pushed, ...]:
        told, left = await self._but_deleted(contacts)
        if left:
            pushed, new = await self._answered(self._contacts.push(left))
            told += pushed
            await self._remember(left, pushed)
            await self._look_again([each for each in left if each.id in new and each.contact.phone])
        return tuple(told)

    @hookimpl
    async def push_deal(self, deals: tuple[DealPush, ...]) -> tuple[Pushed, ...]:
        told = await self._answered(self._deals.push(deals))
        for each in told:
            if not each.error and "stage" in each.reference:
                await self._note_last(each.id, stage=str(each.reference["stage"]))
        return tuple(told)

    @hookimpl
    async def push_activity(self, activities: tuple[ActivityPush, ...]) -> tuple[Pushed, ...]:
        return tuple(await self._answered(self._activities.push(activities)))

    async def _answered(self, work: Awaitable[Any]) -> Any:
        """What *work* gives. A request that HubSpot refuses as a whole is Refused: the core tries each record alone."""
        try:
            return await work
        except Answered as err:
            raise Refused(err.reason, code=str(err.status)) from err

    async def _but_deleted(self, pushes: tuple[ContactPush, ...]) -> tuple[list[Pushed], list[ContactPush]]:
        """Who was deleted in HubSpot is not made there again."""
        told, left = [], []
        for each in pushes:
            if await self.store.get(GONE_AT, each.id) is None:
                left.append(each)
                continue
            error = "The contact was deleted in HubSpot. Restore it there to have it kept up to date again"
            told.append(Pushed(id=each.id, error=error))
        return told, left

    async def _remember(self, pushes: list[ContactPush], pushed: list[Pushed]) -> None:
        """What a webhook is understood by: whose a record of HubSpot's is, and what we wrote last."""
        before = {each.id: each.reference.get("id") for each in pushes}
        for each in pushed:
            if each.error:
                continue
            if before.get(each.id) != each.reference["id"]:
                await self.store.put(IDS, f"{CONTACTS}:{each.reference['id']}", {"contact": each.id})
            if owner := each.reference[SENT].get("hubspot_owner_id"):
                await self._note_last(each.id, owner=owner)

    async def _note_last(self, contact: str, **values: str) -> None:
        known = await self.store.get(LAST, contact) or {}
        if any(known.get(name) != value for name, value in values.items()):
            await self.store.put(LAST, contact, {**known, **values})

    # A search that lags.

    async def _look_again(self, made: list[ContactPush]) -> None:
        """Somebody may have entered a contact just before we made it, and no search knew of it."""
        if not self.settings.match_phones:
            return
        for each in made:
            at = self.clock.now() + LAG
            data = {"contact": each.id, "phone": each.contact.phone}
            await self.tasks.schedule(LOOK_AGAIN, each.id, at, data)

    async def _join(self, contact: str, phone: str) -> None:
        """Merge the record that we made into an older one with the same number, if there is one by now."""
        ours = (await self._contacts.known([contact])).get(contact)
        found = await matching.search(self._client, self.clock, [phone])
        theirs = matching.matched({contact: phone}, found).get(contact)
        if ours is None or theirs is None or _made(theirs) >= _made(ours):
            return
        body = {"primaryObjectId": str(theirs["id"]), "objectIdToMerge": str(ours["id"])}
        merged = await self._client.post(self._client.paths.objects(CONTACTS, "merge"), body)
        id = str(merged.get("id") or theirs["id"])
        await self._client.update(CONTACTS, {id: {CONTACT_ID: contact}})
        await self.store.put(IDS, f"{CONTACTS}:{id}", {"contact": contact})
        self.count("joined")

    @hookimpl
    async def run_task(self, task: Task) -> None:
        if task.name == LOOK_AGAIN:
            await self._answered(self._join(str(task.data["contact"]), str(task.data["phone"])))
        elif task.name == TASK:
            await self._answered(self._inward.take(task))
        else:
            raise Refused(f"this release knows no task {task.name}")

    @hookimpl
    async def on_contact_merged(self, contact: Contact, merged: str) -> None:
        """The record of the one that is gone becomes a part of the other's."""
        there = await self._answered(self._contacts.known([contact.id, merged]))
        if merged in there and contact.id in there:
            body = {"primaryObjectId": str(there[contact.id]["id"]), "objectIdToMerge": str(there[merged]["id"])}
            await self._answered(self._client.post(self._client.paths.objects(CONTACTS, "merge"), body))
        elif merged in there:
            await self._answered(self._client.update(CONTACTS, {str(there[merged]["id"]): {CONTACT_ID: contact.id}}))
        await self.store.delete(LAST, merged)

    # What comes back.

    @classmethod
    @hookimpl
    def routes(cls, blueprint: Blueprint) -> None:
        blueprint.add_url_rule("/webhook", "webhook", _webhook, methods=["POST"])

    async def take_webhook(self, method: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """The status to answer with, and what is wrong; empty: nothing."""
        if self.settings.client_secret is None:
            return 403, "client_secret is not set"
        try:
            secret = self.settings.client_secret.reveal().encode()
        except SecretUnavailable as err:
            return 503, str(err)
        now = self.clock.now()
        if wrong := signature.problem(secret, method, self.webhook_url, body, headers, now):
            return 403, wrong
        try:
            found = events(body)
        except NoEvents as err:
            return 400, str(err)
        await self._inward.note(found)
        return 204, ""

    # Privacy.

    @hookimpl
    async def export_contact(self, conversation: Conversation, contact: Contact) -> Mapping[str, Any] | None:
        return cast("Mapping[str, Any] | None", await self._answered(self._privacy.told(conversation.parts)))

    @hookimpl
    async def erase_contact(self, conversation: Conversation | None, contact: Contact) -> None:
        parts = conversation.parts if conversation is not None else (contact.id,)
        known = await self._answered(self._privacy.erase(parts))
        for id in known:
            await self.store.delete(IDS, f"{CONTACTS}:{id}")
        for part in parts:
            await self.store.delete(LAST, part)
            await self.store.delete(GONE_AT, part)

    # How it is.

    @hookimpl
    async def check_health(self) -> Mapping[str, Any]:
        """The last trouble that a person must mend."""
        return {"ok": not self._client.trouble, "detail": self._client.trouble}

    def _diagnosis(self) -> Diagnosis:
        return Diagnosis(self._client, self.settings, self._schema, self._owners, self.webhook_url)

    @hookimpl
    async def diagnose(self) -> tuple[Finding, ...]:
        return tuple([finding async for finding in self._diagnosis().run()])

    @hookimpl
    async def repair(self, fix: str) -> None:
        """Make the properties that are missing."""
        if fix != FIX:
            raise NeedsAttention(f"this release cannot mend {fix}")
        for kind in self._diagnosis().kinds:
            await self._answered(self._schema.ensure(kind))


def _made(record: Mapping[str, Any]) -> str:
    """When, as HubSpot writes it: ISO 8601 in UTC, so that text is ordered as time."""
    return str(record.get("createdAt") or (record.get("properties") or {}).get("createdate") or "")


async def _webhook() -> Response:
    plugin = cast(CrmHubspot, current_plugin())
    request.max_content_length = MAX_BYTES
    body = cast(bytes, await request.get_data())
    status, wrong = await plugin.take_webhook(request.method, body, dict(request.headers))
    if wrong:
        plugin.log.warning("hubspot_webhook_refused", status=status, reason=wrong)
        plugin.count("webhook_refused")
    return Response("", status=status)

"""Who is who: from what a channel calls somebody to their contact and conversation."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from frontdesk.config import TenantConfig

from . import leases, phones
from .channel import Inbound
from .leases import ConversationGone
from .model import Contact, Conversation, Identity
from .store import In, Insert, Repository
from .store.collections import CONTACTS, CONVERSATIONS, ERASED, ERASED_MESSAGES, IDENTITIES
from .stored_erasures import Erased


class ErasedBefore(Exception):
    """The message was erased with its contact, and has come once more."""


class People:
    """Finds contacts by their identities, and takes in new ones.

    A new contact gets an id made of the identity with a key of this installation, so that it is found in one look. Ids
    stand in logs: without the key, phone numbers are few enough to be tried out one after the other, and the same person
    would be known at every tenant. Who was met under another key is found by way of the identity.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"contacts", "sha256")

    def id_of(self, tenant: str, channel: str, external_id: str, times: int = 0) -> str:
        """The id of a contact that *tenant* first meets under this identity, after it was erased so many *times*.

        A new one each time: nothing that is left of the work on an erased contact concerns whoever comes after it.
        """
        again = f"\0{times}" if times else ""
        return hmac.digest(self._key, f"{tenant}\0{channel}\0{external_id}{again}".encode(), "sha256").hex()[:24]

    async def id_for(self, repository: Repository, tenant: str, channel: str, external_id: str) -> str:
        """The id of whoever comes under this identity for the first time, or for the first time since it was erased."""
        erased = await self.erased(repository, tenant, channel, (external_id,))
        return self.id_of(tenant, channel, external_id, _times(erased))

    def mark_of(self, tenant: str, message: str) -> str:
        """The id in ERASED_MESSAGES of an inbound message (by its id) or an outbound one (by the provider's)."""
        return hmac.digest(self._key, f"{tenant}\0message\0{message}".encode(), "sha256").hex()[:32]

    async def erased(self, repository: Repository, tenant: str, channel: str, names: Iterable[str]) -> Sequence[Erased]:
        """What is kept of those of *names* whose contact was erased."""
        ids = tuple(dict.fromkeys(self.id_of(tenant, channel, name) for name in names))
        return await repository.find(ERASED, {"id": In(ids)})

    async def was_erased(self, repository: Repository, tenant: str, message: str) -> bool:
        """Whether a message was erased with its contact; *message* as in `mark_of`."""
        return await repository.get(ERASED_MESSAGES, self.mark_of(tenant, message)) is not None

    async def known(self, repository: Repository, tenant: str, channel: str, external_id: str) -> Conversation | None:
        """The conversation with whoever a channel calls so; None if nobody has written under that identity."""
        conversation = await followed(repository, self.id_of(tenant, channel, external_id))
        if conversation is not None:
            return conversation
        identity = await repository.get(IDENTITIES, _identity(channel, external_id))
        return await followed(repository, identity.contact) if identity is not None else None

    async def meet(
        self,
        repository: Repository,
        tenant: TenantConfig,
        channel: str,
        inbound: Inbound,
        now: datetime,
        message: str = "",
    ) -> Conversation:
        """The conversation with whoever wrote; a new one, with its contact and identity, at the first contact.

        *message*: the id of what they wrote. Raises ErasedBefore if it was erased with them, before anything is written.
        """
        names = (inbound.external_id, *inbound.also)
        for name in names:
            if (conversation := await self.known(repository, tenant.id, channel, name)) is not None:
                return conversation
        erased = await self.erased(repository, tenant.id, channel, names)
        if erased and message and await self.was_erased(repository, tenant.id, message):
            raise ErasedBefore(message)
        return await self._first_contact(repository, tenant, channel, inbound, now, erased)

    async def link(
        self, repository: Repository, tenant: str, channel: str, inbound: Inbound, conversation: Conversation
    ) -> tuple[str, ...]:
        """Have every name of whoever wrote lead to *conversation*, and its contact know their newest number.

        Returns the contacts to whom one of the names belongs already: they are the same person (merging.py).
        """
        if erased := await self.erased(repository, tenant, channel, (inbound.external_id, *inbound.also)):
            await _came_again(repository, conversation, erased)
        others = []
        for name in (inbound.external_id, *inbound.also):
            identity = Identity(
                id=_identity(channel, name), contact=conversation.contact, channel=channel, external_id=name
            )
            if await repository.insert(IDENTITIES, identity):
                continue
            stored = await repository.get(IDENTITIES, identity.id)
            while stored is not None and await _is_being_erased(repository, stored.contact):
                # Who writes while they are erased is somebody new, under all their names.
                await repository.update(IDENTITIES, stored, contact=conversation.contact)
                stored = await repository.get(IDENTITIES, identity.id)
            found = await followed(repository, stored.contact) if stored is not None else None
            if found is not None and found.id != conversation.id:
                others.append(found.id)
        contact = await repository.get(CONTACTS, conversation.contact)
        while contact is not None and inbound.phone and inbound.phone != contact.phone:
            if await repository.update(CONTACTS, contact, phone=inbound.phone) is not None:
                break
            contact = await repository.get(CONTACTS, conversation.contact)
        return tuple(dict.fromkeys(others))

    async def _first_contact(
        self,
        repository: Repository,
        tenant: TenantConfig,
        channel: str,
        inbound: Inbound,
        now: datetime,
        erased: Sequence[Erased],
    ) -> Conversation:
        """Write identity, contact and conversation; whoever else does so at the same time writes the same ids.

        The identity first: it decides the id if somebody has another key. The conversation last: it is what is looked
        for, so that a beginning is completed by whoever comes next.
        """
        id = self.id_of(tenant.id, channel, inbound.external_id, _times(erased))
        identity = Identity(
            id=_identity(channel, inbound.external_id), contact=id, channel=channel, external_id=inbound.external_id
        )
        contact, conversation = _newcomer(tenant, channel, inbound, id, now, erased)
        writes = (Insert(IDENTITIES, identity), Insert(CONTACTS, contact), Insert(CONVERSATIONS, conversation))
        if await repository.write(*writes) == len(writes):
            return conversation
        stored = await repository.get(IDENTITIES, identity.id)
        if stored is not None and await _is_being_erased(repository, stored.contact):
            # A message that came when it began has linked the name once more.
            await repository.update(IDENTITIES, stored, contact=id)
            stored = await repository.get(IDENTITIES, identity.id)
        id = id if stored is None else stored.contact
        contact, conversation = _newcomer(tenant, channel, inbound, id, now, erased)
        for write in (Insert(CONTACTS, contact), Insert(CONVERSATIONS, conversation)):
            await repository.write(write)
        return await read(repository, id)


async def followed(repository: Repository, id: str) -> Conversation | None:
    """The conversation *id*, or the one that it became a part of; None if there is none, or it is being erased."""
    conversation = await repository.get(CONVERSATIONS, id)
    while conversation is not None and conversation.merged_into:
        conversation = await repository.get(CONVERSATIONS, conversation.merged_into)
    return None if conversation is None or conversation.erased_at is not None else conversation


async def _is_being_erased(repository: Repository, id: str) -> bool:
    conversation = await repository.get(CONVERSATIONS, id)
    return conversation is not None and conversation.erased_at is not None


def news(conversation: Conversation, inbound: Inbound) -> bool:
    """Whether a message names its contact in a way that *conversation* does not know yet."""
    if not inbound.also and inbound.external_id == conversation.external_id:
        return False
    return not {inbound.external_id, *inbound.also} <= {conversation.external_id, *conversation.aliases}


async def read(repository: Repository, id: str) -> Conversation:
    """The conversation *id*. Raises ConversationGone."""
    conversation = await repository.get(CONVERSATIONS, id)
    if conversation is None:
        raise ConversationGone(id)
    return conversation


def _identity(channel: str, external_id: str) -> str:
    return f"{channel}:{external_id}"


def _newcomer(
    tenant: TenantConfig, channel: str, inbound: Inbound, id: str, now: datetime, erased: Sequence[Erased]
) -> tuple[Contact, Conversation]:
    staff = inbound.phone != "" and phones.among(inbound.phone, tenant.staff)
    contact = Contact(
        id=id,
        kind="staff" if staff else "customer",
        name=inbound.name[:200],
        phone=inbound.phone,
        created_at=now,
        **_wish(erased),
    )
    conversation = Conversation(
        id=id,
        contact=id,
        channel=channel,
        address=inbound.address,
        external_id=inbound.external_id,
        again=bool(erased),
        created_at=now,
    )
    return contact, conversation


def _times(erased: Sequence[Erased]) -> int:
    return max((each.times for each in erased), default=0)


def _wish(erased: Sequence[Erased]) -> dict[str, Any]:
    """Whoever wanted no more messages when they were erased wants none yet."""
    stopped = [each for each in erased if each.opted_out]
    if not stopped:
        return {}
    newest = max(stopped, key=lambda each: each.at)
    return {"opted_out": True, "opted_out_at": newest.opted_out_at, "opted_out_by": newest.opted_out_by}


async def _came_again(repository: Repository, conversation: Conversation, erased: Sequence[Erased]) -> None:
    """A contact turns out to have a name that was erased. The mark last: who died before it begins anew."""
    wish = {} if conversation.again else _wish(erased)
    while wish and (contact := await repository.get(CONTACTS, conversation.contact)) is not None:
        if contact.opted_out or await repository.update(CONTACTS, contact, **wish) is not None:
            break
    await leases.change(repository, conversation.id, lambda current: {} if current.again else {"again": True})

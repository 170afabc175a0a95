"""Who is who: from what a channel calls somebody to their contact and conversation."""

from __future__ import annotations

import hmac
from datetime import datetime

from frontdesk.config import TenantConfig

from . import phones
from .channel import Inbound
from .leases import ConversationGone
from .model import Contact, Conversation, Identity
from .store import Insert, Repository
from .store.collections import CONTACTS, CONVERSATIONS, IDENTITIES


class People:
    """Finds contacts by their identities, and takes in new ones.

    A new contact gets an id made of the identity with a key of this installation, so that it is found in one look. Ids
    stand in logs: without the key, phone numbers are few enough to be tried out one after the other, and the same person
    would be known at every tenant. Who was met under another key is found by way of the identity.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"contacts", "sha256")

    def id_of(self, tenant: str, channel: str, external_id: str) -> str:
        """The id of a contact that *tenant* first meets under this identity."""
        return hmac.digest(self._key, f"{tenant}\0{channel}\0{external_id}".encode(), "sha256").hex()[:24]

    async def known(self, repository: Repository, tenant: str, channel: str, external_id: str) -> Conversation | None:
        """The conversation with whoever a channel calls so; None if nobody has written under that identity."""
        conversation = await followed(repository, self.id_of(tenant, channel, external_id))
        if conversation is not None:
            return conversation
        identity = await repository.get(IDENTITIES, _identity(channel, external_id))
        return await followed(repository, identity.contact) if identity is not None else None

    async def meet(
        self, repository: Repository, tenant: TenantConfig, channel: str, inbound: Inbound, now: datetime
    ) -> Conversation:
        """The conversation with whoever wrote; a new one, with its contact and identity, at the first contact."""
        for name in (inbound.external_id, *inbound.also):
            if (conversation := await self.known(repository, tenant.id, channel, name)) is not None:
                return conversation
        return await self._first_contact(repository, tenant, channel, inbound, now)

    async def link(
        self, repository: Repository, channel: str, inbound: Inbound, conversation: Conversation
    ) -> tuple[str, ...]:
        """Have every name of whoever wrote lead to *conversation*, and its contact know their newest number.

        Returns the contacts to whom one of the names belongs already: they are the same person (merging.py).
        """
        others = []
        for name in (inbound.external_id, *inbound.also):
            identity = Identity(
                id=_identity(channel, name), contact=conversation.contact, channel=channel, external_id=name
            )
            if await repository.insert(IDENTITIES, identity):
                continue
            stored = await repository.get(IDENTITIES, identity.id)
            found = await followed(repository, stored.contact) if stored is not None else None
            if found is not None and found.id != conversation.id:
                others.append(found.id)
        contact = await repository.get(CONTACTS, conversation.contact)
        if contact is not None and inbound.phone and inbound.phone != contact.phone:
            # Somebody else's change of the contact goes first: the next message that is no news brings it again.
            await repository.update(CONTACTS, contact, phone=inbound.phone)
        return tuple(dict.fromkeys(others))

    async def _first_contact(
        self, repository: Repository, tenant: TenantConfig, channel: str, inbound: Inbound, now: datetime
    ) -> Conversation:
        """Write identity, contact and conversation; whoever else does so at the same time writes the same ids.

        The identity first: it decides the id if somebody has another key. The conversation last: it is what is looked
        for, so that a beginning is completed by whoever comes next.
        """
        id = self.id_of(tenant.id, channel, inbound.external_id)
        identity = Identity(
            id=_identity(channel, inbound.external_id), contact=id, channel=channel, external_id=inbound.external_id
        )
        contact, conversation = _newcomer(tenant, channel, inbound, id, now)
        writes = (Insert(IDENTITIES, identity), Insert(CONTACTS, contact), Insert(CONVERSATIONS, conversation))
        if await repository.write(*writes) == len(writes):
            return conversation
        stored = await repository.get(IDENTITIES, identity.id)
        id = id if stored is None else stored.contact
        contact, conversation = _newcomer(tenant, channel, inbound, id, now)
        for write in (Insert(CONTACTS, contact), Insert(CONVERSATIONS, conversation)):
            await repository.write(write)
        return await read(repository, id)


async def followed(repository: Repository, id: str) -> Conversation | None:
    """The conversation *id*, or the one that it became a part of; None if there is none."""
    conversation = await repository.get(CONVERSATIONS, id)
    while conversation is not None and conversation.merged_into:
        conversation = await repository.get(CONVERSATIONS, conversation.merged_into)
    return conversation


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
    tenant: TenantConfig, channel: str, inbound: Inbound, id: str, now: datetime
) -> tuple[Contact, Conversation]:
    staff = inbound.phone != "" and phones.among(inbound.phone, tenant.staff)
    contact = Contact(
        id=id, kind="staff" if staff else "customer", name=inbound.name[:200], phone=inbound.phone, created_at=now
    )
    conversation = Conversation(
        id=id,
        contact=id,
        channel=channel,
        address=inbound.address,
        external_id=inbound.external_id,
        created_at=now,
    )
    return contact, conversation

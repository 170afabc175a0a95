"""The account's list of messages → what the core knows of messages. The list tells less than a webhook: no profile name, no
button, no place."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from frontdesk import Inbound, Listed, Media, Refused

from .client import TwilioRest
from .inbound import WHATSAPP_ADDRESS, address_key, named, state_of, told_of
from .kinds import kind_of


async def listed(
    rest: TwilioRest, numbers: Collection[str], service: str, since: datetime, until: datetime
) -> tuple[Listed, ...]:
    """Everything to and from the tenant's senders, oldest first."""
    asked = (
        [{}] if service else [{name: number} for number in numbers for name in ("to", "from_")]
    )  # whose number is in a pool is not known: the whole account is read
    found = {}
    for of in asked:
        for one in await rest.list_messages(since, **of):
            ours = one.to if one.direction == "inbound" else one.from_
            if ours in numbers or (service and one.messaging_service_sid == service):
                found[one.sid] = one
    return tuple(sorted(_listed(found.values(), rest.account_sid, until), key=lambda one: one.at))


def _listed(messages: Iterable[Any], account_sid: str, until: datetime) -> Iterable[Listed]:
    for one in messages:
        inbound = one.direction == "inbound"
        at = one.date_sent or one.date_created
        theirs, ours = (one.from_, one.to) if inbound else (one.to, one.from_)
        if not isinstance(at, datetime) or at > until or not WHATSAPP_ADDRESS.fullmatch(theirs or ""):
            continue
        yield Listed(
            provider_id=one.sid,
            direction="inbound" if inbound else "outbound",
            external_id=theirs,
            address=ours or "",
            at=at,
            key=address_key(account_sid, ours or ""),
            text=one.body or "",
            files=int(one.num_media or 0),
            state=None if inbound else state_of(str(one.status)),
            update=None if inbound else told_of(one.sid, str(one.status), str(one.error_code or "")),
        )


async def recovered(rest: TwilioRest, listed: Listed, media_base: str) -> Inbound:
    """The message with its files. Raises Refused if Twilio has it no longer."""
    if listed.direction != "inbound":
        raise Refused("only what contacts wrote can be taken in")
    files = await rest.list_media(listed.provider_id) if listed.files else []
    media = tuple(
        Media(content_type=kind, url=f"{media_base}/Messages/{listed.provider_id}/Media/{sid}") for kind, sid in files
    )
    phone, also = named(listed.external_id)
    return Inbound(
        provider_id=listed.provider_id,
        external_id=listed.external_id,
        address=listed.address,
        kind=kind_of({"Body": listed.text}, media),
        text=listed.text,
        media=media,
        phone=phone,
        also=also,
    )

"""What `frontdesk doctor` finds at Twilio, and between Twilio and this server."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

import aiohttp
from twilio.request_validator import RequestValidator

from frontdesk import Finding, NeedsAttention

from . import account
from .account import Sender, Service, Urls
from .client import TwilioRest
from .contents import OURS
from .settings import TwilioSettings

OVERRIDES = "#rc=3&rp=ct,rt,5xx&ct=2000&rt=4000"
"""So that Twilio tries again after a 503 or no answer (Twilio: Webhooks connection overrides)."""
SANDBOX = "whatsapp:+14155238886"
_CONSOLE = "Twilio's console > Messaging > Senders > WhatsApp senders"
_SERVICES = "Twilio's console > Messaging > Services"


def right_urls(public_url: str, channel: str, tenant: str) -> tuple[str, str]:
    """What is to be entered: for inbound messages, and as fallback."""
    base = f"{public_url}/webhooks/{channel}/{tenant}"
    return base + OVERRIDES, base


async def signs_in(rest: TwilioRest) -> list[Finding]:
    """Whether the credentials open the account, and how it stands."""
    status, kind = await account.account_state(rest)
    if status != "active":
        cure = "see Twilio's console > Account: it tells why"
        return [Finding(level="problem", what=f"the account is {status or 'in an unknown state'}", cure=cure)]
    if kind == "Trial":
        cure = "upgrade it in Twilio's console > Billing; until then it writes to verified numbers only"
        return [Finding(level="warning", what="the account is a trial", cure=cure)]
    return [Finding(level="ok", what="the credentials open the account, and it is active")]


async def urls(rest: TwilioRest, settings: TwilioSettings, public_url: str, channel: str, tenant: str) -> list[Finding]:
    """Senders and service, and where they send what comes in."""
    right = right_urls(public_url, channel, tenant)
    found: list[Finding] = []
    of_service: Service | None = None
    if settings.messaging_service_sid:
        try:
            of_service = await account.service(rest, settings.messaging_service_sid)
        except NeedsAttention as err:
            what = f"messaging_service_sid: {settings.messaging_service_sid} cannot be read: {err.what}"
            cure = f"copy the SID from {_SERVICES}, of this account"
            found.append(Finding(level="problem", what=what, cure=cure))
        if of_service is not None and not of_service.by_number:
            where = f"{_SERVICES} > {of_service.sid} > Integration"
            found += judged(of_service.urls, right, f"service {of_service.sid}", where, f"service:{of_service.sid}")
    senders = {sender.number: sender for sender in await account.senders(rest)}
    for number in settings.numbers:
        found += _of_number(number, senders.get(number), right, own=of_service is None or of_service.by_number)
    return found


def _of_number(number: str, sender: Sender | None, right: tuple[str, str], *, own: bool) -> list[Finding]:
    if number == SANDBOX:
        cure = f"enter {right[0]} under Messaging > Try it out > Send a WhatsApp message > Sandbox settings, by hand"
        what = f"{number} is Twilio's sandbox, whose URL cannot be read from here"
        return [Finding(level="warning", what=what, cure=cure)]
    if sender is None:
        cure = f"compare `numbers` with {_CONSOLE}; a sub-account's sender needs the sub-account's account_sid"
        return [Finding(level="problem", what=f"{number} is no WhatsApp sender of this account", cure=cure)]
    found = []
    if not sender.status.startswith("ONLINE"):
        reasons = f": {sender.reasons}" if sender.reasons else ""
        cure = f"open the sender in {_CONSOLE} and follow what it asks"
        found.append(Finding(level="problem", what=f"{number} is {sender.status}{reasons}", cure=cure))
    if own:
        found += judged(sender.urls, right, number, f"{_CONSOLE} > {number}", f"sender:{sender.sid}")
    return found or [Finding(level="ok", what=f"{number} is online")]


def judged(entered: Urls, right: tuple[str, str], who: str, where: str, fix: str) -> list[Finding]:
    """The URLs of one sender or service against what they have to be."""
    inbound, fallback = right
    shared = fallback.rpartition("/")[0]
    base, _, overrides = entered.inbound.partition("#")
    set_it = f"set the webhook for incoming messages to {inbound} with POST, in {where}"
    if base not in (fallback, shared) or entered.method.upper() != "POST":
        entered_now = f"{entered.method} {entered.inbound}" if entered.inbound else "nothing"
        what = f"{who} does not send messages here: it has {entered_now}"
        return [Finding(level="problem", what=what, cure=set_it, fix=fix)]
    found = []
    if not {"rc=", "rp="} <= {pair[:3] for pair in overrides.split("&")}:
        what = f"{who}: Twilio does not try a webhook again that met a 503 or no answer"
        found.append(Finding(level="warning", what=what, cure=set_it, fix=fix))
    if entered.fallback.partition("#")[0] not in (fallback, shared):
        what = f"{who}: its fallback URL is {entered.fallback or 'empty'}"
        cure = f"set it to {fallback} with POST, in {where}: one more attempt before a message is left to the list"
        found.append(Finding(level="warning", what=what, cure=cure, fix=fix))
    if entered.status:
        cure = f"empty it, in {where}: each message carries its own"
        found.append(Finding(level="warning", what=f"{who} has a status callback URL of its own", cure=cure))
    return found or [Finding(level="ok", what=f"{who} sends messages here, and tries again")]


async def templates(rest: TwilioRest) -> list[Finding]:
    """Templates that cannot be sent."""
    known = [template for template in await account.templates(rest) if not template.name.startswith(OURS)]
    approved = sum(template.status == "approved" for template in known)
    found = [Finding(level="ok", what=f"{approved} of {len(known)} templates are approved")]
    for template in known:
        if template.status in ("rejected", "paused", "disabled"):
            reason = f" ({template.reason})" if template.reason else ""
            what = f"template {template.name} ({template.sid}) is {template.status}{reason}"
            cure = "mend it in Twilio's Content Template Builder and submit it again"
            found.append(Finding(level="warning", what=what, cure=cure))
    return found


async def signature(
    session: aiohttp.ClientSession, settings: TwilioSettings, public_url: str, channel: str, tenant: str, token: str
) -> list[Finding]:
    """A signed request to ourselves through the public URL, and a forged one: the first is taken, the second is not.

    It is a status callback of a message that nobody has sent: nothing comes of it.
    """
    url = f"{public_url}/webhooks/{channel}/{tenant}/status/doctor"
    fields = {
        "AccountSid": settings.account_sid,
        "ApiVersion": "2010-04-01",
        "ErrorMessage": "",
        "MessageSid": "SM" + "0" * 32,
        "MessageStatus": "sent",
    }
    right = RequestValidator(token).compute_signature(url, fields)
    status = await _posted(session, url, fields, right)
    if (finding := _of_status(status, url)) is not None:
        return [finding]
    found = [Finding(level="ok", what=f"a signed request through {public_url} is taken")]
    if settings.signature != "enforce":
        cure = "set `signature: enforce` in the tenants file once nothing is counted any more"
        what = f"`signature: {settings.signature}` lets everybody's webhooks pass"
        return [*found, Finding(level="warning", what=what, cure=cure)]
    forged = RequestValidator(token + "x").compute_signature(url, fields)
    if (status := await _posted(session, url, fields, forged)) != 403:
        cure = "look for what answers in place of this server"
        return [*found, Finding(level="problem", what=f"a forged request got {_told(status)}, not HTTP 403", cure=cure)]
    return [*found, Finding(level="ok", what="a forged request is refused")]


def _of_status(status: int | str, url: str) -> Finding | None:
    if status == 204:
        return None
    cures = {
        403: "what reaches the server is not what was sent: let the proxy pass path and query on unchanged, compare "
        "server.public_url with the address, and let the server read the tokens again (a reload)",
        404: "let the proxy pass /webhooks/ on to this server, and reload it if the tenant is new",
        503: "the server cannot read its secrets, or its store is away; see its log",
    }
    cure = "let server.public_url be the address itself, without a redirect; start the server and the proxy before it"
    if isinstance(status, int):
        cure = cures.get(status, cure)
    return Finding(level="problem", what=f"a signed request to {url} got {_told(status)}", cure=cure)


def _told(status: int | str) -> str:
    return f"HTTP {status}" if isinstance(status, int) else f"no answer ({status})"


async def _posted(session: aiohttp.ClientSession, url: str, fields: dict[str, str], signature: str) -> int | str:
    """The status of the answer, or the name of what kept it away."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
    try:
        async with session.post(url, data=urlencode(fields), headers=headers, allow_redirects=False) as answer:
            return answer.status
    except (aiohttp.ClientError, TimeoutError, OSError) as err:
        return type(err).__name__


async def repaired(
    rest: TwilioRest, settings: TwilioSettings, fix: str, public_url: str, channel: str, tenant: str
) -> None:
    """Do what a finding offered. Raises NeedsAttention if its sender is gone."""
    inbound, fallback = right_urls(public_url, channel, tenant)
    kind, _, sid = fix.partition(":")
    if kind == "service" and sid == settings.messaging_service_sid:
        await account.set_service(rest, sid, inbound, fallback)
        return
    senders: Sequence[Sender] = await account.senders(rest)
    sender = next((each for each in senders if each.sid == sid and each.number in settings.numbers), None)
    if sender is None:
        raise NeedsAttention(f"there is no sender {sid} of this tenant any more; ask the doctor again")
    await account.set_sender(rest, sender, inbound, fallback)

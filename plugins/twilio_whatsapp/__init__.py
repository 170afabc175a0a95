"""WhatsApp through Twilio."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from frontdesk import (
    ApprovedTemplate,
    Channel,
    Fetched,
    Finding,
    Found,
    Inbound,
    Listed,
    Media,
    Message,
    NeedsAttention,
    Outgoing,
    PluginError,
    Refused,
    RetryLater,
    Secret,
    SecretUnavailable,
    Services,
    StatusUpdate,
    Task,
    Template,
    WebhookRefused,
    WebhookRequest,
    WrittenContact,
    choices_of,
    hookimpl,
)

from . import account, diagnosis, listing
from .catalogue import explanation
from .client import Credentials, TwilioRest
from .contents import OURS, SENT_AT_ALL, Definition, check, interactive
from .inbound import Pairs, address_key, claimed_address, read_form, understand, understand_status, written_number
from .kept import TASK, KeptContents
from .keys import SigningKeys
from .markup import whatsapp
from .media import MediaDoor
from .settings import TwilioSettings
from .signature import problem

T = TypeVar("T")
LARGE = 64 * 1024
"""Bytes of a form that is read in a thread: Twilio's are smaller, but the longest text, escaped, takes 0.3 s to decode."""
READ_SECONDS = 6.0
"""How long the secrets may take to be read: from files, from AWS, from the store."""
SENDABLE = frozenset({"text", "template", "button", "location", "image", "voice", "video", "document", "sticker"})
TEMPLATE_KNOWN = 600.0
"""For how many seconds a template's definition and approval are remembered."""
CONTENT_GONE = "21655"
CHOOSE = {"vi": "Chọn", "en": "Choose"}
"""What stands on the button that opens a list."""


class TwilioWhatsapp(Channel):
    """Carries messages between WhatsApp and Frontdesk through the tenant's own Twilio account."""

    settings: TwilioSettings
    service_window = timedelta(hours=24)
    shows_choices = True
    typing_seconds = 25.0
    voice_types = ("audio/ogg", "audio/mpeg")

    def __init__(self, name: str, settings: TwilioSettings, services: Services) -> None:
        super().__init__(name, settings, services)
        self._keys = SigningKeys(lambda: self._in_a_thread(self._read_keys), self.clock.monotonic)
        self._credentials: Credentials | None = None
        self._would_refuse = 0
        self._templates: dict[str, tuple[Definition, float]] = {}
        self._trouble = ""
        kept = settings.choices_kept_days
        self._contents = KeptContents(self.store, services.tasks, self.clock, self._rest, kept)
        self.messages_per_second = settings.messages_per_second
        self.seconds_per_contact = settings.seconds_per_contact
        self.burst_per_contact = settings.burst_per_contact

    @classmethod
    def addresses(cls, settings: TwilioSettings) -> tuple[str, ...]:
        """`ACxxx|whatsapp:+…` of every sender."""
        return tuple(address_key(settings.account_sid, number) for number in settings.numbers)

    @classmethod
    def address_of(cls, request: WebhookRequest) -> str | None:
        """By AccountSid and To, as the form claims."""
        return claimed_address(request.body)

    @classmethod
    def written_contact(cls, settings: TwilioSettings, written: str, region: str) -> WrittenContact | None:
        """By the phone number, in any of its forms, or a BSUID; reached from the first of the numbers."""
        if (found := written_number(written, region)) is None:
            return None
        external_id, phone = found
        return WrittenContact(external_id=external_id, address=settings.numbers[0], phone=phone)

    @classmethod
    def explain(cls, code: str, language: str) -> str:
        """From the catalogue, in Vietnamese or English."""
        return explanation(code, language)

    @classmethod
    def markup(cls, text: str) -> str:
        """Markdown as WhatsApp shows it."""
        return whatsapp(text)

    @hookimpl
    async def start(self) -> None:
        """Read the secrets once, so that a missing one is told before the first message."""
        await self._keys.read()
        self._credentials = await self._in_a_thread(self._read_credentials)

    @hookimpl
    async def check_health(self) -> Mapping[str, Any]:
        """The last trouble a person must mend, and how many webhooks `signature: log` let pass."""
        let_pass = f"{self._would_refuse} webhooks with a wrong signature let pass" if self._would_refuse else ""
        return {"ok": not self._trouble, "detail": self._trouble or let_pass}

    @hookimpl
    async def parse_webhook(self, request: WebhookRequest) -> tuple[Inbound, ...]:
        """One message per request: Twilio sends an album as one webhook for each picture."""
        settings = self.settings
        pairs = await self._verified(request)
        return (understand(pairs, settings.account_sid, settings.numbers, settings.messaging_service_sid),)

    @hookimpl
    async def parse_status(self, request: WebhookRequest) -> tuple[StatusUpdate, ...]:
        return understand_status(await self._verified(request), self.settings.account_sid, request.message)

    @hookimpl
    async def fetch_media(self, media: Media) -> Fetched:
        async def fetch(credentials: Credentials) -> Fetched:
            door = MediaDoor(
                credentials, self.settings.api_base_url, self.settings.media_hosts, self.settings.max_media_bytes
            )
            return await door.fetch(self.http, media)

        return await self._signed_in(fetch)

    @hookimpl
    async def show_typing(self, message: Message) -> None:
        if self.settings.typing_indicator and message.provider_id:
            await self._rest(lambda rest: rest.show_typing(message.provider_id))

    @hookimpl
    async def send(self, message: Outgoing) -> str:
        if message.kind not in SENDABLE:
            raise Refused(f"this plugin cannot send a {message.kind}; it sends {', '.join(sorted(SENDABLE))}")
        if message.address not in self.settings.numbers and not self.settings.messaging_service_sid:
            raise NeedsAttention(
                "the conversation belongs to a sender that is no longer in `numbers`; add it again, or let the contact "
                "write to one of the others"
            )
        if message.kind == "template" and message.template is not None and self.settings.check_templates:
            await self._check_template(message.template)
        if (content := self._interactive(message)) is None or not (sid := await self._sid_of(content)):
            return await self._send(message, "")
        try:
            return await self._send(message, sid)
        except Refused as err:
            if err.code != CONTENT_GONE:
                raise
        # Somebody deleted it at Twilio, it was made in another account, or it has just not been used for too long.
        await self._contents.is_gone(content)
        return await self._send(message, await self._sid_of(content))

    @hookimpl
    async def run_task(self, task: Task) -> None:
        """Delete contents of choices that nobody has needed for a while."""
        if task.name == TASK:
            await self._contents.delete_unused()

    @hookimpl
    async def find_sent(self, message: Outgoing, since: datetime) -> tuple[Found, ...]:
        return await self._rest(lambda rest: rest.find_sent(message, since))

    @hookimpl
    async def list_messages(self, since: datetime, until: datetime) -> tuple[Listed, ...]:
        settings = self.settings
        return await self._rest(
            lambda rest: listing.listed(rest, settings.numbers, settings.messaging_service_sid, since, until)
        )

    @hookimpl
    async def recover_message(self, listed: Listed) -> Inbound:
        base = f"{self.settings.api_base_url}/2010-04-01/Accounts/{self.settings.account_sid}"
        return await self._rest(lambda rest: listing.recovered(rest, listed, base))

    @hookimpl
    async def erase_message(self, message: Message) -> None:
        files = bool(message.media)
        await self._rest(lambda rest: rest.erase(message.provider_id, files=files))

    @hookimpl
    async def list_templates(self) -> tuple[ApprovedTemplate, ...]:
        return tuple(
            ApprovedTemplate(
                id=each.sid, name=each.name, text=each.text, language=each.language, examples=each.examples
            )
            for each in await self._rest(account.templates)
            if each.status in SENT_AT_ALL and each.text and not each.name.startswith(OURS)
        )

    @hookimpl
    async def diagnose(self) -> tuple[Finding, ...]:
        settings, here = self.settings, (self.services.public_url, self.name, self.tenant.id)
        token = await self._in_a_thread(lambda: _revealed(settings.auth_token))
        found = await diagnosis.signature(self.http, settings, *here, token)
        parts: list[Callable[[TwilioRest], Awaitable[list[Finding]]]] = [diagnosis.signs_in]
        if settings.api_key_secret is not None:
            # The key opens the account; whether the token, which signatures need, is the account's is another thing.
            parts.append(lambda _: self._token_opens(token))
        parts += [lambda rest: diagnosis.urls(rest, settings, *here), diagnosis.templates]
        for part in parts:
            try:
                found += await self._rest(part)
            except PluginError as err:
                # The other parts may tell more.
                found.append(Finding(level="problem", what=str(err), cure="mend that, and ask the doctor again"))
        return tuple(found)

    @hookimpl
    async def repair(self, fix: str) -> None:
        here = (self.services.public_url, self.name, self.tenant.id)
        await self._rest(lambda rest: diagnosis.repaired(rest, self.settings, fix, *here))

    async def _token_opens(self, token: str) -> list[Finding]:
        account = self.settings.account_sid
        rest = await self._client(Credentials(account, account, token))
        try:
            await diagnosis.signs_in(rest)
        except NeedsAttention:
            cure = "copy the auth token of this account (of the sub-account, if it is one) into auth_token"
            what = "auth_token does not open the account: signatures of its webhooks will not fit"
            return [Finding(level="problem", what=what, cure=cure)]
        return [Finding(level="ok", what="auth_token is the account's")]

    async def _send(self, message: Outgoing, content: str) -> str:
        service = self.settings.messaging_service_sid
        return await self._rest(lambda rest: rest.send(message, message.address, service, content))

    async def _sid_of(self, content: dict[str, Any]) -> str:
        """Empty: Twilio does not take it; as lines it still can be answered."""
        try:
            return await self._contents.sid_of(content)
        except Refused as err:
            self.log.warning("choices_as_lines", reason=err.reason)
            return ""

    def _interactive(self, message: Outgoing) -> dict[str, Any] | None:
        """The content of buttons or a list; None: the message goes as it is."""
        if message.kind != "button":
            return None
        language = self.tenant.language
        button = CHOOSE.get(language.partition("-")[0], CHOOSE["en"])
        return interactive(message.text, choices_of(message.data), button, language, self.tenant.id)

    async def _check_template(self, template: Template) -> None:
        now = self.clock.monotonic()
        known, until = self._templates.get(template.id, (None, 0.0))
        if known is None or until <= now or known.status != "approved":
            try:
                known = await self._rest(lambda rest: rest.definition(template.id))
            except RetryLater as err:
                # Who cannot be asked does not hold the message up: Twilio judges it when it is sent.
                self.log.warning("template_unchecked", template=template.id, reason=err.reason)
                return
            self._templates[template.id] = (known, now + TEMPLATE_KNOWN)
        check(template, known)

    async def _verified(self, request: WebhookRequest) -> Pairs:
        """The form of a request that Twilio signed; what `signature` says about one that it did not."""
        keys = self._keys.current if self.settings.signature != "off" else None
        if len(request.body) > LARGE:
            pairs, reason = await asyncio.to_thread(_read, request, keys)
        else:
            pairs, reason = _read(request, keys)
        if reason and keys is not None and (newer := await self._newer_than(keys)):
            # They have been rotated since they were read.
            reason = problem(request.url, pairs, request.body, request.headers, newer)
        if reason:
            if self.settings.signature == "enforce":
                raise WebhookRefused(403, reason)
            self._would_refuse += 1
            self.count("signature_would_refuse")
            self.log.warning("signature_would_refuse", reason=reason, count=self._would_refuse)
        if pairs is None:
            raise WebhookRefused(400, "the body is not a form")
        return pairs

    async def _newer_than(self, keys: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Empty: there are none. That they cannot be read keeps a webhook out only where a wrong signature does."""
        try:
            return await self._keys.newer_than(keys)
        except PluginError as err:
            if self.settings.signature == "enforce":
                raise
            self.log.warning("signing_keys_not_read", reason=str(err))
            return ()

    async def _rest(self, use: Callable[[TwilioRest], Awaitable[T]]) -> T:
        async def with_client(credentials: Credentials) -> T:
            return await use(await self._client(credentials))

        return await self._signed_in(with_client)

    async def _signed_in(self, use: Callable[[Credentials], Awaitable[T]]) -> T:
        """With the credentials at hand; rejected ones are read again, once: they may have been rotated."""
        credentials = self._credentials
        if credentials is None:
            credentials = await self._in_a_thread(self._read_credentials)
        try:
            try:
                result = await use(credentials)
            except NeedsAttention as err:
                # The SDK's lists tell the status alone.
                if (
                    err.code not in ("20003", "401")
                    or (fresh := await self._in_a_thread(self._read_credentials)) == credentials
                ):
                    raise
                self._credentials = fresh
                result = await use(fresh)
        except NeedsAttention as err:
            self._trouble = err.what
            raise
        self._trouble = ""
        return result

    async def _client(self, credentials: Credentials) -> TwilioRest:
        """The process's client for these credentials: tenants of one account share it."""
        settings = self.settings
        api = settings.api_base_url

        async def make() -> TwilioRest:
            return TwilioRest(credentials, api, settings.messaging_base_url, self.http, settings.content_base_url)

        fingerprint = hashlib.sha256(credentials.password.encode()).hexdigest()[:16]
        key = f"twilio {api} {credentials.account_sid} {credentials.username} {fingerprint}"
        client: TwilioRest = await self.shared(key, make)
        return client

    async def _in_a_thread(self, read: Callable[[], T]) -> T:
        """What *read* finds. Raises RetryLater when disk, AWS or store do not answer."""
        try:
            return await self.call_blocking(read, timeout=READ_SECONDS)
        except TimeoutError as err:
            raise RetryLater(f"the secrets could not be read within {READ_SECONDS:g} s") from err

    def _read_keys(self) -> tuple[bytes, ...]:
        given = (self.settings.auth_token, self.settings.previous_auth_token, self.settings.webhook_shared_key)
        return tuple(_revealed(secret).encode() for secret in given if secret is not None)

    def _read_credentials(self) -> Credentials:
        account = self.settings.account_sid
        if self.settings.api_key_secret is not None:
            return Credentials(account, self.settings.api_key_sid, _revealed(self.settings.api_key_secret))
        return Credentials(account, account, _revealed(self.settings.auth_token))


def _read(request: WebhookRequest, keys: tuple[bytes, ...] | None) -> tuple[Pairs | None, str]:
    """The form (None: it is none) and what is wrong with its signature (no *keys*: nothing is asked of it)."""
    pairs = read_form(request)
    return pairs, problem(request.url, pairs, request.body, request.headers, keys) if keys is not None else ""


def _revealed(secret: Secret) -> str:
    try:
        # Only at the start, and after Twilio or a signature said no: what is remembered may be what was rejected.
        return secret.reveal(fresh=True)
    except SecretUnavailable as err:
        raise NeedsAttention(str(err)) from err

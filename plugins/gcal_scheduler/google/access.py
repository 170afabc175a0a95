"""The account by which Google is called, and what operators hear of it when it does not work any more."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from frontdesk import NeedsAttention, Secret, SecretUnavailable

from . import client
from .client import Client
from .errors import Answered, Unclear
from .names import called
from .settings import PAGE, GoogleAccess

if TYPE_CHECKING:
    from .. import GcalScheduler

TOKEN = "GOOGLE_ACCOUNT"  # noqa: S105  the name of a secret
"""The secret with the refresh token of who said yes: JSON, `{"token", "until"}`."""
NOT_CONNECTED = (
    "nobody has let Frontdesk use a Google account yet; an operator does it by the link on the settings page of "
    "gcal_scheduler"
)
TITLE = "Google Calendar needs a person"


class Access:
    """Of one tenant."""

    def __init__(self, plugin: GcalScheduler, settings: GoogleAccess) -> None:
        self._plugin = plugin
        self._settings = settings
        self._client: tuple[str, Client] | None = None
        self.trouble = ""
        """What a person must mend; empty: the last call did not meet such a thing."""

    async def call(self, make: Callable[[Any], Any], *, if_match: str = "") -> Any:
        """What Google answers to the request that *make* makes of the service object.

        Raises RetryLater, Unclear (it may have been done), NeedsAttention (operators are told), Refused, Answered.
        """
        try:
            answer = await self._call(make, if_match)
        except Answered:
            self.trouble = ""  # we were let in
            raise
        except NeedsAttention as err:
            await self.tell(err.what)
            raise
        self.trouble = ""
        return answer

    async def tell(self, what: str) -> None:
        """Tell operators, of one thing once a day."""
        self.trouble = what
        self._plugin.log.warning("google_needs_attention", what=what)
        day = self._plugin.clock.now().astimezone(UTC).date().isoformat()
        case = hashlib.sha256(what.encode()).hexdigest()[:12]
        await self._plugin.tell_operators(TITLE, what, case=f"google/{day}/{case}")

    def called(self, calendar: str) -> str:
        """A calendar's name for operators."""
        return called(self._plugin.settings, calendar)

    async def read(self) -> None:
        """Look once whether there is something to sign in with. Raises NeedsAttention. Google is not called."""
        await self._connected()

    async def connected(self) -> dict[str, str] | None:
        """What is kept of the account that somebody let us use; None: nobody has yet, or none is needed."""
        if self._settings.account != "oauth" or (kept := await self._plugin.secrets.get(TOKEN)) is None:
            return None
        found: dict[str, str] = json.loads(kept)
        return found

    async def connect(self, token: str, until: datetime | None) -> None:
        """From now on with this refresh token. Raises NeedsAttention: this server has no key to encrypt it with."""
        kept = {"token": token, "until": until.isoformat() if until is not None else ""}
        await self._plugin.secrets.put(TOKEN, json.dumps(kept))
        self._client = None
        self.trouble = ""

    async def reveal(self, secret: Secret | None) -> str:
        """Raises NeedsAttention."""
        assert secret is not None, "the settings were checked"
        try:
            return await self._plugin.call_blocking(partial(secret.reveal, fresh=True), timeout=self._settings.seconds)
        except SecretUnavailable as err:
            raise NeedsAttention(f"google: {err}") from err
        except TimeoutError as err:
            raise Unclear("a secret could not be read in time", after=5) from err

    async def _call(self, make: Callable[[Any], Any], if_match: str) -> Any:
        key, with_it = await self._connected()
        try:
            return await self._once(with_it, make, if_match)
        except NeedsAttention:
            # A new key, or another process has been given a new token.
            self._client = None
            again, with_it = await self._connected()
            if again == key:
                raise
            return await self._once(with_it, make, if_match)

    async def _once(self, with_it: Client, make: Callable[[Any], Any], if_match: str) -> Any:
        try:
            return await self._plugin.call_blocking(with_it.call, make, if_match, timeout=self._settings.seconds)
        except TimeoutError as err:
            raise Unclear(f"Google has not answered within {self._settings.seconds:g} s", after=5) from err

    async def _connected(self) -> tuple[str, Client]:
        """The client, and a name of its credentials."""
        if self._client is None:
            credentials, name = await self._credentials()
            settings = self._settings
            # Shorter than the call's own: a call that has begun keeps its thread.
            waits = max(0.5, settings.seconds - 0.5)
            new = partial(Client, api_url=settings.api_url, seconds=waits)

            async def make() -> Client:
                return await self._plugin.call_blocking(lambda: new(credentials()), timeout=settings.seconds)

            shared = hashlib.sha256(f"{name}\0{settings.api_url}\0{waits}".encode()).hexdigest()
            try:
                self._client = shared, await self._plugin.shared(shared, make)
            except ValueError as err:
                raise NeedsAttention(
                    "google: service_account_key is no key file of a service account: it is JSON with client_email, "
                    f"private_key and token_uri ({PAGE})"
                ) from err
        return self._client

    async def _credentials(self) -> tuple[Callable[[], Any], str]:
        """What makes them, and what names them."""
        settings = self._settings
        if settings.account == "service_account":
            text = await self.reveal(settings.service_account_key)
            made = partial(client.of_service_account, text, settings.subject)
            return made, f"{text}\0{settings.subject}"
        if (kept := await self.connected()) is None:
            raise NeedsAttention(NOT_CONNECTED)
        secret = await self.reveal(settings.client_secret)
        given = (kept["token"], settings.client_id, secret, settings.token_url)
        return partial(client.of_person, *given), "\0".join(given)

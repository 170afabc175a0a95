"""A person lets Frontdesk use their Google account: authorisation code with PKCE and state (RFC 6749 section 4.1, RFC 7636;
Google: Using OAuth 2.0 for Web Server Applications).

The way begins with a link that only operators are shown, on the plugin's settings page, and that works for some minutes.
It ends in the same browser: the cookie has what the state does not tell.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from frontdesk import Plugin, Refused, RetryLater

from .access import Access
from .client import SCOPES
from .settings import GoogleAccess

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import AsyncOAuth2Client

COLLECTION = "google_consents"
"""Who is on the way: by the hash of the state `until` and `challenge`, which belongs to what the cookie holds."""
LINK_LASTS = timedelta(minutes=15)
LASTS = timedelta(minutes=10)
"""What somebody may take at Google."""
PAGE = 100


class Consent:
    """Of one tenant. *redirect*: where Google sends people back to."""

    def __init__(self, plugin: Plugin, settings: GoogleAccess, access: Access, redirect: str) -> None:
        self._plugin = plugin
        self._settings = settings
        self._access = access
        self.redirect = redirect

    async def ticket(self) -> str:
        """What the link carries: nobody begins without it. Raises NeedsAttention."""
        until = int((self._plugin.clock.now() + LINK_LASTS).timestamp())
        return f"{until}.{await self._sealed(str(until))}"

    async def begin(self, ticket: str) -> tuple[str, str]:
        """Google's address to send somebody to, and what their cookie must hold until they are back. Raises Refused."""
        until, _, seal = ticket.partition(".")
        now = self._plugin.clock.now()
        good = hmac.compare_digest(seal.encode(), (await self._sealed(until)).encode())
        if not good or int(until) < now.timestamp():
            raise Refused(
                "This link does not work any more. Open the settings page of gcal_scheduler again for a new one."
            )
        await self._drop_old()
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        going = {"until": (now + LASTS).isoformat(), "challenge": _hash(verifier)}
        await self._plugin.store.put(COLLECTION, _hash(state), going)
        async with await self._client() as client:
            # prompt=consent: without it there is a refresh token with a person's first yes alone.
            address, _state = client.create_authorization_url(
                self._settings.consent_url,
                state=state,
                code_verifier=verifier,
                access_type="offline",
                prompt="consent",
            )
        return str(address), verifier

    async def finish(self, cookie: str, answer: Mapping[str, str]) -> None:
        """Somebody is back from Google, with the parameters of the address they came to; keep the account. Raises Refused
        with a sentence for them, RetryLater, NeedsAttention."""
        key = _hash(answer.get("state", ""))
        going = await self._plugin.store.get(COLLECTION, key)
        # It is taken once, and before anything else is asked.
        if going is None or not await self._plugin.store.delete(COLLECTION, key):
            raise Refused("This answer belongs to no attempt that is going on. Begin again on the settings page.")
        late = datetime.fromisoformat(going["until"]) < self._plugin.clock.now()
        if late or not hmac.compare_digest(_hash(cookie), going["challenge"]):
            raise Refused("That took too long, or began in another browser. Begin again on the settings page.")
        if "code" not in answer:
            raise Refused(f"Google did not give the permission ({answer.get('error', 'no reason given')[:60]}).")
        await self._keep(await self._token(answer["code"], cookie))

    async def _keep(self, token: Mapping[str, Any]) -> None:
        missing = set(SCOPES) - set(str(token.get("scope", "")).split())
        if missing:
            raise Refused("Not every permission was given. Begin again, and leave every box ticked on Google's page.")
        if not token.get("refresh_token"):
            raise Refused("Google gave no lasting permission. Begin again on the settings page.")
        lasts = token.get("refresh_token_expires_in")
        until = self._plugin.clock.now() + timedelta(seconds=int(lasts)) if lasts else None
        await self._access.connect(str(token["refresh_token"]), until)
        self._plugin.log.info("google_account_connected", until=until.isoformat() if until else "")

    async def _token(self, code: str, verifier: str) -> Mapping[str, Any]:
        import httpx2
        from authlib.common.errors import AuthlibBaseError

        try:
            async with await self._client() as client:
                token: Mapping[str, Any] = await client.fetch_token(
                    self._settings.token_url, code=code, code_verifier=verifier
                )
        except (AuthlibBaseError, ValueError) as err:
            raise Refused(f"Google did not take the answer ({type(err).__name__}). Begin again.") from err
        except httpx2.HTTPError as err:
            raise RetryLater(f"Google does not answer ({type(err).__name__}); begin again in a moment") from err
        return token

    async def _client(self) -> AsyncOAuth2Client:
        from authlib.integrations.httpx_client import AsyncOAuth2Client  # a fifth of a second

        return AsyncOAuth2Client(
            self._settings.client_id,
            await self._access.reveal(self._settings.client_secret),
            scope=" ".join(SCOPES),
            redirect_uri=self.redirect,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_post",  # noqa: S106  a method's name
            timeout=self._settings.seconds,
            follow_redirects=False,
        )

    async def _sealed(self, until: str) -> str:
        """By the application's secret, which only this server and Google know; of this tenant alone."""
        if self._settings.account != "oauth":
            raise Refused("This tenant uses a service account (google.account); there is nothing to connect.")
        secret = await self._access.reveal(self._settings.client_secret)
        said = f"frontdesk google consent\0{self._plugin.tenant.id}\0{until}"
        digest = hmac.new(secret.encode(), said.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    async def _drop_old(self) -> None:
        now = self._plugin.clock.now()
        for key, each in await self._plugin.store.list(COLLECTION, limit=PAGE):
            if datetime.fromisoformat(each["until"]) < now:
                await self._plugin.store.delete(COLLECTION, key)


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()

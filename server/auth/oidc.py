"""Signing in at a provider that speaks OpenID Connect: authorisation code with PKCE, state and nonce (OpenID Connect Core
1.0, sections 3.1 and 3.1.3.7; RFC 7636). Authlib speaks it, joserfc checks the token's signature.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from frontdesk.config import SecretUnavailable, SignInProvider

from ..clock import Clock
from ..stored_operators import Operator
from .accounts import Accounts, Refused
from .principal import ROLES, Role

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import AsyncOAuth2Client

# Authlib, httpx2 and joserfc are imported where they are used: it takes a fifth of a second, and most servers have no
# provider.

TIMEOUT = 8.0
"""Seconds for each call of the provider."""
LASTS = 600
"""Seconds that somebody may take at the provider."""
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Of ID tokens: none of those where the client's secret is the key."""
KNOWN_FOR = 3600.0
"""Seconds for which a provider's discovery document is remembered."""


@dataclass(frozen=True, slots=True)
class Going:
    """Somebody is on the way to a provider: what their cookie holds, encrypted."""

    provider: str
    state: str
    nonce: str
    verifier: str
    wanted: str
    """The path they wanted."""


class OpenIdConnect:
    """The providers of `server.sign_in`."""

    def __init__(
        self,
        accounts: Accounts,
        providers: Sequence[SignInProvider],
        public_url: str,
        signing_key: bytes,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self.providers = {each.id: each for each in providers}
        self._redirect = f"{public_url.rstrip('/')}/oidc/callback"
        self._clock = clock
        self._known: dict[str, tuple[float, dict[str, Any]]] = {}
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"frontdesk sign-in elsewhere").derive(
            signing_key
        )
        self._fernet = Fernet(base64.urlsafe_b64encode(derived))

    async def begin(self, id: str, wanted: str) -> tuple[str, str]:
        """The provider's address to send somebody to, and what their cookie must hold until they are back.

        Raises Refused: no such provider, or it does not answer.
        """
        provider = self._provider(id)
        found = await self._discovered(provider)
        going = Going(
            provider=id,
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            wanted=wanted,
        )
        async with await self._client(provider) as client:
            address, _ = client.create_authorization_url(
                found["authorization_endpoint"], state=going.state, nonce=going.nonce, code_verifier=going.verifier
            )
        return str(address), self._fernet.encrypt(json.dumps(asdict(going)).encode()).decode()

    async def finish(self, cookie: str, answer: Mapping[str, str]) -> tuple[Operator, str]:
        """Whoever comes back from a provider, with the roles that their groups have now, and the path they wanted.

        *answer* are the parameters of the address they came to. Raises Refused with a sentence for them.
        """
        try:
            going = Going(**json.loads(self._fernet.decrypt(cookie.encode(), ttl=LASTS)))
        except (InvalidToken, TypeError) as err:
            raise Refused("that took too long, or began in another browser; sign in again") from err
        if not secrets.compare_digest(answer.get("state", "").encode(), going.state.encode()):
            raise Refused("the answer belongs to another attempt; sign in again")
        provider = self._provider(going.provider)
        if "code" not in answer:
            raise Refused(f"{provider.label} did not let you in: {answer.get('error', 'no reason given')[:100]}")
        claims = await self._claims(provider, going, answer["code"])
        return await self._operator(provider, claims), going.wanted

    def _provider(self, id: str) -> SignInProvider:
        if id not in self.providers:
            raise Refused("there is no such way to sign in")
        return self.providers[id]

    async def _client(self, provider: SignInProvider) -> AsyncOAuth2Client:
        from authlib.integrations.httpx_client import AsyncOAuth2Client

        secret = provider.client_secret
        try:
            value = await asyncio.to_thread(secret.reveal, fresh=True) if secret is not None else None
        except SecretUnavailable as err:
            raise Refused(f"{provider.label} is not set up yet: server.sign_in: {provider.id}: {err}") from err
        return AsyncOAuth2Client(
            provider.client_id,
            value,
            scope=" ".join(provider.scopes),
            redirect_uri=self._redirect,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if value else "none",
            timeout=TIMEOUT,
            follow_redirects=False,
        )

    async def _discovered(self, provider: SignInProvider) -> dict[str, Any]:
        until, found = self._known.get(provider.id, (0.0, {}))
        if self._clock.monotonic() < until:
            return found
        found = await self._json(provider, f"{provider.issuer}/.well-known/openid-configuration")
        if str(found.get("issuer", "")).rstrip("/") != provider.issuer:
            raise Refused(
                f"{provider.label} calls itself {found.get('issuer')!r}; server.sign_in says {provider.issuer}"
            )
        self._known[provider.id] = self._clock.monotonic() + KNOWN_FOR, found
        return found

    async def _json(self, provider: SignInProvider, url: str) -> dict[str, Any]:
        import httpx2

        try:
            async with httpx2.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as client:
                answer = await client.get(url)
                answer.raise_for_status()
                found: dict[str, Any] = answer.json()
        except (httpx2.HTTPError, ValueError) as err:
            raise Refused(f"{provider.label} does not answer; try again in a moment") from err
        return found

    async def _claims(self, provider: SignInProvider, going: Going, code: str) -> dict[str, Any]:
        """What the ID token says, once it is certain that the provider says it, to us, and in answer to this attempt."""
        import httpx2
        from authlib.common.errors import AuthlibBaseError
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        found = await self._discovered(provider)
        try:
            async with await self._client(provider) as client:
                token = await client.fetch_token(found["token_endpoint"], code=code, code_verifier=going.verifier)
            keys = KeySet.import_key_set(await self._json(provider, found["jwks_uri"]))  # type: ignore[arg-type]
            decoded = jwt.decode(token["id_token"], keys, algorithms=ALGORITHMS)
            rules = jwt.JWTClaimsRegistry(
                now=int(self._clock.now().timestamp()),
                leeway=60,
                iss={"essential": True, "value": found["issuer"]},
                aud={"essential": True, "value": provider.client_id},
                exp={"essential": True},
                sub={"essential": True},
                nonce={"essential": True, "value": going.nonce},
            )
            rules.validate(decoded.claims)
        except (AuthlibBaseError, JoseError, httpx2.HTTPError, KeyError, ValueError) as err:
            raise Refused(
                f"what {provider.label} answered cannot be trusted ({type(err).__name__}); sign in again"
            ) from err
        claims: dict[str, Any] = decoded.claims
        if claims.get("azp", provider.client_id) != provider.client_id:
            raise Refused(f"the answer of {provider.label} is for another application; sign in again")
        return claims

    async def _operator(self, provider: SignInProvider, claims: Mapping[str, Any]) -> Operator:
        roles, admin = granted(provider, claims)
        subject = f"{provider.issuer} {claims['sub']}"
        there = await self._accounts.by_subject(subject)
        if not roles and not admin:
            if there is not None:
                await self._take_away(provider, there)
            raise Refused(f"you are known at {provider.label}, but no group of yours has a role here; ask an owner")
        if there is None:
            there = await self._new(provider, claims, subject)
        if there.disabled:
            raise Refused("this account is switched off")
        if provider.tenant is not None:
            # It has a say in its own tenant and nowhere else.
            roles = {**_roles(there), **roles}
            admin = there.admin
        changed = await self._accounts.change(there.id, roles=dict(roles), admin=admin)
        return replace(changed, roles=dict(roles))

    async def _take_away(self, provider: SignInProvider, there: Operator) -> None:
        """No group of theirs has a role any more: neither have they, from now on and wherever they are signed in."""
        left = {tenant: role for tenant, role in _roles(there).items() if tenant != provider.tenant}
        whole = provider.tenant is None
        await self._accounts.change(there.id, roles={} if whole else left, admin=there.admin and not whole)
        await self._accounts.end_sessions(there.id)

    async def _new(self, provider: SignInProvider, claims: Mapping[str, Any], subject: str) -> Operator:
        email = str(claims.get("email", "")) or f"{claims['sub']}@{provider.id}.invalid"
        name = str(claims.get("name") or claims.get("preferred_username") or email.partition("@")[0])
        language = "vi" if str(claims.get("locale", "")).lower().startswith("vi") else "en"
        if await self._accounts.by_email(email) is not None:
            # Whoever can make an address up at a provider would have the account that has it here.
            raise Refused(f"{email} has an account on this server already: sign in with its password")
        return await self._accounts.create(email, name, language=language, subject=subject)


def granted(provider: SignInProvider, claims: Mapping[str, Any]) -> tuple[dict[str, Role], bool]:
    """The roles by tenant that these claims have, and whether they make an admin. Of two roles the higher counts."""
    said = claims.get(provider.groups_claim, ())
    groups = [said] if isinstance(said, str) else [each for each in said if isinstance(each, str)]
    roles: dict[str, Role] = {}
    for group in groups:
        given = provider.groups.get(group, {})
        by_tenant = {provider.tenant or "": given} if isinstance(given, str) else given
        for tenant, role in by_tenant.items():
            if tenant not in roles or ROLES.index(role) > ROLES.index(roles[tenant]):
                roles[tenant] = role
    return roles, provider.tenant is None and any(group in provider.admins for group in groups)


def _roles(operator: Operator) -> dict[str, Role]:
    return {tenant: role for tenant, role in operator.roles.items() if role in ROLES}

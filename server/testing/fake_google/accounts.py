"""Who may do what: service accounts, domain-wide delegation, people with a consent, and the tokens of them all."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from ...clock import Clock, SystemClock
from .errors import TokenRefused

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCE = "https://oauth2.googleapis.com/token"
"""What google-auth writes as `aud`, whatever `token_uri` the key file names."""
LASTS = 3600
"""Seconds of an access token."""


@dataclass(frozen=True)
class Who:
    """Whose access token it is, until when (monotonic seconds), and for what."""

    email: str
    scopes: frozenset[str]
    until: float


@dataclass
class OauthClient:
    """An application that asks people for their consent."""

    id: str
    secret: str
    redirect_uris: tuple[str, ...]


@dataclass
class Consent:
    """What a person said yes to; the refresh token's."""

    client: str
    email: str
    scopes: frozenset[str]
    lasts: int = 0
    """Seconds for which the refresh token lives, as the answer tells; 0: no end."""


@dataclass
class _Code:
    consent: Consent
    redirect_uri: str
    challenge: str
    offline: bool


@dataclass
class Accounts:
    """All that have tokens."""

    clock: Clock
    token_uri: str = ""
    """Where the assertions must be meant for; the server's own."""
    delegated: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """(service account, domain) → scopes that the domain's admin let it use as anybody there."""
    clients: dict[str, OauthClient] = field(default_factory=dict)
    consents: dict[str, Consent] = field(default_factory=dict)
    """By refresh token."""
    tokens: dict[str, Who] = field(default_factory=dict)
    codes: dict[str, _Code] = field(default_factory=dict)
    service_accounts: set[str] = field(default_factory=set)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def service_account(self, email: str) -> dict[str, str]:
        """The key file of a service account."""
        self.service_accounts.add(email)
        return {
            "type": "service_account",
            "project_id": "front-desk",
            "private_key_id": "1",
            "private_key": _pem(),
            "client_email": email,
            "client_id": "100000000000000000001",
            "token_uri": self.token_uri,
        }

    def who(self, authorization: str) -> Who | None:
        """By an `Authorization` header; None: expired, revoked, or never given."""
        found = self.tokens.get(authorization.removeprefix("Bearer "))
        return found if found is not None and found.until > self.clock.monotonic() else None

    def revoke(self, email: str) -> None:
        """A person, or an admin, takes back what was given."""
        self.consents = {token: each for token, each in self.consents.items() if each.email != email}
        self.tokens = {token: each for token, each in self.tokens.items() if each.email != email}
        self.service_accounts.discard(email)

    def consent(self, email: str, asked: Mapping[str, str], lasts: int = 0) -> str:
        """The code with which a person's browser comes back. Raises TokenRefused for a request that Google shows an error
        page for."""
        client = self.clients.get(asked.get("client_id", ""))
        if client is None or asked.get("redirect_uri") not in client.redirect_uris:
            raise TokenRefused("redirect_uri_mismatch", "the redirect URI is not the application's")
        if asked.get("response_type") != "code" or not asked.get("scope"):
            raise TokenRefused("invalid_request", "response_type=code and scope are needed")
        if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
            raise TokenRefused("invalid_request", "code_challenge_method")
        code = f"4/code-{next(self._numbers)}"
        consent = Consent(client.id, email, frozenset(asked["scope"].split()), lasts)
        # A refresh token comes with the first consent only, unless prompt=consent asks again.
        offline = asked.get("access_type") == "offline" and asked.get("prompt") == "consent"
        self.codes[code] = _Code(consent, asked["redirect_uri"], asked.get("code_challenge", ""), offline)
        return code

    def token(self, form: Mapping[str, str]) -> dict[str, Any]:
        """What the token endpoint answers. Raises TokenRefused."""
        match form.get("grant_type"):
            case "authorization_code":
                return self._by_code(form)
            case "refresh_token":
                self._client(form)
                consent = self.consents.get(form.get("refresh_token", ""))
                if consent is None or consent.client != form.get("client_id"):
                    raise TokenRefused("invalid_grant", "Token has been expired or revoked.")
                return self._given(consent.email, consent.scopes)
            case grant if grant == JWT_BEARER:
                return self._by_assertion(form.get("assertion", ""))
        raise TokenRefused("unsupported_grant_type", "Invalid grant_type")

    def _client(self, form: Mapping[str, str]) -> OauthClient:
        client = self.clients.get(form.get("client_id", ""))
        if client is None or client.secret != form.get("client_secret"):
            raise TokenRefused("invalid_client", "The OAuth client was not found.", 401)
        return client

    def _by_code(self, form: Mapping[str, str]) -> dict[str, Any]:
        client, code = self._client(form), self.codes.pop(form.get("code", ""), None)
        if code is None or code.consent.client != client.id:
            raise TokenRefused("invalid_grant", "Malformed auth code.")
        if form.get("redirect_uri") != code.redirect_uri:
            raise TokenRefused("redirect_uri_mismatch", "Bad Request")
        if code.challenge and _challenge(form.get("code_verifier", "")) != code.challenge:
            raise TokenRefused("invalid_grant", "Invalid code verifier.")
        given = self._given(code.consent.email, code.consent.scopes)
        if code.offline:
            given["refresh_token"] = f"1//refresh-{next(self._numbers)}"
            self.consents[given["refresh_token"]] = code.consent
            if code.consent.lasts:
                given["refresh_token_expires_in"] = code.consent.lasts
        return given

    def _by_assertion(self, assertion: str) -> dict[str, Any]:
        try:
            claims = jwt.decode(assertion, RSAKey.import_key(_public()), algorithms=["RS256"]).claims
        except (JoseError, ValueError) as err:
            raise TokenRefused("invalid_grant", "Invalid JWT Signature.") from err
        # google-auth takes the machine's time, whatever clock a test moves.
        email, now = str(claims.get("iss", "")), SystemClock().now().timestamp()
        if email not in self.service_accounts:
            raise TokenRefused("invalid_grant", "Invalid grant: account not found")
        issued, expires = claims.get("iat", 0), claims.get("exp", 0)
        in_time = now - 300 < issued <= expires <= now + LASTS + 300
        if claims.get("aud") not in (self.token_uri, AUDIENCE) or not in_time:
            raise TokenRefused("invalid_grant", "Invalid JWT: aud, iat or exp")
        scopes = frozenset(str(claims.get("scope", "")).split())
        subject = str(claims.get("sub") or email)
        allowed = self.delegated.get((email, subject.rpartition("@")[2]), frozenset())
        if subject != email and not scopes <= allowed:
            raise TokenRefused(
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of "
                "the scopes requested.",
                401,
            )
        return self._given(subject, scopes)

    def _given(self, email: str, scopes: frozenset[str]) -> dict[str, Any]:
        token = f"ya29.{next(self._numbers)}"
        self.tokens[token] = Who(email, scopes, self.clock.monotonic() + LASTS)
        return {
            "access_token": token,
            "expires_in": LASTS - 1,
            "token_type": "Bearer",
            "scope": " ".join(sorted(scopes)),
        }


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@lru_cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@lru_cache
def _pem() -> str:
    pkcs8, clear = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return _key().private_bytes(serialization.Encoding.PEM, pkcs8, clear).decode()


@lru_cache
def _public() -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return _key().public_key().public_bytes(serialization.Encoding.PEM, form).decode()

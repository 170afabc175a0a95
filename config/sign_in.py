"""Where operators may sign in besides the server's own accounts: providers that speak OpenID Connect."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from .fields import Slug, Text
from .problems import wrong
from .secret import Secret
from .settings import Settings

RoleName = Literal["viewer", "agent", "manager", "owner"]


def _issuer(value: str) -> str:
    parts = urlsplit(value)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise wrong(
            f"found {value!r}", "write the https:// address of the provider, as its discovery document calls itself"
        )
    return value.rstrip("/")


class SignInProvider(Settings):
    """A provider, e.g. an Amazon Cognito user pool. What its groups may is written here; who is in none may nothing."""

    id: Slug
    """Its name in addresses, e.g. `cognito`; another one is another provider."""
    label: Text
    """What stands on its button, e.g. `Hoa Sen's accounts`."""
    issuer: Annotated[str, AfterValidator(_issuer)]
    """Its issuer, e.g. `https://cognito-idp.REGION.amazonaws.com/POOL`: there is `/.well-known/openid-configuration`."""
    client_id: Text
    """The application that is registered there for Frontdesk, with `PUBLIC_URL/oidc/callback` as its redirect."""
    client_secret: Secret | None = None
    """Its secret; without it the application is a public one."""
    tenant: Slug | None = None
    """The one tenant that it may give roles in; without it, in all."""
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    """What is asked for."""
    groups_claim: str = Field(default="groups", min_length=1)
    """The claim of the ID token that lists the groups; Cognito's is `cognito:groups`."""
    groups: dict[str, RoleName | dict[str, RoleName]] = Field(default_factory=dict)
    """Group → a role in the `tenant`, or tenant → role."""
    admins: tuple[str, ...] = ()
    """Groups whose members may everything on this server; not with `tenant`."""

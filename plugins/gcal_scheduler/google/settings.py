"""How Google Calendar is reached."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from frontdesk import Duration, Secret, Settings

PAGE = "docs/how-to/connect-google-calendar.md"


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
        raise ValueError("no https URL (http only on this machine)")
    return value.rstrip("/")


def _often(value: timedelta) -> timedelta:
    if not timedelta(minutes=1) <= value <= timedelta(days=1):
        raise ValueError("write 1 min to 1 day, e.g. 5 min")
    return value


Url = Annotated[str, AfterValidator(_base_url)]


class GoogleAccess(Settings):
    """By which account Google Calendar is read and written."""

    account: Literal["service_account", "oauth"] = "service_account"
    """`service_account`: an account of its own, with which the calendars are shared (or that may use anybody's, with
    `subject`); `oauth`: a person's, who says yes once on Google's page."""
    service_account_key: Secret | None = None
    """The key file (JSON) of the service account."""
    subject: str = Field(default="", pattern=r"^([^@\s]+@[^@\s]+)?$", examples=["desk@example.com"])
    """With domain-wide delegation: in whose name the service account acts, an e-mail address of the Workspace domain."""
    client_id: str = Field(default="", examples=["1234567890-abc.apps.googleusercontent.com"])
    """With `account: oauth`: the client id of the application, of the kind *Web application*."""
    client_secret: Secret | None = None
    """With `account: oauth`: the application's secret."""
    look_every: Annotated[Duration, AfterValidator(_often)] = timedelta(minutes=5)
    """How often is asked what others have changed in the calendars, also where Google tells of them by itself (`push`)."""
    push: bool = True
    """Whether Google is asked to tell of changes at once, at the server's public address, if that is https."""
    seconds: float = Field(default=6.0, ge=1, le=30)
    """How long one call of Google may take."""
    api_url: Url = "https://www.googleapis.com"
    """Where Calendar is; another one for tests."""
    token_url: Url = "https://oauth2.googleapis.com/token"  # noqa: S105  no token
    """Where tokens are given, with `account: oauth`; a key file names its own."""
    consent_url: Url = "https://accounts.google.com/o/oauth2/v2/auth"
    """Where a person says yes."""

    def missing(self) -> str:
        """What is not there that `account` needs; empty if it is whole."""
        if self.account == "service_account" and self.service_account_key is None:
            return f"google: service_account_key is missing: the key file of the service account ({PAGE})"
        if self.account == "oauth" and not (self.client_id and self.client_secret is not None):
            return f"google: account: oauth needs client_id and client_secret of an application ({PAGE})"
        if self.account == "oauth" and self.subject:
            return "google: subject belongs to a service account; with account: oauth leave it out"
        return ""

"""What a tenant tells the plugin about its HubSpot account, and about how its own words are called there."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from frontdesk import Secret, Settings

HUBSPOT_API = "https://api.hubapi.com"


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
        raise ValueError(f"no https URL (http only on this machine); write e.g. {HUBSPOT_API}")
    return value.rstrip("/")


class Stages(Settings):
    """Where a deal stands: the id of a stage of the pipeline for each; empty leaves the deal where it is."""

    cold: str = ""
    """The lead is cold."""
    warm: str = "qualifiedtobuy"
    """The lead is warm."""
    hot: str = "qualifiedtobuy"
    """The lead is hot."""
    booked: str = "appointmentscheduled"
    """A visit is booked."""
    showed: str = "presentationscheduled"
    """The contact came to the last visit."""
    no_show: str = ""
    """The contact did not come to the last visit."""


class HubspotSettings(Settings):
    """An account at HubSpot."""

    access_token: Secret
    """The access token of a private app or a service key of the account."""
    client_secret: Secret | None = None
    """The app's client secret, with which HubSpot signs its webhooks; without it no change made in HubSpot comes back."""
    api_version: str = Field(default="2026-09", pattern=r"^(v3|20[0-9]{2}-(03|09))$")
    """Which version of HubSpot's API is spoken: `v3` (unsupported after September 2027) or a dated one."""
    push_after: float = Field(default=60.0, ge=0, le=3600)
    """Seconds from a change until HubSpot is told: what changes meanwhile goes along in the same call."""
    match_phones: bool = True
    """Whether a contact who writes for the first time is looked for in HubSpot by number, before a new one is made there."""
    deal_from: Literal["never", "cold", "warm", "hot"] = "warm"
    """From which temperature on a contact is an opportunity and gets a deal; a visit makes one always, unless `never`."""
    pipeline: str = Field(default="default", min_length=1)
    """The id of the pipeline in which deals are made."""
    stages: Stages = Stages()
    """The stage of a deal by what has come of the contact. A deal that somebody moved in HubSpot stays there."""
    deal_fields: dict[str, str] = Field(default_factory=dict, examples=[{"budget": "customer_budget"}])
    """Field of a lead → internal name of the deal's property in HubSpot that gets it, as text."""
    owners: dict[str, str] = Field(default_factory=dict, examples=[{"hoa": "hoa@example.com"}])
    """Operator's name → their e-mail address in HubSpot: who looks after a lead owns contact and deal, both ways."""
    default_owner: str = ""
    """The e-mail address in HubSpot of who owns what nobody looks after; empty: nobody."""
    activities: bool = True
    """Whether what is said is logged on the contact's timeline in HubSpot: each day one WhatsApp message with all of it."""
    notes: bool = True
    """Whether a note on the contact's timeline holds the summary, the lead's fields and their own words, kept up to date."""
    name_order: Literal["auto", "given_first", "family_first"] = "auto"
    """Which part of a name is the first name; `auto`: by the contact's language (in Vietnamese the last word is)."""
    on_erasure: Literal["gdpr_delete", "archive", "keep"] = "gdpr_delete"
    """What the erasure of a contact does in HubSpot: `gdpr_delete` deletes for good, `archive` leaves 90 days to restore it,
    `keep` takes away what Frontdesk wrote and keeps the contact."""
    api_base_url: Annotated[str, AfterValidator(_base_url)] = HUBSPOT_API
    """Where the API is: HubSpot's own, a proxy, a test."""

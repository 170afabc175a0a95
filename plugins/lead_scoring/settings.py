"""What a tenant tells the plugin: what it wants to know of contacts, what counts how much, who is told of a hot lead."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from frontdesk import Duration, Secret, Settings, Text

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
Points = Annotated[int, Field(ge=-100, le=100)]
Kind = Literal["need", "budget", "timing", "authority", "words"]


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta():
        raise ValueError("write more than nothing, e.g. 14 d")
    return value


class Wanted(Settings):
    """Something that the tenant wants to know of a contact."""

    name: Name = Field(examples=["need"])
    """A short name in small letters; the lead shows it by this name."""
    kind: Kind = "words"
    """How it is found without a model: `budget` money, `timing` when they want to begin, `authority` who decides, `need` and
    `words` by the words below."""
    words: tuple[Text, ...] = ()
    """Words that tell it, e.g. `IELTS`, `tiếng Anh giao tiếp`; the sentence in which one stands is the evidence."""
    points: Points = 15
    """What it is worth to know it."""
    ask: bool = True
    """Whether the bot asks for it, when it fits and nothing better is to be said."""


class Signal(Settings):
    """Words that make a lead warmer or colder."""

    words: tuple[Text, ...] = Field(min_length=1)
    """The words, in any language; accents and capitals do not matter."""
    points: Points
    """What they add, or take away."""
    reason: str = Field(default="", max_length=80)
    """What operators are told, e.g. `asks for a contract`; without it the words."""


class WhatsAppAlert(Settings):
    """A message to the business's own people."""

    to: tuple[str, ...] = Field(min_length=1, max_length=20)
    """Their numbers, which must be among the tenant's `staff`, e.g. `+84912345678`."""
    template: Text | None = None
    """The approved template (Twilio: ContentSid). Its `{{1}}` is the contact, `{{2}}` why, `{{3}}` the link. Without it the
    message reaches only who has written to the business's number in the last 24 hours."""


class WebhookAlert(Settings):
    """A signed event to another program."""

    url: Text
    """Where it is posted to, e.g. `https://crm.example.com/hot`."""
    secret: Secret
    """Signs it, as Standard Webhooks says: `whsec_` and the base64 of 24 to 64 bytes."""


class EmailAlert(Settings):
    """A mail."""

    to: tuple[str, ...] = Field(min_length=1, max_length=20)
    """Whom it goes to."""
    sender: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", examples=["desk@example.com"])
    """From which address."""
    host: Text
    """The SMTP server, e.g. `smtp.example.com`."""
    port: int = Field(default=587, ge=1, le=65535)
    """Its port."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the line is encrypted; `none` only for a server on this machine."""
    user: str = ""
    """The name to sign in with; without it nobody signs in."""
    password: Secret | None = None
    """The password to sign in with."""

    @model_validator(mode="after")
    def _signs_in_encrypted(self) -> EmailAlert:
        if self.security == "none" and self.host not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError(f"security: none is for a server on this machine only, and {self.host} is elsewhere")
        if bool(self.user) != (self.password is not None):
            raise ValueError("user and password belong together; write both or none")
        return self


class Alerts(Settings):
    """Who is told, once, when a lead becomes hot."""

    whatsapp: WhatsAppAlert | None = None
    """By WhatsApp."""
    webhook: WebhookAlert | None = None
    """By a signed webhook."""
    email: EmailAlert | None = None
    """By e-mail."""
    again_after: Annotated[Duration, AfterValidator(_positive)] = timedelta(days=7)
    """Of one contact they are told again only after so long."""


class LeadScoringSettings(Settings):
    """How serious a contact is: hot, warm or cold, with evidence."""

    fields: tuple[Wanted, ...] = Field(
        default=(
            Wanted(name="need", kind="need", points=15),
            Wanted(name="budget", kind="budget", points=15),
            Wanted(name="timing", kind="timing", points=20),
            Wanted(name="authority", kind="authority", points=5, ask=False),
        ),
        max_length=20,
    )
    """What is to be known of a contact."""
    signals: tuple[Signal, ...] = Field(default=(), max_length=100)
    """Words of the business's own, beside those that the plugin knows."""
    known_signals: bool = True
    """Whether the plugin's own words count: who asks to book, to pay, to be called, who only looks."""
    hot: int = Field(default=70, ge=1, le=100)
    """From how many points on a lead is hot."""
    warm: int = Field(default=35, ge=1, le=100)
    """From how many points on a lead is warm."""
    half_life: Annotated[Duration, AfterValidator(_positive)] = timedelta(days=10)
    """After so long without a word from the contact half of the points are left."""
    visit: Points = 35
    """What a booked visit adds."""
    model: bool = True
    """Whether a language model is asked for what the rules do not find; each judgement is one call."""
    alerts: Alerts = Alerts()
    """Who is told of a hot lead."""

    @model_validator(mode="after")
    def _in_order(self) -> LeadScoringSettings:
        if self.warm >= self.hot:
            raise ValueError(f"warm ({self.warm}) must be below hot ({self.hot})")
        names = [each.name for each in self.fields]
        if len(set(names)) < len(names):
            raise ValueError("two fields have the same name; each needs its own")
        return self

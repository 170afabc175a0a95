"""What a tenant tells the plugin: when contacts are reminded, in which words, and when they are left in peace."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from frontdesk import Duration, Settings, Text

from .words import HOLES, unknown_holes

LANGUAGE = r"^[a-z]{2,3}(-[A-Z]{2})?$"


def _in_words(value: str) -> str:
    if wrong := unknown_holes(value):
        known = ", ".join(f"{{{hole}}}" for hole in HOLES)
        raise ValueError(f"there is no {', '.join(wrong)} to put in; known are {known}")
    return value


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta():
        raise ValueError("write more than nothing, e.g. 2 h")
    return value


Sentence = Annotated[Text, AfterValidator(_in_words)]
Wait = Annotated[Duration, AfterValidator(_positive)]


class ApprovedWords(Settings):
    """A template the provider has approved, which may go when the contact has not written for 24 hours."""

    id: Text
    """The provider's id of the template (Twilio: its ContentSid)."""
    variables: dict[str, Sentence] = Field(default_factory=dict)
    """What is put into its variables, e.g. `"1": "{name}"`, `"2": "{when}"`."""


class Wording(Settings):
    """What is said in one language."""

    language: str = Field(pattern=LANGUAGE, examples=["vi"])
    """Which language (BCP 47), e.g. `vi`."""
    text: Sentence | None = None
    """The sentence; without it the plugin's own. `{when}`, `{service}`, `{name}` and `{business}` are filled in."""
    template: ApprovedWords | None = None
    """The template that goes instead when the contact has not written for 24 hours; without it nothing can go then."""


class Rule(Settings):
    """One reminder of each visit."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=30, examples=["24h"])
    """A short name of it, e.g. `24h`. Keep it: what went is remembered by it."""
    before: Wait
    """How long before the visit it goes, e.g. `24 h`."""
    buttons: bool = True
    """Whether the contact can confirm, move or cancel the visit with one tap."""
    words: tuple[Wording, ...] = ()
    """What it says, by language."""


class FollowUp(Settings):
    """One message after something has happened."""

    after: Wait
    """How long after it, e.g. `2 h`."""
    words: tuple[Wording, ...] = ()
    """What it says, by language."""


class RemindersSettings(Settings):
    """Reminders of visits, and follow-ups."""

    rules: tuple[Rule, ...] = Field(
        default=(Rule(id="24h", before=timedelta(hours=24)), Rule(id="2h", before=timedelta(hours=2))), max_length=10
    )
    """The reminders of each visit; `[]`: none."""
    after_no_show: FollowUp | None = FollowUp(after=timedelta(hours=2))
    """What is written to who did not come; without it nothing."""
    quiet_lead: FollowUp | None = None
    """What is written once to a warm lead who went quiet; without it nothing. Businesses in the EU need their consent."""
    quiet_from: time = time(21)
    """From when in the evening nothing is sent, by the clock of the place of the visit."""
    quiet_until: time = time(8)
    """Until when in the morning; the same as `quiet_from`: something may go at any time."""

    @model_validator(mode="after")
    def _told_apart(self) -> RemindersSettings:
        ids = [rule.id for rule in self.rules]
        if len(set(ids)) < len(ids):
            raise ValueError("two rules have the same id; each needs its own")
        return self

"""What one business is: its voice, what it knows, when it is open, and which plugins work for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from .fields import (
    Duration,
    Language,
    OptionalParagraph,
    OptionalText,
    Paragraph,
    PhoneNumber,
    Slug,
    Text,
    TimeZone,
)
from .hours import OpeningHours, one_or_more
from .limits import Limits
from .opt_out import OptOut
from .problems import Finding, Place, contradictions, printable, shown, wrong
from .retention import Retention
from .rules import judged, together
from .settings import Settings
from .spending import Spending
from .voice import Voice
from .words import Words, default_words


class Dialogue(Settings):
    """Something a contact wrote, and how one of the tenant's people answered it."""

    contact: Paragraph
    """What the contact wrote."""
    answer: Paragraph
    """What the person answered: how it is said is taken over, not what."""


class Tone(Settings):
    """How the assistant speaks."""

    formality: Literal["formal", "friendly", "casual"] = "friendly"
    """How close it comes to the contact."""
    emoji: bool = False
    """Whether it may use emoji."""
    length: Literal["short", "medium", "long"] = "short"
    """How long its answers are: a sentence or two, a paragraph, or as long as it takes."""
    samples: Annotated[tuple[Dialogue, ...], Field(max_length=20)] = ()
    """How the tenant's own people write, for models that can take over a manner."""
    notes: OptionalParagraph = ""
    """Anything else about the voice, in the tenant's own words, e.g. how contacts are addressed."""


class Persona(Settings):
    """Who contacts are talking to."""

    name: Text = "Frontdesk"
    """The assistant's name, as it introduces itself."""
    role: OptionalText = ""
    """What it is at this business, e.g. `receptionist`."""
    tone: Tone = Tone()
    """How it speaks."""


class Fact(Settings):
    """Something contacts ask for. Prices and times that the assistant tells come from here or from a plugin."""

    id: Slug | Literal[""] = ""
    """A name that stays when facts are moved, for traces. Without it: `fact-` and the place in the list, from 1."""
    topic: Text
    """What it is about, in a few words."""
    questions: Annotated[
        tuple[Text, ...], BeforeValidator(one_or_more, json_schema_input_type=Text | tuple[Text, ...])
    ] = ()
    """How contacts ask for it: the more different the wordings, the better it is found."""
    answer: Paragraph
    """What is true, in whole sentences that could be sent as they are."""
    language: Language | Literal[""] = ""
    """The language it is written in, if it is not the tenant's."""
    urgent: bool = False
    """What to do when it cannot wait: who writes on while no person answers is told it, too."""


class Settle(Settings):
    """How long a turn waits for more, in seconds: people send three short messages for one thought."""

    quiet_seconds: float = Field(default=2.5, ge=0, le=60)
    """The contact must have been quiet for this long. 0: answer every message at once, never wait."""
    fragment_seconds: float = Field(default=4, ge=0, le=60)
    """The same after what looks like half a sentence."""
    media_seconds: float = Field(default=6, ge=0, le=60)
    """The same after a picture or a voice note: albums come as one message each."""
    cap_seconds: float = Field(default=15, ge=0, le=60)
    """The longest wait, counted from the first unanswered message."""

    @model_validator(mode="wrap")
    @classmethod
    def _below_the_cap(cls, data: Any, handler: ModelWrapValidatorHandler[Settle]) -> Settle:
        return judged(data, handler, _above_the_cap)


def _above_the_cap(values: Mapping[str, float]) -> list[Finding]:
    cap = values.get("cap_seconds", math.inf)
    return [
        ((key,), f"{values[key]:g} s", f"must be at most cap_seconds ({cap:g} s), the longest wait")
        for key in ("quiet_seconds", "fragment_seconds", "media_seconds")
        if values.get(key, 0) > cap
    ]


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """One item of `plugins:`, its settings as written; `validate_settings(cls, entry.settings, entry.place)` checks."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Not in the repr: a secret that should have been a reference may be among them."""
    place: Place = field(default=Place(), compare=False, repr=False)
    """Where the settings stand. Not compared: a tenant that only moved in the file is the same."""


def _plugin_entry(item: Any, place: Place) -> PluginEntry:
    right = "write `- name`, or `- name:` with its settings indented below"
    name: str
    settings: Any
    match item:
        case str():
            name, settings = item, None
        case dict() if len(item) == 1:
            name, settings = next(iter(item.items()))
            place = place.at(name)
        case dict() if item:
            keys = ", ".join(printable(str(key)) for key in list(item)[:5])
            raise wrong(f"one item with {len(item)} keys ({keys})", f"{right}, further than the name")
        case _:
            raise wrong(f"found {shown(item)}", right)
    if not (name.isascii() and name.isidentifier() and name.islower()):
        raise wrong(f"{shown(name)} is no plugin's name", "it is small letters, digits and _, e.g. twilio_whatsapp")
    if not isinstance(settings, Mapping | None):
        kind = "a list" if isinstance(settings, list) else "a single value"
        raise wrong(f"the settings of {name} are {kind}", "write `key: value` lines, indented below the name")
    return PluginEntry(name, dict(settings or {}), place)


def plugin_entries(value: Any, place: Place) -> tuple[tuple[PluginEntry, ...], list[Finding]]:
    """The items of a tenant's `plugins:` that can be read, and what is wrong with the others; *place* is the tenant's."""
    entries: dict[str, PluginEntry] = {}
    found: list[Finding] = []
    for no, item in enumerate(value if isinstance(value, list | tuple) else ()):
        try:
            entry = _plugin_entry(item, place.at("plugins", no))
        except PydanticCustomError as error:
            found.append(((no,), str((error.context or {})["found"]), str((error.context or {})["right"])))
            continue
        if entries.setdefault(entry.name, entry) is not entry:
            found.append(((no,), f"{entry.name} is in the list already", "keep one of the two"))
    return tuple(entries.values()), found


def _plugin_entries(value: Any, info: ValidationInfo) -> tuple[PluginEntry, ...]:
    if not isinstance(value, list | tuple):
        raise wrong(f"found {shown(value)}", "write a list, one `- name` a line; or leave the key out")
    entries, found = plugin_entries(value, (info.context or {}).get("place", Place()))
    if found:
        raise contradictions(found)
    return entries


def _as_written(entries: tuple[PluginEntry, ...]) -> list[str | dict[str, Any]]:
    return [{entry.name: dict(entry.settings)} if entry.settings else entry.name for entry in entries]


Plugins = Annotated[
    tuple[PluginEntry, ...],
    PlainValidator(_plugin_entries, json_schema_input_type=list[str | dict[str, dict[str, Any] | None]]),
    PlainSerializer(_as_written, when_used="json"),
]


class TenantConfig(Settings):
    """One business. What is not written has a default, except its name, time zone and language."""

    id: Slug
    """The key under `tenants:`; in URLs, logs and the database. A tenant that is renamed is a new tenant."""
    name: Text
    """The business as contacts know it."""
    time_zone: TimeZone
    """Its IANA time zone, e.g. Asia/Ho_Chi_Minh: opening hours and "tomorrow" are read by it."""
    language: Language
    """The BCP 47 language it speaks when the contact's is not known, e.g. vi, en, en-GB."""
    persona: Persona = Persona()
    """Who contacts are talking to."""
    facts: tuple[Fact, ...] = ()
    """What it knows."""
    opening_hours: OpeningHours = OpeningHours()
    """When people are there to answer."""
    words: Words = Field(default_factory=dict, validate_default=True)  # _own_words fills it
    """Sentences of its own in place of the built-in ones."""
    spending: Spending = Spending()
    """How much its models may cost."""
    limits: Limits = Limits()
    """How much the bot answers before people look."""
    voice: Voice = Voice()
    """How it hears voice notes, and whether it answers by voice."""
    memory: bool = True
    """Whether its models may keep what contacts say of themselves for the next time (`frontdesk conversations known`)."""
    settle: Settle = Settle()
    """How long a turn waits for more messages before it answers."""
    opt_out: OptOut = OptOut()
    """How contacts ask for no more messages."""
    return_to_bot_after: Duration = timedelta(minutes=30)
    """A conversation a person has taken goes back to the bot after this silence of theirs, e.g. `30 min`."""
    useful_for: Duration = timedelta(hours=24)
    """How long a bot's answer is worth sending, e.g. `24 h`; past it, it is dropped and shown."""
    retention: Retention = Retention()
    """How long what is over is kept."""
    staff: tuple[PhoneNumber, ...] = ()
    """Its people's own numbers: never answered by the bot, never a lead."""
    plugins: Plugins = ()
    """What works for it, in the order in which it is asked. Each item is a name, or a name with its settings."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def say(self, sentence: str, language: str = "", **more: str) -> str:
        """The text of *sentence* (a key of `words`), with its placeholders filled; *more* are those only it may hold.

        In *language* (BCP 47) if it is not the tenant's and has a built-in text; else in the tenant's own words.
        """
        text: str = getattr(self.words, sentence)
        if language and language.partition("-")[0] != self.language.partition("-")[0]:
            text = default_words(language).get(sentence, text)
        return text.format(assistant=self.persona.name, business=self.name, **more)

    def urgent(self, language: str = "") -> str:
        """What its urgent facts say, in *language* (BCP 47) if one of them is written in it; or nothing."""
        told = [(fact.language or self.language, fact.answer) for fact in self.facts if fact.urgent]
        wanted = (language or self.language).partition("-")[0]
        return " ".join([answer for own, answer in told if own.partition("-")[0] == wanted] or [a for _, a in told])

    @field_validator("words", mode="before")
    @classmethod
    def _own_words(cls, value: Any, info: ValidationInfo) -> Any:
        # A language that is itself wrong is told once, not once more for each sentence: hence "en".
        return {**default_words(info.data.get("language", "en")), **value} if isinstance(value, Mapping) else value

    @field_validator("facts", mode="wrap")
    @classmethod
    def _facts_have_ids(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> tuple[Fact, ...]:
        try:
            facts: tuple[Fact, ...] = handler(value)
        except ValidationError as error:
            raise together(error, _same_ids(_ids(value) if isinstance(value, list | tuple) else ())) from None
        named = tuple(
            fact if fact.id else fact.model_copy(update={"id": f"fact-{no}"}) for no, fact in enumerate(facts, 1)
        )
        if twice := _same_ids([fact.id for fact in named]):
            raise contradictions(twice)
        return named


def _ids(facts: Sequence[Any]) -> list[str]:
    """The ids of facts as they are written; of what cannot be read, the one by its place."""
    written = [fact.get("id") if isinstance(fact, Mapping) else None for fact in facts]
    return [id if isinstance(id, str) and id else f"fact-{no}" for no, id in enumerate(written, 1)]


def _same_ids(ids: Sequence[str]) -> list[Finding]:
    places: dict[str, int] = {}
    return [
        ((place, "id"), f"{id} is the id of facts[{first}] too", "give each fact an id of its own")
        for place, id in enumerate(ids)
        if (first := places.setdefault(id, place)) != place
    ]

"""The things Frontdesk knows, as frozen dataclasses; docs/explanation/words.md says what each word means.

Each class that carries `id` and `version` is a stored document (see store/collections.py). Fields are only ever added,
always with a default, so that the version before and the version after can read each other's documents.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from .clock import milliseconds
from .speech import Wish

Owner = str
"""Who answers a conversation: `BOT`, `NOBODY`, or `operator:NAME`."""
BOT: Owner = "bot"
NOBODY: Owner = "nobody"
OPERATOR = "operator:"

MessageKind = Literal[
    "text", "voice", "image", "video", "document", "sticker", "location", "button", "template", "other"
]

InboundState = Literal["received", "answered"]
OutboundState = Literal[
    "proposed",  # written by a turn that has not committed; never sent unless adopted
    "queued",  # adopted: has its place in the lane
    "sending",  # the intent is on disk; what the provider did is not known yet
    "accepted",  # the provider took it and gave it an id
    "sent",
    "delivered",
    "read",
    "failed",  # the provider refused it, for good
    "parked",  # may have been sent, nobody can tell: an operator decides
    "expired",  # its useful_until passed
    "withdrawn",  # the owner changed, the contact opted out, its turn never committed, or a person dismissed it parked
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Media:
    """One file of a message. `url` is where the channel can fetch it; `key` where our media store has it."""

    content_type: str
    url: str = ""
    key: str = ""
    size: int | None = None
    """Bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """A template the provider has approved, with the values of its variables."""

    id: str
    """The provider's id (Twilio: ContentSid)."""
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """The way an outbound message goes: by which channel, from which address of ours, to which identity."""

    channel: str
    address: str
    external_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """The right to work on something until a time (store time); the token tells holders apart."""

    token: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a channel calls a contact. `id` is `channel:external_id`."""

    id: str
    version: int = 1
    contact: str
    channel: str
    external_id: str
    """E.g. `whatsapp:+84901234567`, `whatsapp:US.1349…` (BSUID), a simulator's random name."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Something worth knowing of a contact the next time, with their own words that it comes from."""

    text: str
    quote: str = ""
    message: str = ""
    """The id of the inbound message that the quote stands in; empty: an operator wrote it."""
    author: str
    """`bot`, or the operator who wrote or corrected it."""
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Contact:
    """The person outside."""

    id: str
    version: int = 1
    kind: Literal["customer", "staff"] = "customer"
    name: str = ""
    """As the channel shows it: chosen by the contact, never trusted."""
    phone: str = ""
    """E.164, or empty: a contact need not have one."""
    language: str = ""
    """BCP 47, as last noticed; empty: the tenant's."""
    answers: Wish | Literal[""] = ""
    """As they or an operator said; empty: as the tenant does (`voice.answers`)."""
    memories: tuple[Memory, ...] = ()
    """What is known of them, oldest first; they go with the contact."""
    opted_out: bool = False
    """Wants no more messages."""
    opted_out_at: datetime | None = None
    """Since when: who has written since wants an answer again. None: whatever they write."""
    opted_out_by: Literal["", "stop", "provider"] = ""
    """By a word of their own, or because the provider said so (consent.py says what follows from which); empty: by an
    operator's hand."""
    farewell: str = ""
    """The id of the one message that goes to who said stop: its confirmation."""
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Consent:
    """An entry of the consent ledger: never changed. `id` is the inbound message's, or the refused one's with `.refused`; an
    operator's has the contact's, the time and the word."""

    id: str
    version: int = 1
    contact: str
    by: Literal["contact", "provider", "operator"]
    what: Literal["stop", "start", "refused"]
    at: datetime
    """When the contact's message came, or when the message was tried that the provider refused."""
    channel: str
    message: str
    """The message by which it was said, or which was refused."""
    text: str = ""
    """The contact's word, the provider's code, or the operator's name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """What a turn's commit decided, kept on the conversation until everything that follows from it is written."""

    turn: str
    outbound: tuple[str, ...] = ()
    """Ids of the adopted messages, in order; the first has place `first_place`."""
    first_place: int = 0
    answered: tuple[str, ...] = ()
    state: Literal["committed", "parked"] = "committed"
    outgrown: bool = False
    """The conversation is longer than what a model is shown: the older part is to be summarised."""
    finished: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Passing:
    """A change of owner, as operators see it between the messages."""

    owner: Owner
    at: datetime
    by: str = ""
    """`operator:NAME` or `plugin:NAME`; empty: the bot itself, or the silence of whoever had it."""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """All messages with one contact; the lock and the truth of its turns and its lane. `id` is the contact's."""

    id: str
    version: int = 1
    contact: str
    channel: str
    """The channel of the newest inbound message: replies go there."""
    address: str = ""
    """Our own address on that channel, e.g. `whatsapp:+14155238886`."""
    external_id: str = ""
    """The contact's identity on that channel: where replies go."""
    aliases: tuple[str, ...] = ()
    """Other identities of the contact on that channel, as far as they have been seen."""
    merged: tuple[str, ...] = ()
    """Conversations whose contacts turned out to be this one: their messages stay there, and are read with its own."""
    merged_into: str = ""
    """The conversation that this one became a part of: nothing new begins here."""
    again: bool = False
    """A name of its contact was erased before: what had come until then is not taken in once more."""
    erased_at: datetime | None = None
    """Since when it is being erased (services/erasing.py): nothing new begins here, and nothing is sent."""
    owner: Owner = BOT
    owner_epoch: int = 0
    """Raised by every take-over, hand-off and give-back; a turn that began under another epoch is withdrawn."""
    taken_epoch: int = 0
    """The owner_epoch of the last take-over by a person: what the bot queued before it is never sent."""
    owner_since: datetime | None = None
    given_back: bool = False
    """The bot got it back, and has not looked yet at what a take-over left unsaid."""
    last_human_at: datetime | None = None
    """When a person last acted (took, wrote); automatic return counts from here."""
    handoff_reason: str = ""
    temperature: Literal["", "hot", "warm", "cold"] = ""
    """That of the contact's lead, beside which it stands so that the inbox is filtered by it."""
    passings: tuple[Passing, ...] = ()
    """The newest changes of owner, oldest first (owner.py says how many are kept)."""
    inbound_seq: int = 0
    """Raised by every accepted inbound message."""
    unanswered_since: datetime | None = None
    """When the oldest inbound message that nobody has answered came in; settling and superseding count from here."""
    turn_no: int = 0
    """The number of the last committed turn."""
    summarised_until: datetime | None = None
    """Up to and including the message of this moment it has been summarised; None: not at all."""
    outbox_seq: int = 0
    """The last place given in the lane."""
    turn_lease: Lease | None = None
    lane_lease: Lease | None = None
    paced_until: datetime | None = None
    """Until when what was sent to the contact lately has used up its part of the pair's rate (outbox/pair.py)."""
    last_commit: Commit | None = None
    awaits_contact: bool = False
    """Something in the lane is held until the contact writes."""
    last_inbound_at: datetime | None = None
    window_from: datetime | None = None
    """When the contact wrote last, if the newest message came late; None: when that came."""
    created_at: datetime

    @property
    def parts(self) -> tuple[str, ...]:
        """The ids under which its messages are."""
        return (self.id, *self.merged)

    @property
    def silent_since(self) -> datetime:
        """Since when no person has acted; after the tenant's `return_to_bot_after` the bot answers again."""
        return self.last_human_at or self.owner_since or self.created_at


@dataclass(frozen=True, kw_only=True)
class Message:
    """One thing said. An inbound id is derived from the provider's, so the same message is the same document."""

    id: str
    version: int = 1
    conversation: str
    direction: Literal["inbound", "outbound"]
    kind: MessageKind = "text"
    text: str = ""
    """NFC. A caption, a button's title, a template's text as the contact sees it."""
    media: tuple[Media, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)
    """What this kind carries besides: `latitude`/`longitude`/`label`, `payload` of a button, the
    provider's id of the message that is `replied_to`, the `referral` of an advertisement, the `type` of `other`, and the
    `contacts` of its card, the `answers` in a form, …"""
    author: str = ""
    """`contact`, `bot`, `operator:NAME`, or `plugin:NAME` of a proactive message."""
    state: InboundState | OutboundState
    at: datetime
    """When it was accepted (inbound) or written (outbound), store time; orders a conversation."""
    provider_id: str = ""
    """The provider's id, e.g. Twilio's MessageSid."""
    turn: str = ""
    """The turn that answered it, or that wrote it."""
    # Outbound only:
    template: Template | None = None
    place: int = 0
    """Its place in the lane, from 1; 0 while proposed."""
    owner_epoch: int = 0
    useful_until: datetime | None = None
    attempts: int = 0
    not_before: datetime | None = None
    """The next attempt, after a failure that can be retried."""
    intent_at: datetime | None = None
    """When the last attempt's intent was written: the provider is asked for what it has since then."""
    route: Route | None = None
    """The way its last attempt went; the contact may have written on another one since."""
    settles_at: datetime | None = None
    """When a lost attempt can no longer reach the provider, so that a successor may ask what became of it."""
    reconciled: int = 0
    """How often the provider was asked about an ambiguous attempt."""
    accepted_at: datetime | None = None
    error: str = ""
    """Why it failed, was parked or withdrawn: a code and a sentence."""
    possible_duplicate: bool = False
    """The one case nobody can rule out happened: a frozen sender woke up after its successor had sent."""
    again_of: str = ""
    """The message that the provider took and did not deliver, and that this one says again."""
    dismissed: bool = False
    """A person has seen that it is parked or a possible duplicate, and leaves it so."""
    announced: bool = False
    """Inbound: the plugins' on_message has seen it."""

    @property
    def written_at(self) -> datetime:
        """Inbound: when the contact wrote it; of one that no webhook brought (services/catch_up.py), before it came."""
        try:
            return min(milliseconds(datetime.fromisoformat(self.data["sent_at"])), self.at)
        except (KeyError, TypeError, ValueError):
            return self.at


DeedState = Literal["intended", "done", "failed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """A tool call that changes the world, journalled: intent before, result after."""

    key: str
    """Turn id + ordinal: the idempotency key handed to the tool."""
    call: str
    """The id of the model's call in the exchange."""
    tool: str
    plugin: str
    arguments: dict[str, Any]
    state: DeedState = "intended"
    result: str = ""
    """What the model was told."""
    sentence: str = ""
    """What may be said to the contact if the model dies after the deed."""


TurnState = Literal["open", "proposed", "committed", "parked", "withdrawn"]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One answer by the bot. `id` is `conversation.number`: a number exists once."""

    id: str
    version: int = 1
    conversation: str
    no: int
    state: TurnState = "open"
    attempts: int = 0
    """How often it was taken up."""
    tries: int = 0
    """How often it was taken up since it last ended in order: by crashes and defects. Too often, and it is parked."""
    parked_times: int = 0
    reason: str = ""
    """Why it was parked or withdrawn."""
    read: tuple[str, ...] = ()
    """Ids of the inbound messages it answers."""
    read_seq: int = 0
    """The conversation's inbound_seq when they were read."""
    superseded: int = 0
    pinned: bool = False
    deeds: tuple[Deed, ...] = ()
    exchange: tuple[dict[str, Any], ...] = ()
    """The vendor-neutral exchange with the model since the first deed (mind.ModelMessage as dicts)."""
    outbound: tuple[str, ...] = ()
    model: str = ""
    trace: tuple[dict[str, Any], ...] = ()
    """What happened, in order: settle, hooks with durations, tools, tokens; for "why did it say that"."""
    opened_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A part of a conversation in a model's words, made from its messages themselves and never from another summary."""

    id: str
    version: int = 1
    conversation: str
    text: str
    messages: tuple[str, ...] = ()
    """The ids of all that it covers, oldest first."""
    until: datetime
    """When the last of them was said."""
    made_at: datetime


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something for operators' eyes only, beside the conversation."""

    id: str
    version: int = 1
    conversation: str
    text: str
    author: str
    at: datetime


TaskState = Literal["waiting", "done", "failed", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """Something to do at a time. `id` is its unique key: scheduling it twice is scheduling it once."""

    id: str
    version: int = 1
    plugin: str
    """Whose run_task gets it; `core` for the core's own."""
    name: str
    at: datetime
    conversation: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    state: TaskState = "waiting"
    attempts: int = 0
    error: str = ""
    useful_until: datetime | None = None


DueKind = Literal["turn", "lane", "task"]


@dataclass(frozen=True, kw_only=True)
class Due:
    """One row of the server-wide list of live work. `id` is `kind/tenant/ref`; it carries no content."""

    id: str
    version: int = 1
    kind: DueKind
    tenant: str
    ref: str
    """The conversation's or the task's id."""
    due_at: datetime
    """When it must be looked at. A claim moves it ahead, so that a crash brings it back."""


@dataclass(frozen=True, kw_only=True)
class PluginDocument:
    """What a plugin keeps through `self.store`. `id` is `plugin/collection/key`, `%` and `/` in
    the collection escaped."""

    id: str
    version: int = 1
    plugin: str
    collection: str
    key: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A running server process, as operators see it. `data["tenants"]` is the fingerprint of those it works for."""

    id: str
    version: int = 1
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Chore:
    """Something the whole server does now and then, one process at a time. `id` is its name."""

    id: str
    version: int = 1
    next_at: datetime
    lease: Lease | None = None
    after: str = ""
    """The tenant (or the document) it has come to in this round; empty: the round has not begun with any."""
    about: str = ""
    """What it is done with, e.g. the store from which everything is moved here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetShare:
    """What one process holds of a limit, until a time (store time)."""

    amount: int
    booked: int = 0
    """What it has spent of a ceiling so far, beside `amount`."""
    until: datetime
    given_up: bool = False
    """Of a rate: nobody's any more, and still counted, for what was sent on it may be in this period yet."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A limit that all processes keep together (budget/). `id` is its key; of a ceiling with the moment it begins."""

    id: str
    version: int = 1
    limit: int
    """As it was when this was written; the settings have the truth."""
    booked: int = 0
    """Spent by processes that hold no share any more, or lost with them."""
    shares: dict[str, BudgetShare] = field(default_factory=dict)
    """Process → its share."""
    ends_at: datetime
    """Of a ceiling, the end of its period; of a rate, when the newest share runs out."""

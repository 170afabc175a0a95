"""What a plugin is made of: the base classes, and the services the core hands to each instance."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Protocol, TypeVar, TypeVarTuple

import aiohttp

from frontdesk.config import Settings, TenantConfig

from .cards import AdminPage
from .channel import WebhookRequest, WrittenContact
from .clock import Clock
from .plugin_data import ConversationService, MediaService, ModelService, PluginStore, TaskService
from .records import Appointment, AppointmentState, Evidence, Lead, Reminder, Taken, Temperature

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

API_VERSION = 1
"""Raised when a plugin written for the version before might not work any more."""
CORE = "core"
"""Whose a task is when it is no plugin's."""
RESERVED_NAMES = frozenset({CORE, "in", "op"})
"""No plugin may be called so: ids begin like that, of the core's tasks, of inbound messages (inbox.py) and of what
operators write (services/ownership.py)."""


class Reserved(Protocol):
    """What one call of a model may cost."""

    def settle(self, cost: float) -> None:
        """Book what it came to, in US dollars; 0 if nothing was called. What is let go of unsettled is spent."""
        ...


class LeadService(Protocol):
    """What is known of contacts' interest (services/leads.py). A contact is named by the id of their conversation, too."""

    async def get(self, contact: str) -> Lead | None: ...

    async def newest(self, *, limit: int = 50) -> Sequence[Lead]:
        """Those that changed last first."""
        ...

    async def change(
        self,
        contact: str,
        key: str,
        *,
        what: str = "changed",
        cause: str = "",
        temperature: Temperature | None = None,
        score: int | None = None,
        stage: str | None = None,
        owner: str | None = None,
        fields: Mapping[str, str] | None = None,
        evidence: Sequence[Evidence] = (),
        version: int | None = None,
    ) -> Lead:
        """Change what is given, once for each *key*; a contact without a lead gets one. An empty value takes a field away.
        A temperature that an operator has pinned stays.

        Raises Refused for a contact that is unknown, RetryLater if *version* is not the lead's any more.
        """
        ...


class AppointmentService(Protocol):
    """Visits of the tenant's contacts (services/appointments.py). Whether a time is free is the plugin's to know."""

    async def get(self, id: str) -> Appointment | None: ...

    def id_of(self, key: str) -> str:
        """The id that `book` gives to the appointment with this key: an event can carry it before there is one."""
        ...

    async def of(self, contact: str) -> Sequence[Appointment]:
        """A contact's, the latest first."""
        ...

    async def between(self, begin: datetime | None, end: datetime | None, *, limit: int = 500) -> Sequence[Appointment]:
        """Those that start from *begin* on and before *end*."""
        ...

    async def book(
        self,
        contact: str,
        key: str,
        *,
        starts_at: datetime,
        ends_at: datetime,
        zone: str,
        service: str = "",
        resource: str = "",
        words: str = "",
        message: str = "",
        cause: str = "",
        reference: Mapping[str, Any] | None = None,
    ) -> Appointment:
        """A new appointment; the same *key* is the same one. *words* asked for it, *reference* finds it at the vendor."""
        ...

    async def move(
        self,
        id: str,
        key: str,
        *,
        starts_at: datetime,
        ends_at: datetime,
        cause: str = "",
        resource: str | None = None,
        reference: Mapping[str, Any] | None = None,
        version: int | None = None,
    ) -> Appointment:
        """To another time. Raises Refused (not booked any more, unknown), RetryLater (*version*)."""
        ...

    async def become(
        self,
        id: str,
        state: AppointmentState,
        key: str,
        *,
        cause: str = "",
        reference: Mapping[str, Any] | None = None,
        version: int | None = None,
    ) -> Appointment:
        """Cancelled, showed, no_show, or booked again. Raises Refused, RetryLater."""
        ...

    async def note(
        self,
        id: str,
        key: str,
        *,
        reminder: Reminder | None = None,
        confirmed_at: datetime | None = None,
        reference: Mapping[str, Any] | None = None,
        cause: str = "",
    ) -> Appointment:
        """How far a reminder is, that the contact will come, what the vendor calls it now. Raises Refused."""
        ...


class DayService(Protocol):
    """Which times of a plugin's resources are taken: nobody takes one twice, from whatever process (services/days.py).

    A resource is a person, a room, a class; a day is one of a time zone, always the same for a resource.
    """

    async def taken(self, resource: str, zone: str, first: date, last: date) -> Sequence[Taken]:
        """What is taken from the day *first* to the day *last*, in order of time; void ones are left out."""
        ...

    async def take(
        self, resource: str, zone: str, entry: Taken, *, instead_of: Collection[str] = (), force: bool = False
    ) -> bool:
        """Put *entry* in, in place of the one with its key and those with the keys *instead_of*. False, and nothing is
        changed, if others are in its way: there is no seat left, or none is shared.

        One compare-and-set; over midnight one for each day, in order. *force*: whatever is in its way.
        """
        ...

    async def free(self, resource: str, zone: str, key: str, begins: datetime, ends: datetime) -> bool:
        """Take the entry with this key out of the days between two moments; False if it is in none of them."""
        ...


class PostSigned(Protocol):
    """How a plugin tells another program something."""

    async def __call__(self, url: str, secret: str, id: str, data: Mapping[str, Any]) -> None:
        """POST *data* as JSON, signed as Standard Webhooks says with *secret* (`whsec_…`); the same *id* is the same event.

        Never into a private network, unless `server.webhooks.private_addresses`. Raises RetryLater if it was not taken,
        Refused for a URL or a secret that cannot be used.
        """
        ...


class SpendingService(Protocol):
    """What the tenant's models may cost: reserve before a call, settle after it."""

    @property
    def limited(self) -> bool:
        """Whether there is a ceiling: then every call has to have a price."""
        ...

    async def reserve(self, most: float, *, first: bool = False) -> Reserved:
        """Room for a call that costs *most* US dollars at the most. *first*: of the plugin's first model, which may use
        only a share of the ceiling.

        Raises CeilingReached if there is no room (the operators are told, once a day), RetryLater if the store is away.
        """
        ...


class SharedService(Protocol):
    """Objects that the instances of one plugin share, over all tenants: an SDK client per credentials, say."""

    async def __call__(self, key: str, make: Callable[[], Awaitable[Any]]) -> Any:
        """What `make()` gave whoever asked first for *key*. It is closed (`aclose()` or `close()`) when the last instance
        that asked for it has stopped."""
        ...

    async def release(self) -> None:
        """The core's: the instance has stopped."""
        ...


class SecretService(Protocol):
    """Secrets that a vendor gives to the plugin while it runs, such as an OAuth token: encrypted in the tenant's store,
    beside those that operators typed in, and shown to nobody. What an operator configures is a `Secret` of the settings."""

    async def get(self, name: str) -> str | None:
        """None: there is none. Raises NeedsAttention if no key of this server fits."""
        ...

    async def put(self, name: str, value: str) -> None:
        """Keep it, in place of what was there. *name*: capitals, digits, _. Raises NeedsAttention if this server has no key
        to encrypt with, ValueError for another name, or a value that is empty or longer than 65,536 characters."""
        ...

    async def delete(self, name: str) -> bool:
        """Forget it; False if there is none."""
        ...


class TellOperators(Protocol):
    """How a plugin tells operators something that no hook of it can raise."""

    async def __call__(self, title: str, text: str, *, case: str, conversation: str = "") -> None:
        """Told by whoever implements `alert_operator`, several cases of one title and text together; and a note beside the
        *conversation*, if one is named. The same *case* is told once."""
        ...


class CallBlocking(Protocol):
    """How a plugin calls an SDK that is not async."""

    async def __call__(self, function: Callable[[*Ts], T], *arguments: *Ts, timeout: float | None = None) -> T:
        """`function(*arguments)` in a thread; its result, or what it raises.

        At most `blocking_calls` (4) of one plugin of one tenant are in flight; the next waits. *timeout*: seconds for
        waiting and running together, by default `sdk_timeout` of the table of times; make it shorter than the hook's
        deadline, and the SDK's own time-out shorter still: a call that has begun cannot be stopped and keeps its place.
        Raises RetryLater if no place was free in time (nothing was called), TimeoutError if it did not return in time.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything the core gives to one instance of a plugin."""

    tenant: TenantConfig
    clock: Clock
    store: PluginStore
    tasks: TaskService
    media: MediaService
    model: ModelService
    conversations: ConversationService
    leads: LeadService
    appointments: AppointmentService
    days: DayService
    spending: SpendingService
    post_signed: PostSigned
    """`await self.post_signed(url, secret, id, data)`: a signed webhook to an address that a tenant has named."""
    http: aiohttp.ClientSession
    """The process's one session: time-outs are set, cookies are not kept."""
    shared: SharedService
    """`await self.shared(key, make)`: one object per process, plugin and key, such as an SDK client.

    It is closed when its last user has stopped: by `aclose()`, or by a `close()` that does not block.
    """
    secrets: SecretService
    """`await self.secrets.get(name)`, `put(name, value)`, `delete(name)`: what a vendor gave the plugin to keep."""
    tell_operators: TellOperators
    """`await self.tell_operators(title, text, case=…, conversation=…)`: what a person must know."""
    call_blocking: CallBlocking
    """`await self.call_blocking(function, …, timeout=seconds)`: an SDK that is not async, in a thread."""
    log: Any
    """A structlog logger that names tenant and plugin."""
    public_url: str
    count: Callable[[str], None]
    """`self.count("event")`: one more on `frontdesk_plugin_events_total`; a fixed name, nothing of a contact's."""


class Plugin:
    """A unit of behaviour. Subclass it, name it in the entry point group `frontdesk.plugins`, list it for a tenant.

    Class attributes say what it is; `@hookimpl` methods are called by the core, `@tool` methods by the model. One
    instance serves one tenant; it owns no loops (periodic work is a task) and keeps nothing in memory that another
    process would need.
    """

    settings: Settings
    """Subclasses annotate their own Settings class; a tenant's values, checked before the instance is made."""
    api_version: ClassVar[int] = API_VERSION
    """The plugin API this plugin was written for."""
    sdk_timeout: ClassVar[float] = 0.0
    """The longest time-out (seconds) of the SDK calls inside a hook, for a plugin that sets its own; must be shorter than
    the hook's deadline. `self.http` has one from the table of times (`sdk_timeout`)."""

    blocking_calls: ClassVar[int] = 4
    """The most calls of `call_blocking` at a time, of one tenant; over all tenants four times as many, at most 48."""

    push_after: ClassVar[float] = 60.0
    """Seconds from a change until it is pushed (push_contact and the like): what changes meanwhile goes along. A setting of
    this name goes before it."""

    push_batch: ClassVar[int] = 100
    """The most contacts (deals, activities) of one push."""

    has_page: ClassVar[bool] = True
    """Whether `routes` adds a page for people at its beginning (`/`), to which the start page leads."""

    admin_pages: ClassVar[tuple[AdminPage, ...]] = ()
    """Pages of its own for operators, which `admin_panel` fills."""

    def __init__(self, name: str, settings: Settings, services: Services) -> None:
        self.name = name
        self.settings = settings
        self.services = services
        self.tenant = services.tenant
        self.clock = services.clock
        self.store = services.store
        self.tasks = services.tasks
        self.media = services.media
        self.model = services.model
        self.conversations = services.conversations
        self.leads = services.leads
        self.appointments = services.appointments
        self.days = services.days
        self.spending = services.spending
        self.post_signed = services.post_signed
        self.http = services.http
        self.shared = services.shared
        self.secrets = services.secrets
        self.tell_operators = services.tell_operators
        self.call_blocking = services.call_blocking
        self.log = services.log
        self.count = services.count

    @classmethod
    def settings_class(cls) -> type[Settings]:
        """The class annotated as `settings`. Raises NameError or TypeError if that is no Settings class."""
        owner = next(each for each in cls.__mro__ if "settings" in inspect.get_annotations(each))
        annotated: Any = inspect.get_annotations(owner)["settings"]
        if isinstance(annotated, str):
            # This one alone: others may name what is imported for type checkers only.
            names = getattr(sys.modules.get(owner.__module__), "__dict__", {})
            annotated = eval(annotated, names, dict(vars(owner)))  # noqa: S307  its own source
        if not (isinstance(annotated, type) and issubclass(annotated, Settings)):
            raise TypeError(
                f"`settings` is annotated with {annotated!r}, which is not a subclass of frontdesk.Settings"
            )
        return annotated


class Channel(Plugin):
    """A plugin that carries messages. It implements the channel hooks."""

    messages_per_second: float = 80.0
    """How fast one of our addresses may send, over all processes; an instance may set its own from its settings."""

    seconds_per_contact: float = 0.0
    """How far apart the messages to one contact are in the long run (seconds); 0: they go as they come. An instance may set
    its own, as above."""

    burst_per_contact: int = 20
    """How many messages to one contact may go before they are kept apart."""

    service_window: ClassVar[timedelta | None] = None
    """How long after the contact's last message free-form messages are taken; then only templates are. None: always."""

    shows_choices: ClassVar[bool] = False
    """Whether it makes buttons or a list of the choices in a message's data; else they are numbered lines of its text."""

    typing_seconds: ClassVar[float | None] = None
    """For how long the contact is shown that somebody is writing; a longer turn asks again. None: until the answer comes."""

    max_text: ClassVar[int] = 1600
    """The longest text of one message, in code points; a longer answer goes out in parts (Twilio: 21617)."""

    voice_types: ClassVar[tuple[str, ...]] = ()
    """Content types that it plays as a voice message, the best first; empty: it sends none."""

    max_voice: ClassVar[int] = 512_000
    """The largest sound (bytes) that is still a voice message (Meta, audio messages: 512 KB; more is a file)."""

    @classmethod
    def addresses(cls, settings: Any) -> tuple[str, ...]:
        """Keys that belong to one tenant alone (account and number), for the shared webhook and to find two claims."""
        return ()

    @classmethod
    def written_contact(cls, settings: Any, written: str, region: str) -> WrittenContact | None:
        """Who is meant by *written*, e.g. `0901 234 567`; None if that cannot be told. For what is imported.

        :param region: the country (ISO 3166) of national numbers; empty: not known.
        """
        return None

    @classmethod
    def markup(cls, text: str) -> str:
        """What a model wrote, in Markdown, as the channel shows it. What is returned is kept, cut into parts, and sent."""
        return text

    @classmethod
    def explain(cls, code: str, language: str) -> str:
        """Cause and cure of one of the provider's error codes in one sentence, for operators; empty: not known.

        :param language: BCP 47; where there is no text in it, English.
        """
        return ""

    @classmethod
    def address_of(cls, request: WebhookRequest) -> str | None:
        """Which of those keys a request to the shared webhook names, before anything is verified; None if none."""
        return None

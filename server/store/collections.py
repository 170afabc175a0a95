"""Every collection, declared once. Both back ends make their tables and indexes from this page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from frontdesk import (
    model,
    records,
    stored_erasures,
    stored_events,
    stored_figures,
    stored_onlookers,
    stored_operators,
    stored_settings,
    stored_syncs,
)

D = TypeVar("D")

Upgrade = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Fields of a stored document, as in JSON → those that are to be set.

It may be called again for the same document, and what it sets may be there already: a server of its own release has changed
the document as it found it. That is left then.
"""


@dataclass(frozen=True)
class Retention:
    """Which documents of a collection go by their age; services/retention.py deletes them then."""

    age: timedelta | None
    """How long they stay where the tenant says nothing (config/retention.py); None: for good."""
    by: str
    """The field with the time from which the age counts."""
    only: tuple[Mapping[str, str], ...] = ({},)
    """Only those with one of these sets of values: what waits, or is worked on, is in none of them."""
    unless: Collection[Any] | None = None
    """Only those whose tenant, which their id names, has no document of this collection."""


@dataclass(frozen=True)
class Words:
    """By which words documents of a collection are found (`Repository.search`), beside its indexes."""

    fields: tuple[str, ...]
    """Texts."""
    newest: str
    """The time by which of many those come first that are newest."""
    numbers: tuple[str, ...] = ()
    """Phone numbers (E.164), found by four of their digits and more."""
    beginnings: bool = False
    """Whether the beginning of a word finds it, too: for names."""


@dataclass(frozen=True)
class Collection(Generic[D]):
    """A kind of document: where it is kept, how it may be found, how long it stays.

    `indexes` are tuples of field names in key order. In tenant data the tenant is put in front of every key and index by
    the store. A query must be served by one declared index (equality on a prefix, then at most one range or `in`, sorted
    by what follows) or by the id.
    """

    name: str
    model: type[D]
    indexes: tuple[tuple[str, ...], ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    tenant_data: bool = True
    words: Words | None = None
    """By which words they are found; of tenant data alone."""
    retention: Retention | None = None
    """Which documents go by their age; None: none."""
    schema: int = 1
    """Raised by a release that writes documents otherwise; readers understand the one before and the one after. A document
    has that of whoever wrote it as a whole: inserted it, or migrated it. A change of some fields leaves it."""
    upgrades: Mapping[int, Upgrade] = field(default_factory=dict, hash=False)
    """How `frontdesk migrate` brings a document from a schema to the next one; none: only the number is raised."""

    @cached_property
    def adapter(self) -> TypeAdapter[D]:
        return TypeAdapter(self.model)

    @cached_property
    def fields(self) -> frozenset[str]:
        return frozenset(f.name for f in fields(self.model))  # type: ignore[arg-type]

    def index_fields(self) -> tuple[str, ...]:
        """Every field that some index or unique key needs, in a stable order."""
        return tuple(sorted({name for index in (*self.indexes, *self.unique) for name in index}))


IDENTITIES = Collection("identities", model.Identity, indexes=(("contact",),))
CONTACTS = Collection(
    "contacts",
    model.Contact,
    indexes=(("created_at",),),
    words=Words(("name",), numbers=("phone",), beginnings=True, newest="created_at"),
    schema=2,  # 2: DocumentDB keeps by which words they are found
)
CONSENTS = Collection("consents", model.Consent, indexes=(("contact", "by", "at"), ("at",)))
ERASED = Collection("erased", stored_erasures.Erased)
ERASED_MESSAGES = Collection("erased_messages", stored_erasures.ErasedMessage)
CONVERSATIONS = Collection(
    "conversations",
    model.Conversation,
    indexes=(("last_inbound_at",), ("owner", "last_inbound_at"), ("temperature", "last_inbound_at")),
)
MESSAGES = Collection(
    "messages",
    model.Message,
    indexes=(
        ("conversation", "at"),
        ("conversation", "direction", "state", "at"),
        ("conversation", "direction", "place"),
        ("direction", "state", "at"),
        ("possible_duplicate", "at"),
        ("provider_id",),
    ),
    words=Words(("text",), newest="at"),
    schema=2,  # 2: DocumentDB keeps by which words they are found
    retention=Retention(
        None,
        by="at",
        only=(
            {"direction": "inbound", "state": "answered"},
            {"direction": "outbound", "state": "accepted"},
            {"direction": "outbound", "state": "sent"},
            {"direction": "outbound", "state": "delivered"},
            {"direction": "outbound", "state": "read"},
            {"direction": "outbound", "state": "failed"},
            {"direction": "outbound", "state": "expired"},
            {"direction": "outbound", "state": "withdrawn"},
        ),
    ),
)
TURNS = Collection(
    "turns",
    model.Turn,
    indexes=(("conversation", "no"), ("state", "opened_at")),
    # A withdrawn one stays: the next turn's number, and what the model is told of its deeds, come from it.
    retention=Retention(None, by="opened_at", only=({"state": "committed"},)),
)
SUMMARIES = Collection(
    "summaries",
    model.Summary,
    indexes=(("conversation", "until"), ("until",)),
    retention=Retention(None, by="until"),
)
NOTES = Collection("notes", model.Note, indexes=(("conversation", "at"), ("at",)), retention=Retention(None, by="at"))
ONLOOKERS = Collection(
    "onlookers",
    stored_onlookers.Onlooker,
    indexes=(("conversation", "name"), ("seen_at",)),
    retention=Retention(timedelta(days=1), by="seen_at"),
)
TASKS = Collection(
    "tasks",
    model.Task,
    indexes=(("state", "at"), ("conversation", "at")),
    retention=Retention(
        timedelta(days=30), by="at", only=({"state": "done"}, {"state": "failed"}, {"state": "cancelled"})
    ),
)
LEADS = Collection("leads", records.Lead, indexes=(("temperature", "changed_at"), ("changed_at",), ("created_at",)))
APPOINTMENTS = Collection(
    "appointments",
    records.Appointment,
    indexes=(("starts_at",), ("state", "starts_at"), ("contact", "starts_at"), ("created_at",)),
    retention=Retention(None, by="starts_at"),
)
DAYS = Collection(
    "days",
    records.Day,
    indexes=(("begins",),),
    # Who came is in the appointments: what was taken on a day that has passed is of no use to anybody.
    retention=Retention(timedelta(days=30), by="begins"),
)
FIGURES = Collection(
    "figures",
    stored_figures.DayFigures,
    indexes=(("begins",),),
    retention=Retention(timedelta(days=800), by="begins"),
)
FIGURE_CASES = Collection(
    "figure_cases",
    stored_figures.FigureCase,
    indexes=(("figure", "at"), ("conversation", "at"), ("at",)),
    retention=Retention(timedelta(days=120), by="at"),
)
PLUGIN_DATA = Collection("plugin_data", model.PluginDocument, indexes=(("plugin", "collection", "key"),))
BUDGETS = Collection(
    "budgets", model.Budget, indexes=(("ends_at",),), retention=Retention(timedelta(days=90), by="ends_at")
)
SECRETS = Collection("secrets", stored_settings.StoredSecret)
OVERLAYS = Collection("overlays", stored_settings.Overlay)
DRAFTS = Collection("drafts", stored_settings.Draft)
SUBSCRIPTIONS = Collection("subscriptions", stored_events.Subscription)
DELIVERIES = Collection(
    "deliveries",
    stored_events.Delivery,
    indexes=(("subscription", "state", "at"), ("subscription", "at"), ("conversation",), ("state", "at")),
    retention=Retention(timedelta(days=30), by="at", only=({"state": "delivered"}, {"state": "failed"})),
)
SYNCS = Collection("syncs", stored_syncs.Sync, indexes=(("plugin", "state", "at"), ("contact",), ("state", "at")))

AUDIT = Collection(
    "audit",
    stored_operators.AuditEntry,
    indexes=(("at",), ("who", "at"), ("what", "at")),
    retention=Retention(None, by="at"),
)

DUE = Collection("due", model.Due, indexes=(("kind", "due_at"), ("tenant", "due_at")), tenant_data=False)
INSTANCES = Collection(
    "instances",
    model.Instance,
    indexes=(("seen_at",),),
    tenant_data=False,
    retention=Retention(timedelta(days=1), by="seen_at"),
)
OVERLAY_MARKS = Collection(
    "overlay_marks",
    stored_settings.OverlayMark,
    indexes=(("changed_at",),),
    tenant_data=False,
    # Of a purged tenant: by then every server has seen it.
    retention=Retention(timedelta(days=1), by="changed_at", unless=OVERLAYS),
)
SUBSCRIBED_MARKS = Collection(
    "subscribed_marks",
    stored_events.SubscribedMark,
    indexes=(("changed_at",),),
    tenant_data=False,
    retention=Retention(timedelta(days=1), by="changed_at", unless=SUBSCRIPTIONS),
)
SUSPENSIONS = Collection("suspensions", stored_settings.Suspension, indexes=(("since",),), tenant_data=False)
CHORES = Collection("chores", model.Chore, tenant_data=False)
OPERATORS = Collection(
    "operators",
    stored_operators.Operator,
    indexes=(("subject",),),
    unique=(("email",), ("name",)),
    tenant_data=False,
)
SESSIONS = Collection(
    "sessions",
    stored_operators.Session,
    indexes=(("operator", "seen_at"), ("expires_at",)),
    tenant_data=False,
    retention=Retention(timedelta(0), by="expires_at"),
)
INVITATIONS = Collection(
    "invitations",
    stored_operators.Invitation,
    indexes=(("tenant", "made_at"), ("expires_at",)),
    tenant_data=False,
    retention=Retention(timedelta(0), by="expires_at"),
)
API_TOKENS = Collection("api_tokens", stored_operators.ApiToken, indexes=(("tenant", "made_at"),), tenant_data=False)
ATTEMPTS = Collection(
    "attempts",
    stored_operators.Attempts,
    indexes=(("ends_at",),),
    tenant_data=False,
    retention=Retention(timedelta(0), by="ends_at"),
)
SERVER_AUDIT = Collection(
    "server_audit",
    stored_operators.AuditEntry,
    indexes=(("at",), ("who", "at"), ("what", "at")),
    tenant_data=False,
)

COLLECTIONS: tuple[Collection[Any], ...] = (
    IDENTITIES,
    CONTACTS,
    CONSENTS,
    ERASED,
    ERASED_MESSAGES,
    CONVERSATIONS,
    MESSAGES,
    TURNS,
    SUMMARIES,
    NOTES,
    ONLOOKERS,
    TASKS,
    LEADS,
    APPOINTMENTS,
    DAYS,
    FIGURES,
    FIGURE_CASES,
    PLUGIN_DATA,
    BUDGETS,
    SECRETS,
    OVERLAYS,
    DRAFTS,
    AUDIT,
    SUBSCRIPTIONS,
    DELIVERIES,
    SYNCS,
    DUE,
    INSTANCES,
    OVERLAY_MARKS,
    SUBSCRIBED_MARKS,
    SUSPENSIONS,
    OPERATORS,
    SESSIONS,
    INVITATIONS,
    API_TOKENS,
    ATTEMPTS,
    SERVER_AUDIT,
    CHORES,
)

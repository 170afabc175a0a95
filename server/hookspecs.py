"""Every place where the core calls a plugin, in the order in which a message meets them.

A hook is awaited by dispatch.py, one implementation at a time, with a deadline, in the order of the tenant's `plugins:`
list. An implementation is an `async def` marked `@hookimpl` and takes any subset of the arguments. "First" hooks stop at
the first answer that is not None; "all" hooks ask everyone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from quart import Blueprint

    from .cards import Card
    from .channel import ApprovedTemplate, Fetched, Found, Inbound, Listed, Outgoing, StatusUpdate, WebhookRequest
    from .findings import Finding
    from .mind import ModelReply, ModelRequest, Section
    from .model import Contact, Conversation, Media, Message, Task, Turn
    from .pushes import ActivityPush, ContactPush, DealPush, Pushed
    from .records import Appointment, Change, Lead
    from .speech import Speech, Transcript

PROJECT = "frontdesk"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Hooks:
    """The hooks by family: channel, ear, memory, mind, mouth, events, records, privacy, time, web, face, body."""

    # Channel: of the plugin that is the message's channel, nobody else.

    @hookspec
    async def parse_webhook(self, request: WebhookRequest) -> tuple[Inbound, ...]:  # type: ignore[empty-body]
        """Verify and understand a webhook request; raise WebhookRefused(403) for a bad signature, 400 for nonsense."""

    @hookspec
    async def parse_status(self, request: WebhookRequest) -> tuple[StatusUpdate, ...]:  # type: ignore[empty-body]
        """Verify and understand a status callback; raise WebhookRefused as in parse_webhook."""

    @hookspec
    async def fetch_media(self, media: Media) -> Fetched:  # type: ignore[empty-body]
        """Download a file of an inbound message. Raise RetryLater, or Refused for one that is never to be had."""

    @hookspec
    async def show_typing(self, conversation: Conversation, message: Message) -> None:
        """Show the contact that an answer to *message* is being written; best effort."""

    @hookspec
    async def send(self, message: Outgoing) -> str:  # type: ignore[empty-body]
        """Send one message and return the provider's id of it.

        Raise RetryLater or NeedsAttention when it was certainly not taken, Refused when it never will be, MaybeSent when
        nobody can tell (a time-out, a dropped connection).
        """

    @hookspec
    async def find_sent(self, message: Outgoing, since: datetime) -> tuple[Found, ...]:  # type: ignore[empty-body]
        """List what the provider has of this kind, to this contact, since a moment (UTC), oldest first."""

    @hookspec
    async def list_messages(self, since: datetime, until: datetime) -> tuple[Listed, ...]:  # type: ignore[empty-body]
        """List all that was sent to and from the tenant's addresses between two moments (UTC), oldest first."""

    @hookspec
    async def recover_message(self, listed: Listed) -> Inbound:  # type: ignore[empty-body]
        """An inbound message that no webhook brought, as parse_webhook would have told it; Refused if it is gone."""

    @hookspec
    async def erase_message(self, message: Message) -> None:
        """Delete what the provider has of a message, text and files; what is gone already is done. RetryLater: again."""

    @hookspec
    async def list_templates(self) -> tuple[ApprovedTemplate, ...]:  # type: ignore[empty-body]
        """List the templates that may be sent now, for operators to choose from; several in a minute share one answer."""

    # Ear.

    @hookspec(firstresult=True)
    async def transcribe(self, media: Media, language: str) -> Transcript | str | None:
        """First: the words of a voice note, or why it has none; None: this plugin cannot say.

        Work of many seconds is begun and found again: `Transcript(again_after=…)` has it asked once more, and the turn wait.
        """

    # Memory.

    @hookspec
    async def prompt_section(self, conversation: Conversation, contact: Contact) -> Section | None:
        """All: a part of the prompt of every turn, or None for nothing this time."""

    # Mind: tools come from @tool alone.

    @hookspec(firstresult=True)
    async def think(self, request: ModelRequest) -> ModelReply | None:
        """First: one call of a model. RetryLater, NeedsAttention, a time-out or a defect: the next plugin is asked."""

    @hookspec
    async def answer_choice(self, conversation: Conversation, contact: Contact, message: Message) -> str | None:
        """Of the plugin whose name stands in front of the tapped choice's id (`NAME:…`): do it, and say what to tell the
        contact, without a model; None: the model answers. Idempotent by `message.id`: after a crash it may be asked again.
        """

    @hookspec(firstresult=True)
    async def preview(self, request: ModelRequest) -> Mapping[str, Any] | None:
        """First: what `think` would send for this request, as JSON, for people to look at. No model is called."""

    # Mouth.

    @hookspec(firstresult=True)
    async def synthesize(self, text: str, language: str, content_type: str) -> Speech | None:
        """First: *text* as sound of this type; None: this plugin has no voice for the language, or not as that type."""

    # Events: told again until the plugin has taken it, ten times at the most; a crash may tell one twice. Refused and
    # NeedsAttention count as taken.

    @hookspec
    async def on_message(self, conversation: Conversation, contact: Contact, message: Message) -> None:
        """All: an inbound message was accepted, whoever owns the conversation; at first before a turn that answers it."""

    @hookspec
    async def on_turn_committed(self, conversation: Conversation, contact: Contact, turn: Turn) -> None:
        """All: a turn's answer is on its way."""

    @hookspec
    async def on_message_failed(self, conversation: Conversation, message: Message) -> None:
        """All: an outbound message failed (and is not sent again), was parked, or expired; `message.error` says why."""

    @hookspec
    async def on_handoff(self, conversation: Conversation, contact: Contact, reason: str) -> None:
        """All: the bot stepped back and a person is needed."""

    @hookspec
    async def on_contact_merged(self, conversation: Conversation, contact: Contact, merged: str) -> None:
        """All: the contact that had the id *merged*, and the conversation with it, turned out to be this one."""

    @hookspec
    async def on_lead_changed(self, conversation: Conversation, contact: Contact, lead: Lead, change: Change) -> None:
        """All: a lead has changed: *lead* as it is now, *change* with who, why, and what was before."""

    @hookspec
    async def on_appointment_changed(
        self, conversation: Conversation, contact: Contact, appointment: Appointment, change: Change
    ) -> None:
        """All: an appointment was booked, moved, cancelled …: as it is now, and what this *change* was."""

    @hookspec
    async def alert_operator(self, title: str, text: str, conversation: Conversation | None) -> None:
        """All: tell the operators something they must know, by whatever way this plugin has."""

    # Records: what a CRM implements. Called by the core's tasks, of each contact in this order, some time after a change.

    @hookspec
    async def push_contact(self, contacts: tuple[ContactPush, ...]) -> tuple[Pushed, ...]:  # type: ignore[empty-body]
        """All: write these contacts, as they are now, to the other system; doing it twice is doing it once.

        RetryLater and NeedsAttention: nothing was done, and nothing is pushed until then; Refused: each is tried alone.
        """

    @hookspec
    async def push_deal(self, deals: tuple[DealPush, ...]) -> tuple[Pushed, ...]:  # type: ignore[empty-body]
        """All: write the opportunities of these contacts, as push_contact does; without any, answer that it is done."""

    @hookspec
    async def push_activity(self, activities: tuple[ActivityPush, ...]) -> tuple[Pushed, ...]:  # type: ignore[empty-body]
        """All: write what was said with these contacts, each on one day, as push_contact does."""

    # Privacy.

    @hookspec
    async def export_contact(self, conversation: Conversation, contact: Contact) -> Mapping[str, Any] | None:
        """All: what the plugin keeps of a contact, here and at its vendor, as JSON; None: nothing."""

    @hookspec
    async def erase_contact(self, conversation: Conversation, contact: Contact) -> None:
        """All: delete what the plugin keeps of a contact, here and at its vendor. Asked again until it has done so."""

    # Time.

    @hookspec
    async def run_task(self, task: Task) -> datetime | None:
        """Of the task's own plugin: do it, idempotently, and return when it is to be done again, if at all. RetryLater puts
        it off; Refused ends it as failed."""

    # Web.

    @hookspec
    def routes(self, blueprint: Blueprint) -> None:
        """Add pages under `/plugins/NAME/TENANT`: a class method, synchronous, called once when the server starts.

        The core resolves the tenant before a view runs; the view gets its instance from `frontdesk.current_plugin()`.
        """

    # Face: what operators see of the plugin. Who is late or fails is shown as failed; nobody waits for more than 3 s.

    @hookspec
    async def admin_panel(self, page: str, language: str) -> Card | None:
        """What stands on the plugin's settings page beside its form, or on a page of its `admin_pages`; None: nothing."""

    @hookspec
    async def contact_card(self, conversation: Conversation, contact: Contact, language: str) -> Card | None:
        """All: a card beside a conversation, for the operator who reads it; None: nothing to show of this contact."""

    # Body.

    @hookspec
    async def start(self) -> None:
        """The tenant is needed for the first time: open what is needed. Raise NeedsAttention if a person must act."""

    @hookspec
    async def stop(self) -> None:
        """The tenant is idle, reloaded, or the server ends: close what start opened."""

    @hookspec
    async def check_health(self) -> Mapping[str, Any]:  # type: ignore[empty-body]
        """How the plugin is: `{"ok": bool, "detail": str}`; cheap, cached by the core.

        The health page shows whether it is well; the detail goes to the log, so no personal data in it.
        """

    @hookspec
    async def diagnose(self) -> tuple[Finding, ...]:  # type: ignore[empty-body]
        """What `frontdesk doctor` shows of the plugin's account and surroundings: what is so, what to change and where."""

    @hookspec
    async def repair(self, fix: str) -> None:
        """Do what a finding of `diagnose` offered by its `fix`; somebody has said yes."""


CHANNEL_HOOKS = frozenset(
    {
        "parse_webhook",
        "parse_status",
        "fetch_media",
        "show_typing",
        "send",
        "find_sent",
        "list_messages",
        "recover_message",
        "erase_message",
        "list_templates",
    }
)
SYNC_HOOKS = frozenset({"routes"})

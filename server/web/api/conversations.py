"""All messages with one contact, and who answers."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from quart import request

from ...model import Conversation as StoredConversation
from ...model import Message as StoredMessage
from ...services import conversation_list, threads
from ...services.conversation_desk import KeyReused, NoSuchTemplate
from ...services.conversation_list import Filters
from ...services.ownership import NotYours, UnknownConversation
from ...services.templates import NotFilled
from .paging import Page, Paged, bad_cursor
from .problems import ApiProblem
from .routes import Idempotency, IfMatch, Routes, call
from .versions import changed, tagged, wanted


class Conversation(BaseModel):
    """All messages with one contact."""

    id: str
    contact: str
    name: str = Field(description="As the contact calls themselves; empty: the channel does not say.")
    phone: str
    channel: str
    owner: str = Field(description="`bot`, `nobody`, or `operator:NAME`.")
    owner_since: datetime | None
    handoff_reason: str
    unanswered_since: datetime | None
    last_inbound_at: datetime | None
    window_closes_at: datetime | None = Field(
        description="Until when text may be sent; null: the channel has no window."
    )
    created_at: datetime


class Wanted(Paged):
    """Which conversations; all of it at once."""

    owner: Literal["", "bot", "me", "nobody", "others"] = Field(
        default="", description="Who answers; `me`: this token."
    )
    temperature: Literal["", "hot", "warm", "cold"] = ""
    unanswered: bool = Field(default=False, description="Only those whose contact waits.")
    parked: bool = Field(default=False, description="Only those that the bot could not answer.")
    failed: bool = Field(default=False, description="Only those where what was last written did not arrive.")
    text: str = Field(default="", max_length=200, description="A name, a phone number, or words that were said.")


class Message(BaseModel):
    """One thing said, or a note of an operator (`kind` `note`)."""

    id: str
    at: datetime
    direction: Literal["inbound", "outbound", "note"]
    kind: str
    author: str
    state: str = Field(description="How far it got; of a note empty.")
    text: str
    files: int = Field(description="How many files it carries.")
    error: str


class Take(BaseModel):
    """How it is taken or given back."""

    model_config = ConfigDict(extra="forbid")

    from_another: bool = Field(default=False, description="Also if another operator answers it.")


class Say(BaseModel):
    """What is said: text, or a template."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(default="", max_length=8000)
    template: str = Field(default="", max_length=200, description="The provider's id of a template; then no text.")
    values: dict[str, str] = Field(default={}, description="Of the template's placeholders.")


class NewNote(BaseModel):
    """A note, which only operators see."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=4000)


class _Told:
    """What the services raise, as problems."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        match error:
            case UnknownConversation():
                raise ApiProblem("not-found", f"{error}; GET conversations lists them") from error
            case NotYours():
                raise ApiProblem("conflict", f"{error}; POST take with `from_another: true` takes it") from error
            case conversation_list.BadCursor() | threads.BadCursor():
                raise bad_cursor() from error
            case KeyReused():
                raise ApiProblem("conflict", f"Idempotency-Key: {error}") from error
            case NoSuchTemplate():
                raise ApiProblem("invalid", str(error)) from error
            case NotFilled():
                raise ApiProblem("invalid", f"values: give each placeholder its text: {error}") from error
            case ValueError():
                raise ApiProblem("invalid", str(error)) from error


def _key() -> str:
    """What makes a repeated request the same message."""
    return request.headers.get("Idempotency-Key", "")[:100] or uuid.uuid4().hex


def _message(each: threads.Entry) -> Message | None:
    if each.message is not None:
        return _said(each.message)
    if each.note is not None:
        note = each.note
        return Message(
            id=note.id, at=note.at, direction="note", kind="note", author=note.author, state="", text=note.text,
            files=0, error="",
        )  # fmt: skip
    return None


def _said(message: StoredMessage) -> Message:
    return Message(
        id=message.id,
        at=message.at,
        direction=message.direction,
        kind=message.kind,
        author=message.author,
        state=message.state,
        text=message.text,
        files=len(message.media),
        error=message.error,
    )


def add(routes: Routes) -> None:
    office = routes.office
    listing, talk = office.conversations, office.talk

    def shown(found: StoredConversation, name: str, phone: str, closes_at: datetime | None) -> Conversation:
        return Conversation(
            id=found.id,
            contact=found.contact,
            name=name,
            phone=phone,
            channel=found.channel,
            owner=found.owner,
            owner_since=found.owner_since,
            handoff_reason=found.handoff_reason,
            unanswered_since=found.unanswered_since,
            last_inbound_at=found.last_inbound_at,
            window_closes_at=closes_at,
            created_at=found.created_at,
        )

    async def one(id: str) -> tuple[Conversation, int]:
        row = await listing.row(call().tenant, id)
        if row is None:
            raise ApiProblem("not-found", f"there is no conversation {id[:80]}; GET conversations lists them")
        return shown(row.conversation, row.name, row.phone, row.closes_at), row.conversation.version

    async def unchanged(id: str) -> None:
        """Raise ApiProblem if If-Match names another version."""
        if (version := wanted()) is not None and (await one(id))[1] != version:
            raise changed()

    @routes.get(
        "/conversations",
        tags="conversations",
        role="viewer",
        query=Wanted,
        gives=Page[Conversation],
        problems=("bad-cursor",),
    )
    async def list_conversations(query_args: Wanted) -> Page[Conversation]:
        """Conversations, the one whose contact wrote last first. A page may be short, or empty, before the last one."""
        here = call()
        asked = query_args.model_dump(exclude={"cursor", "limit"})
        with _Told():
            page = await listing.page(
                here.tenant, here.principal.name, Filters(**asked), after=query_args.cursor, limit=query_args.limit
            )
        items = [shown(row.conversation, row.name, row.phone, row.closes_at) for row in page.rows]
        return Page[Conversation](items=items, next=page.after)

    @routes.get("/conversations/<id>", tags="conversations", role="viewer", gives=Conversation)
    async def get_conversation(id: str) -> Any:
        """One conversation. Its `ETag` changes with each message and each change of who answers."""
        found, version = await one(id)
        return tagged(found, version)

    @routes.post(
        "/conversations/<id>/take",
        tags="conversations",
        role="agent",
        takes=Take,
        gives=Conversation,
        headers=IfMatch,
        problems=("conflict", "changed"),
    )
    async def take_conversation(id: str, data: Take) -> Any:
        """This token answers from now on; what the bot was about to say is withdrawn."""
        await unchanged(id)
        with _Told():
            await talk.take(call().principal, call().tenant, id, from_another=data.from_another)
        return tagged(*await one(id))

    @routes.post(
        "/conversations/<id>/release",
        tags="conversations",
        role="agent",
        takes=Take,
        gives=Conversation,
        headers=IfMatch,
        problems=("conflict", "changed"),
    )
    async def release_conversation(id: str, data: Take) -> Any:
        """The bot answers again, also what came in meanwhile."""
        await unchanged(id)
        with _Told():
            await talk.give_back(call().principal, call().tenant, id, from_another=data.from_another)
        return tagged(*await one(id))

    @routes.get(
        "/conversations/<id>/messages",
        tags="conversations",
        role="viewer",
        query=Paged,
        gives=Page[Message],
        problems=("bad-cursor",),
    )
    async def list_messages(id: str, query_args: Paged) -> Page[Message]:
        """Messages and notes, the newest page first, each page oldest first."""
        tenant = call().tenant
        with _Told():
            found = await talk.threads.conversation(tenant, id)
            if found is None:
                raise UnknownConversation(f"there is no conversation {id[:80]}")
            page = await talk.threads.page(tenant, found, before=query_args.cursor, limit=query_args.limit)
        items = [message for each in page.entries if (message := _message(each)) is not None]
        return Page[Message](items=items, next=page.before)

    @routes.post(
        "/conversations/<id>/messages",
        tags="conversations",
        role="agent",
        takes=Say,
        gives=Message,
        status=202,
        headers=Idempotency,
        problems=("conflict",),
    )
    async def send_message(id: str, data: Say) -> tuple[Message, int]:
        """Say something to the contact, and take the conversation by that; text only while the window is open.

        The answer is the message as it waits in its line: `message.sent` and `message.failed` tell what came of it. With an
        `Idempotency-Key` a repeated request is the same message.
        """
        if bool(data.text.strip()) == bool(data.template):
            raise ApiProblem("invalid", "send either `text` or `template`, and not both")
        here = call()
        with _Told():
            if data.template:
                said = await talk.send_template(here.principal, here.tenant, id, data.template, data.values, key=_key())
            else:
                said = await talk.write(here.principal, here.tenant, id, data.text, key=_key())
        return _said(said), 202

    @routes.post(
        "/conversations/<id>/notes",
        tags="conversations",
        role="agent",
        takes=NewNote,
        gives=Message,
        status=201,
        headers=Idempotency,
        problems=("conflict",),
    )
    async def write_note(id: str, data: NewNote) -> tuple[Message, int]:
        """Write a note, which only operators see."""
        here = call()
        with _Told():
            note = await talk.note(here.principal, here.tenant, id, data.text, key=_key())
        shown = _message(threads.Entry(id=note.id, at=note.at, note=note))
        assert shown is not None
        return shown, 201

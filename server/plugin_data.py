"""What the core hands to each instance of a plugin of the tenant's data: documents, tasks, files, models, conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from .channel import StatusUpdate
from .choices import Choice
from .model import Contact, Conversation, Message, Template


class PluginStore(Protocol):
    """A plugin's own documents for one tenant: small JSON objects by collection and key."""

    async def get(self, collection: str, key: str) -> dict[str, Any] | None: ...

    async def put(self, collection: str, key: str, data: Mapping[str, Any]) -> None:
        """Write, whether it is there or not."""
        ...

    async def insert(self, collection: str, key: str, data: Mapping[str, Any]) -> bool:
        """Write if the key is free; False if it is taken: the atomic way to claim a name."""
        ...

    async def delete(self, collection: str, key: str) -> bool: ...

    async def list(self, collection: str, *, after: str = "", limit: int = 100) -> list[tuple[str, dict[str, Any]]]:
        """Keys and documents in the order of the keys; continue after a key."""
        ...


class TaskService(Protocol):
    """Things to do later, each under a unique key; they survive a restart."""

    async def schedule(
        self,
        name: str,
        key: str,
        at: datetime,
        data: Mapping[str, Any] | None = None,
        *,
        conversation: str = "",
        useful_until: datetime | None = None,
    ) -> bool:
        """Have run_task called at *at*; past *useful_until* it is not called any more. False if a task with this key is
        there already, also a done one: its key is free again 30 days after its *at*.

        Times are aware, of any zone; what is below a millisecond is cut off. Raises ValueError for a naive one.
        """
        ...

    async def cancel(self, name: str, key: str) -> bool:
        """Take back a task that has not run; False if there is none."""
        ...


class MediaService(Protocol):
    """Files of a tenant."""

    async def put(self, content: bytes, content_type: str) -> str:
        """Keep a file; its key is made from its content.

        Raises OSError: EFBIG if it is larger than `server.media.max_bytes`, ENOSPC if the disk is full.
        """
        ...

    async def get(self, key: str) -> tuple[str, bytes] | None:
        """Content type and content."""
        ...

    def url(self, key: str, *, seconds: float = 6 * 3600) -> str:
        """A signed public URL of the file that works for so long (longer than Twilio's queue of 4 hours)."""
        ...


class ModelService(Protocol):
    """The tenant's chain of models, for a plugin's own questions."""

    async def complete(self, instruction: str, text: str) -> str:
        """A model's answer to *text* under *instruction*. Raises RetryLater if no model answers, Refused if none ever
        will: the offline model answers contacts only."""
        ...


class ConversationService(Protocol):
    """What a plugin may know and do about conversations of its tenant."""

    async def get(self, id: str) -> Conversation | None: ...

    async def contact(self, id: str) -> Contact | None: ...

    async def of(self, channel: str, external_id: str) -> Conversation | None:
        """The conversation with a contact by what the channel calls them."""
        ...

    async def messages(self, conversation: str, *, limit: int = 100) -> Sequence[Message]:
        """The newest messages, oldest first."""
        ...

    async def with_staff(self, phone: str) -> Conversation:
        """The conversation with one of the tenant's own people, by a number of `staff` (E.164), on the first channel that
        reaches numbers; it is begun if there is none. The bot answers nothing there, and nobody there is a lead.

        Raises Refused if the number is none of `staff`, or no channel of the tenant reaches numbers.
        """
        ...

    async def send(
        self,
        conversation: str,
        key: str,
        text: str = "",
        *,
        template: Template | None = None,
        fallback: Template | None = None,
        media: Sequence[str] = (),
        choices: Sequence[Choice] = (),
        place: Mapping[str, Any] | None = None,
        useful_until: datetime | None = None,
    ) -> bool:
        """Say something first, through the lane and its gates. The same key is the same message; False if it was there.

        With *template* that goes, in any case, and *text* is what the contact sees of it. *text* alone goes while the
        channel's service window is open; when it is closed, *fallback* goes in its place, and without one it is held until
        the contact writes.
        With *choices* the contact answers *text* with one touch (buttons, a list, else numbered lines); *place* has
        `latitude`, `longitude` (degrees) and perhaps a `label`. `media` are keys of the media service. It is not sent after
        *useful_until* (aware, as in `tasks.schedule`), by default the tenant's `useful_for` from now.
        """
        ...

    async def withdraw(self, key: str, reason: str) -> bool:
        """Take back what was sent under *key* and has not gone yet (held, or its provider is away). False: there is none, or
        it has gone."""
        ...

    async def give_back(self, conversation: Conversation) -> bool:
        """Have the bot answer it again, at once if something waits. False, and nothing is done, if its owner has changed
        since *conversation* was read, or it was erased. For whoever the plugin knows to be an operator."""
        ...

    async def status(self, channel: str, updates: Sequence[StatusUpdate]) -> None:
        """Take in what a channel learnt of its messages outside of a webhook."""
        ...

    def watch(self, conversation: str) -> Any:
        """An async context manager whose value is an asyncio.Event, set whenever the conversation may have changed."""
        ...

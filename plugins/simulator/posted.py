"""What the page posts, wild until it is read here."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, ValidationError, model_validator

from frontdesk import Inbound, Media, Settings, WebhookRefused

ADDRESS = "simulator"
"""Our own address on this channel: there is one."""

_NAME = re.compile(r"[a-z0-9-]{16,64}")


def is_name(value: str) -> bool:
    """Whether the page could have made this name."""
    return _NAME.fullmatch(value) is not None


def _name(value: str) -> str:
    if not is_name(value):
        raise ValueError("a name of 16 to 64 small letters, digits and hyphens is needed")
    return value


Name = Annotated[str, AfterValidator(_name)]
"""A contact's or a message's name, made at random by the page: whoever knows it may read the conversation."""
File = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
"""A key of the media service."""
Ids = Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=200)]


class PostedFile(Settings):
    """A file that was uploaded before."""

    key: File


class PostedMessage(Settings):
    """One message that a contact sends."""

    id: Name
    contact: Name = Field(alias="from")
    kind: Literal["text", "image", "voice"] = "text"
    text: str = Field(default="", max_length=4096)
    name: str = Field(default="", max_length=60)
    media: PostedFile | None = None

    @model_validator(mode="after")
    def _says_something(self) -> PostedMessage:
        if self.kind == "text" and not self.text.strip():
            raise ValueError("a message of kind text needs a text")
        if (self.kind == "text") != (self.media is None):
            raise ValueError("an image or a voice note needs a file, a text has none")
        return self


class PostedReceipts(Settings):
    """What has reached a contact's phone, and what was on its screen: ids of our outbound messages."""

    contact: Name
    delivered: Ids = ()
    read: Ids = ()


class PostedGiveBack(Settings):
    """The bot is to answer a contact again."""

    contact: Name
    epoch: int = Field(ge=0)
    """The `epoch` that the page was told with the owner it showed."""


Form = TypeVar("Form", PostedMessage, PostedReceipts, PostedGiveBack)


def understand(form: type[Form], body: bytes) -> Form:
    """Read a posted body. Raises WebhookRefused(400), naming what is wrong and not what was written."""
    try:
        return form.model_validate_json(body)
    except ValidationError as err:
        first = err.errors(include_input=False, include_context=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise WebhookRefused(400, f"{where}: {first['msg']}") from None  # its text would repeat what was written


def as_inbound(message: PostedMessage, media: tuple[Media, ...]) -> Inbound:
    """The message as the core takes it. The id carries the contact, so that nobody's message can hide another's."""
    return Inbound(
        provider_id=f"{message.contact}:{message.id}",
        external_id=message.contact,
        address=ADDRESS,
        kind=message.kind,
        text=message.text,
        media=media,
        name=message.name.strip(),
    )

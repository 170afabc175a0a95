"""What the page posts, wild until it is read here."""

from __future__ import annotations

import re
from typing import Annotated, Literal, NamedTuple, TypeVar

from pydantic import AfterValidator, Field, ValidationError, model_validator

from frontdesk import Choice, Inbound, Media, Settings, WebhookRefused

ADDRESS = "simulator"
"""Our own address on this channel: there is one."""
PROVIDER = "sim-"
"""In front of our id of an outbound message, the provider's is made."""

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


class PostedChoice(Settings):
    """A choice that was tapped, and the message of ours below which it stands."""

    message: Annotated[str, Field(max_length=200)]
    id: Annotated[str, Field(max_length=256)]


class PostedMessage(Settings):
    """One message that a contact sends."""

    id: Name
    contact: Name = Field(alias="from")
    kind: Literal["text", "image", "voice", "button"] = "text"
    text: str = Field(default="", max_length=4096)
    name: str = Field(default="", max_length=60)
    media: PostedFile | None = None
    choice: PostedChoice | None = None

    @model_validator(mode="after")
    def _says_something(self) -> PostedMessage:
        if self.kind == "text" and not self.text.strip():
            raise ValueError("a message of kind text needs a text")
        if (self.kind in ("image", "voice")) != (self.media is not None):
            raise ValueError("an image or a voice note needs a file, others have none")
        if (self.kind == "button") != (self.choice is not None) or (self.choice is not None and self.text):
            raise ValueError("a button needs a choice and has no text of its own, others have no choice")
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


class Tapped(NamedTuple):
    """A choice as it was offered, and the provider's id of the message that offered it."""

    choice: Choice
    replied_to: str

    def as_data(self) -> dict[str, str]:
        """What the inbound message carries besides the title."""
        described = {"description": self.choice.description} if self.choice.description else {}
        return {"payload": self.choice.id, "replied_to": self.replied_to, **described}


def provider_id(message: str) -> str:
    """The provider's id of a message of ours."""
    return PROVIDER + message


def as_inbound(message: PostedMessage, media: tuple[Media, ...], tapped: Tapped | None = None) -> Inbound:
    """The message as the core takes it. The id carries the contact, so that nobody's message can hide another's."""
    return Inbound(
        provider_id=f"{message.contact}:{message.id}",
        external_id=message.contact,
        address=ADDRESS,
        kind=message.kind,
        text=tapped.choice.title if tapped is not None else message.text,
        media=media,
        data=tapped.as_data() if tapped is not None else {},
        name=message.name.strip(),
    )

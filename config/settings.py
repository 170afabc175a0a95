"""What every configuration model is made of: `Settings`, the base, and `Secret`, a value that never shows itself."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from .problems import Key, Place

REFERENCE = "write `{env: NAME}` or `{file: path}`"

# Capitals only: a secret pasted after `env:` by mistake is then refused instead of being shown as a name.
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


class Settings(BaseModel):
    """A plugin's settings for one tenant, and every other part of the configuration.

    Frozen; an unknown key is an error; defaults are validated. The docstring below a field says what it does: it is
    shown beside the field in forms, in the reference page and in errors. Units belong in the name or in the docstring.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )


class SecretUnavailable(Exception):
    """The reference of a secret leads nowhere now. The message names the reference and what to do, never a value."""


class Secret:
    """A handle to a secret: `{env: NAME}` or `{file: path}`, looked up only by `reveal()`.

    repr, str, format and JSON show the reference and never the value. Equal when the reference is equal. As a field of
    a `Settings` class it accepts a reference and refuses the secret itself, which does not belong in a tenants file.
    """

    __slots__ = ("_folder", "_kind", "_value")

    def __init__(self, kind: Literal["env", "file", "text"], value: str, folder: Path = Path()) -> None:
        self._kind = kind
        self._value = value
        self._folder = folder

    @classmethod
    def from_text(cls, text: str) -> Secret:
        """A secret that is held in memory; for tests."""
        return cls("text", text)

    @property
    def reference(self) -> dict[str, str]:
        """What stands in the tenants file, e.g. `{"env": "TWILIO_AUTH_TOKEN"}`; never the value."""
        return {self._kind: "(hidden)" if self._kind == "text" else self._value}

    def reveal(self) -> str:
        """The secret itself, read now; the newline that ends a file is not part of it. Hold it as briefly as you can.

        Raises SecretUnavailable if the variable or the file is missing, empty or cannot be read.
        """
        match self._kind:
            case "env":
                return self._from_environment()
            case "file":
                return self._from_file()
            case "text":
                return self._value

    def _from_environment(self) -> str:
        if value := os.environ.get(self._value):
            return value
        state = "is empty" if self._value in os.environ else "is not set"
        raise SecretUnavailable(
            f"the environment variable {self._value} {state}; set it, or write {self._value}=… in the file .env "
            "beside the tenants file, and start again"
        )

    def _from_file(self) -> str:
        path = self._folder / self._value
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else "is not UTF-8 text"
            raise SecretUnavailable(
                f"the secret file {path} cannot be read ({why}); write the secret into it and let the server's user "
                "read it (chmod 600)"
            ) from None  # a decoding error holds the bytes of the secret
        if value := text.rstrip("\r\n"):
            return value
        raise SecretUnavailable(f"the secret file {path} is empty; write the secret into it")

    def __repr__(self) -> str:
        kind, name = next(iter(self.reference.items()))
        return f"Secret({kind}: {name})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[str, str, Path]:
        return self._kind, self._value, self._folder

    @classmethod
    def _validate(cls, value: Any, info: core_schema.ValidationInfo) -> Secret:
        if isinstance(value, Secret):
            return value
        place: Place = (info.context or {}).get("place", Place())
        match value:
            case {"env": str(name)} if len(value) == 1:
                if not _VARIABLE.fullmatch(name):
                    raise _refused("what stands after env: is no name of a variable (capitals, digits, _)")
                return cls("env", name)
            case {"file": str(path)} if len(value) == 1:
                if not path or "\0" in path:
                    raise _refused("what stands after file: is no path")
                return cls("file", path, place.folder)
            case None:
                raise _refused("nothing")
            case Mapping():
                raise _refused("a mapping that is no reference to a secret")
            case _:
                raise _refused("a value where only a reference to a secret may stand")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            cls._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda secret: secret.reference, when_used="json"
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        variable = {"type": "string", "pattern": f"^{_VARIABLE.pattern}$"}
        return {
            "title": "Secret",
            "writeOnly": True,
            "oneOf": [_single_key("env", variable), _single_key("file", {"type": "string", "minLength": 1})],
        }


def secrets_in(settings: Settings) -> Iterator[tuple[tuple[Key, ...], Secret]]:
    """Every secret that *settings* refer to, with its place: `("accounts", 0, "token")`."""
    for name in type(settings).model_fields:
        yield from _secrets(getattr(settings, name), (name,))


def _secrets(value: Any, path: tuple[Key, ...]) -> Iterator[tuple[tuple[Key, ...], Secret]]:
    match value:
        case Secret():
            yield path, value
        case Settings():
            for below, secret in secrets_in(value):
                yield (*path, *below), secret
        case Mapping():
            for key, item in value.items():
                yield from _secrets(item, (*path, key))
        case list() | tuple():
            for place, item in enumerate(value):
                yield from _secrets(item, (*path, place))


def _single_key(key: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {key: value}, "required": [key], "additionalProperties": False}


def _refused(found: str) -> PydanticCustomError:
    """The value is in neither half: whatever stands where a secret belongs may be one."""
    return PydanticCustomError("secret_reference", "{found}; {right}", {"found": found, "right": REFERENCE})

"""`Secret`, a value that never shows itself, and `Vault`, the door to the secrets that are kept elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from .problems import Place

REFERENCE = "write `{env: NAME}`, `{file: path}`, `{aws_secret: id#key}`, `{ssm: name}` or `{stored: NAME}`"

Kind = Literal["env", "file", "aws_secret", "ssm", "stored", "text"]

_NAMES: dict[str, tuple[re.Pattern[str], str]] = {
    # Capitals only: a secret pasted after `env:` by mistake is then refused instead of being shown as a name.
    "env": (re.compile(r"[A-Z_][A-Z0-9_]*"), "name of a variable (capitals, digits, _)"),
    "aws_secret": (
        re.compile(r"[A-Za-z0-9/_+=.@:-]{1,2048}(#[^#\s]*(#[A-Za-z0-9/_+=.@-]{1,256})?)?"),
        "secret of Secrets Manager (its name or ARN; behind a # a key of its JSON; behind a second # a version stage)",
    ),
    "ssm": (re.compile(r"[A-Za-z0-9/_.:-]{1,2048}"), "parameter of Parameter Store (its name, such as /desk/token)"),
    "stored": (re.compile(r"[A-Z_][A-Z0-9_]{0,99}"), "name of a stored secret (capitals, digits, _)"),
}
"""What may stand behind each kind of reference, and what it is called."""


class SecretUnavailable(Exception):
    """The reference of a secret leads nowhere now. The message names the reference and what to do, never a value."""


class Vault(Protocol):
    """Where the secrets of the kinds `aws_secret`, `ssm` and `stored` are looked up; the core has the one there is."""

    def look_up(self, kind: Kind, tenant: str, name: str, *, fresh: bool) -> str:
        """The secret. *tenant*: whose it is; empty for the kinds that belong to the whole server.

        On an event loop it gives what was read before, and does not wait; elsewhere it asks when what it has is old.
        *fresh*: ask now, wherever it is called. Raises SecretUnavailable.
        """
        ...


class _NoVault:
    def look_up(self, kind: Kind, tenant: str, name: str, *, fresh: bool) -> str:
        raise SecretUnavailable(f"{{{kind}: {name}}} can be looked up by a server only; nothing here knows how")


_vault: Vault = _NoVault()


def use_vault(vault: Vault) -> None:
    """From now on this process looks secrets up there."""
    global _vault
    _vault = vault


class Secret:
    """A handle to a secret: a reference such as `{env: NAME}`, looked up only by `reveal()`.

    repr, str, format and JSON show the reference and never the value. Equal when the reference is equal. As a field of
    a `Settings` class it accepts a reference and refuses the secret itself, which does not belong in a tenants file.
    """

    __slots__ = ("_folder", "_kind", "_tenant", "_value")

    def __init__(self, kind: Kind, value: str, folder: Path = Path(), tenant: str = "") -> None:
        """*folder*: what a relative `file` starts from. *tenant*: whose `stored` secret it is."""
        self._kind: Kind = kind
        self._value = value
        self._folder = folder
        self._tenant = tenant

    @classmethod
    def from_text(cls, text: str) -> Secret:
        """A secret that is held in memory; for tests."""
        return cls("text", text)

    @property
    def kind(self) -> Kind:
        return self._kind

    @property
    def tenant(self) -> str:
        """Whose stored secret it is; empty for the other kinds."""
        return self._tenant

    @property
    def is_remote(self) -> bool:
        """Whether a network or a database is asked for it."""
        return self._kind in ("aws_secret", "ssm", "stored")

    @property
    def reference(self) -> dict[str, str]:
        """What stands in the tenants file, e.g. `{"env": "TWILIO_AUTH_TOKEN"}`; never the value."""
        return {self._kind: "(hidden)" if self._kind == "text" else self._value}

    def reveal(self, *, fresh: bool = False) -> str:
        """The secret itself; the newline that ends a file is not part of it. Hold it as briefly as you can.

        Variables and files are read now. What AWS or the store keeps is remembered for a while; *fresh* asks again, after
        a vendor has rejected it: it may have been rotated. On the event loop nothing is waited for, unless *fresh* is
        given: then call it in a thread (`self.call_blocking`).

        Raises SecretUnavailable if it is not there, is empty or cannot be read.
        """
        match self._kind:
            case "env":
                return self._from_environment()
            case "file":
                return self._from_file()
            case "text":
                return self._value
        return _vault.look_up(self._kind, self._tenant, self._value, fresh=fresh)

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

    def _identity(self) -> tuple[str, str, Path, str]:
        return self._kind, self._value, self._folder, self._tenant

    @classmethod
    def _validate(cls, value: Any, info: core_schema.ValidationInfo) -> Secret:
        if isinstance(value, Secret):
            return value
        place: Place = (info.context or {}).get("place", Place())
        match value:
            case {"file": str(path)} if len(value) == 1:
                if not path or "\0" in path:
                    raise _refused("what stands after file: is no path")
                if place.folder is None and not Path(path).is_absolute():
                    raise _refused(
                        f"a relative path after file:, and {place.file} has no folder that it could start from",
                        "write an absolute one, or another reference",
                    )
                return cls("file", path, place.folder or Path())
            case {"env": str(name)} if len(value) == 1:
                return cls._named("env", name, place)
            case {"aws_secret": str(name)} if len(value) == 1:
                return cls._named("aws_secret", name, place)
            case {"ssm": str(name)} if len(value) == 1:
                return cls._named("ssm", name, place)
            case {"stored": str(name)} if len(value) == 1:
                return cls._named("stored", name, place)
            case None:
                raise _refused("nothing")
            case Mapping():
                raise _refused("a mapping that is no reference to a secret")
            case _:
                raise _refused("a value where only a reference to a secret may stand")

    @classmethod
    def _named(cls, kind: Literal["env", "aws_secret", "ssm", "stored"], name: str, place: Place) -> Secret:
        pattern, called = _NAMES[kind]
        if not pattern.fullmatch(name):
            raise _refused(f"what stands after {kind}: is no {called}")
        if kind != "stored":
            return cls(kind, name)
        if not place.tenant:
            raise _refused("a stored secret belongs to a tenant, and this setting to the server")
        return cls(kind, name, tenant=place.tenant)

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
        named = {kind: {"type": "string", "pattern": f"^{each.pattern}$"} for kind, (each, _) in _NAMES.items()}
        kinds: dict[str, dict[str, Any]] = {"file": {"type": "string", "minLength": 1}, **named}
        return {
            "title": "Secret",
            "writeOnly": True,
            "oneOf": [_single_key(kind, kinds[kind]) for kind in ("env", "file", "aws_secret", "ssm", "stored")],
        }


def _single_key(key: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {key: value}, "required": [key], "additionalProperties": False}


def _refused(found: str, right: str = REFERENCE) -> PydanticCustomError:
    """The value is in neither half: whatever stands where a secret belongs may be one."""
    return PydanticCustomError("secret_reference", "{found}; {right}", {"found": found, "right": right})

"""What is wrong with a configuration: where it is, what was found, what would be right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import PydanticCustomError

Key = str | int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. `str()` is one readable line."""

    file: str
    line: int
    """From 1; 0 when the problem is the file itself."""
    tenant: str
    """The tenant's id, or empty."""
    key: str
    """Dotted path below the tenant or below the file, e.g. `settle.quiet_seconds`, `facts[2].answer`; or empty."""
    found: str
    right: str
    """What would be right, or empty when `found` says it all."""

    def __str__(self) -> str:
        where = [f"{self.file}:{self.line}" if self.line else self.file]
        if self.tenant:
            where.append(f"tenant {printable(self.tenant)}")
        if self.key:
            where.append(self.key)
        return ": ".join([*where, f"{self.found}; {self.right}" if self.right else self.found])


class ConfigError(Exception):
    """The configuration cannot be used. `problems` holds every reason, in the order of the file; `str()` one a line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Mark(NamedTuple):
    """Where something stands in a YAML file: its line (from 1), and the same for what it contains."""

    line: int
    children: Mapping[Key, Mark]


NO_CHILDREN: Mapping[Key, Mark] = {}


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a configuration: says where a value came from, and what a relative path in it starts from."""

    file: str = ""
    folder: Path | None = Path()
    """The folder of the file: what a relative `{file: path}` starts from. None: it has none, and paths are absolute."""
    tenant: str = ""
    key: str = ""
    mark: Mark = field(default=Mark(0, NO_CHILDREN), repr=False)

    def at(self, *path: Key) -> Place:
        """The place *path* below this one; a key that is not there has the line of the nearest thing that is."""
        mark: Mark | None = self.mark
        line, key = self.mark.line, self.key
        for step in path:
            key = join(key, step)
            mark = mark.children.get(step) if mark else None
            line = mark.line if mark else line
        return replace(self, key=key, mark=mark or Mark(line, NO_CHILDREN))

    def of_tenant(self, tenant: str) -> Place:
        """This place as the root of *tenant*: keys are told from here on."""
        return replace(self, tenant=tenant, key="")

    def problem(self, found: str, right: str = "") -> Problem:
        return Problem(self.file, self.mark.line, self.tenant, self.key, found, right)


def join(key: str, step: Key) -> str:
    """The dotted path of *step* below *key*: `settle.cap_seconds`, `facts[2]`."""
    if isinstance(step, int):
        return f"{key}[{step}]"
    name = printable(step)
    return f"{key}.{name}" if key else name


def printable(text: str, longest: int = 60) -> str:
    """*text* fit for one line of a terminal: quoted and escaped if it holds anything odd, and cut when long."""
    short = text if len(text) <= longest else text[: longest - 1] + "…"
    return short if short and short.isprintable() else repr(short)


def shown(value: Any) -> str:
    """A value as an error may show it. What a list or a mapping holds is not shown: a secret may be in it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {printable(_digits(value))}"
        case str():
            return repr(value if len(value) <= 60 else value[:59] + "…")
        case date():
            return f"the date {value.isoformat()}"
        case list() | tuple():
            return "a list"
        case _:
            return "a mapping"


def _digits(number: int | float) -> str:
    # Python refuses to print an int of more than 4,300 digits.
    return "of many digits" if isinstance(number, int) and number.bit_length() > 200 else str(number)


def wrong(found: str, right: str) -> PydanticCustomError:
    """What a validator of ours raises: both halves of a Problem."""
    return PydanticCustomError("frontdesk", "{found}; {right}", {"found": found, "right": right})


Finding = tuple[tuple[Key, ...], str, str]
"""Path below the value that is validated, what was found, what would be right."""


def contradictions(findings: Sequence[Finding]) -> PydanticCustomError:
    """What a validator of ours raises that found several things at once."""
    message = " | ".join(f"{'.'.join(map(str, path))}: {found}; {right}" for path, found, right in findings)
    return PydanticCustomError("contradictions", "{message}", {"message": message, "findings": findings})

"""What was changed over the tenants file: what it was before, what it was then, and both as lines."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import yaml

from .overlay_keys import as_written, below, found

if TYPE_CHECKING:
    from ..app import Server

CONTEXT = 2
"""Lines that did not change, around one that did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of a difference. *sign*: `+`, `-`, a space; `…`: lines that did not change are left out."""

    sign: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One key that was changed."""

    key: str
    at: datetime
    by: str
    reverted: bool
    lines: tuple[Line, ...]
    revertible: bool
    """It stands before the file now, and by this change."""


class SettingsHistory:
    """The changes of each tenant, newest first."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def steps(self, tenant: str, *, below_: str = "") -> list[Step]:
        """Every change that is remembered, newest first; of the keys *below_*, if it is given.

        What a key was before the first change that is remembered is taken for what the file says now.
        """
        written = as_written(self._server.written.tenants[tenant])
        standing = {(each.key, each.at) for each in await self._server.overlays.shadows(self._server.written, tenant)}
        before: dict[str, Any] = {}
        steps = []
        for each in await self._server.overlays.history(tenant):
            old = before.get(each.key, found(written, each.key))
            new = found(written, each.key) if each.reverted else json.loads(each.value)
            before = {key: value for key, value in before.items() if not below(key, each.key)} | {each.key: new}
            if below_ and not below(each.key, below_):
                continue
            steps.append(
                Step(
                    key=each.key,
                    at=each.at,
                    by=each.by,
                    reverted=each.reverted,
                    lines=tuple(difference(old, new)),
                    revertible=(each.key, each.at) in standing,
                )
            )
        return steps[::-1]

    async def export(self, tenant: str) -> str:
        """The tenant as it would stand in the file, as YAML."""
        whole = {tenant: await self._server.overlays.export(self._server.written, tenant)}
        return yaml.safe_dump(whole, allow_unicode=True, sort_keys=False)


def difference(old: Any, new: Any) -> list[Line]:
    """Two values (JSON) as lines of YAML, what was and what is."""
    lines = list(difflib.ndiff(_written(old), _written(new)))
    told = [Line(sign=line[0], text=line[2:]) for line in lines if line[0] in "+- "]
    near = [
        any(other.sign != " " for other in told[max(0, no - CONTEXT) : no + CONTEXT + 1]) for no in range(len(told))
    ]
    shown: list[Line] = []
    for line, kept in zip(told, near, strict=True):
        if kept:
            shown.append(line)
        elif not shown or shown[-1].sign != "…":
            shown.append(Line(sign="…", text=""))
    return shown


def _written(value: Any) -> Sequence[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return value.splitlines()
    if isinstance(value, dict | list):
        return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=100).splitlines()
    return [json.dumps(value, ensure_ascii=False)]

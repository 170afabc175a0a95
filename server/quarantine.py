"""Plugins that are not started for a tenant until a person says so: a small file beside the embedded store."""

from __future__ import annotations

import json
import os
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

log = structlog.get_logger(__name__)

_FILE = TypeAdapter(dict[str, dict[str, str]])


class Quarantine:
    """`quarantine.json` of the data folder: tenant → plugin → reason."""

    STATE = "quarantined"
    """What a plugin that stands in it is said to be."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "quarantine.json"

    def reasons(self, tenant: str) -> dict[str, str]:
        """Plugin → why it is quarantined for this tenant."""
        return self.everything().get(tenant, {})

    def add(self, tenant: str, plugin: str, reason: str) -> None:
        """Synchronous: called by the watchdog's thread while the loop is stuck."""
        everything = self.everything()
        everything.setdefault(tenant, {})[plugin] = reason
        self._write(everything)

    def release(self, tenant: str, plugin: str) -> bool:
        """Let the plugin start again; False if it was not quarantined."""
        everything = self.everything()
        if everything.get(tenant, {}).pop(plugin, None) is None:
            return False
        self._write(everything)
        return True

    def everything(self) -> dict[str, dict[str, str]]:
        """Tenant → plugin → reason."""
        try:
            found: dict[str, dict[str, str]] = _FILE.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError) as err:
            # Not a reason to serve nobody: who deserves it will be quarantined again.
            problem = err.errors(include_url=False)[0]["msg"] if isinstance(err, ValidationError) else str(err)
            log.error("quarantine_unreadable", file=str(self._path), reason=problem, right="mend the file or delete it")
            return {}
        return found

    def _write(self, everything: dict[str, dict[str, str]]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self._path.with_suffix(".new")
        scratch.write_text(json.dumps(everything, ensure_ascii=False, indent=1), "utf-8")
        os.replace(scratch, self._path)  # noqa: PTH105  atomic on POSIX, so a reader never sees half a file

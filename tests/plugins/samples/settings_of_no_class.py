"""Bad: its settings are not a Settings class, so nothing could be checked."""

from __future__ import annotations

from typing import Any

from frontdesk import Plugin


class SettingsOfNoClass(Plugin):
    settings: dict[str, Any]  # type: ignore[assignment]

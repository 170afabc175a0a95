"""How Google Calendar is reached."""

from __future__ import annotations

from frontdesk import Settings


class GoogleAccess(Settings):
    """By which account Google Calendar is read and written."""

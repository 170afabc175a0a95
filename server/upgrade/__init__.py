"""From one release to another on one machine: environments side by side, a link, a gate, and the way back."""

from __future__ import annotations


class UpgradeRefused(Exception):
    """Nothing was replaced: what is wrong, and what would be right. It may have several lines."""

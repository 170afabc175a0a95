"""What a plugin's view is about: put on Quart's `g` by web/plugin_routes.py before the view runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from quart import g

if TYPE_CHECKING:
    from ..plugin import Plugin


def current_plugin() -> Plugin:
    """The instance, of the tenant in the URL, whose page is being asked for."""
    return cast("Plugin", g.plugin)

"""The operators' pages, from the same process: one module a page, all behind the door of gate.py."""

from __future__ import annotations

from typing import cast

from quart import Blueprint, Quart
from quart.blueprints import BlueprintSetupState

from frontdesk.services.office import Office

from . import (
    account,
    appointments,
    assets,
    audit,
    contacts,
    drawing,
    failures,
    hooks,
    inbox,
    insights,
    leads,
    members,
    oidc,
    server,
    settings,
    sign_in,
    start,
    talk,
    why,
    workshop,
)
from .gate import Pages, said

MODULES = (
    start,
    sign_in,
    oidc,
    account,
    inbox,
    talk,
    why,
    leads,
    appointments,
    failures,
    insights,
    contacts,
    settings,
    workshop,
    members,
    hooks,
    audit,
    server,
)
"""The pages, in the order of the navigation."""


def blueprint(office: Office) -> Blueprint:
    """The pages at `/`."""
    pages = Pages(office)

    @pages.record_once
    def prepare(state: BlueprintSetupState) -> None:
        drawing.install(cast(Quart, state.app))
        state.app.jinja_env.globals["said"] = said

    pages.page("/static/admin/<path:name>", who="everyone")(static_file)
    pages.page("/favicon.ico", who="everyone")(favicon)
    for module in MODULES:
        module.add(pages, office)
    return pages


async def static_file(name: str) -> object:
    """A static file of the pages, at an address that tells what is in it."""
    return await assets.send(name)


async def favicon() -> object:
    """What browsers ask for beside a page that names no icon."""
    return await assets.send("icon.svg")

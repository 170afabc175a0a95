"""The operators' pages, from the same process: blueprint, templates, static files."""

from __future__ import annotations

from quart import Blueprint, render_template

from frontdesk.services.overview import Overview


def blueprint(overview: Overview) -> Blueprint:
    """The pages at `/`."""
    pages = Blueprint(
        "admin_ui", __name__, template_folder="templates", static_folder="static", static_url_path="/static/admin"
    )

    @pages.get("/")
    async def start() -> str:
        return await render_template("start.html", tenants=overview.tenants())

    return pages

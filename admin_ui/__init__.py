"""The operators' pages, from the same process: blueprint, templates, static files."""

from __future__ import annotations

from quart import Blueprint, Response, jsonify, render_template, request

from frontdesk.services.overview import Overview, TenantLine


def blueprint(overview: Overview) -> Blueprint:
    """The pages at `/`."""
    pages = Blueprint(
        "admin_ui", __name__, template_folder="templates", static_folder="static", static_url_path="/static/admin"
    )

    def shown() -> list[TenantLine]:
        peer = (request.scope.get("client") or ("",))[0]
        return overview.open_to(peer, {name.lower(): value for name, value in request.headers.items()})

    @pages.get("/")
    async def start() -> str:
        return await render_template("start.html", tenants=shown())

    @pages.get("/tenants.json")
    async def tenants() -> Response:
        """The same for a page that offers a way to the others."""
        return jsonify([{"id": each.id, "name": each.name, "pages": dict(each.pages)} for each in shown()])

    return pages

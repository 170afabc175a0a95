"""The operators' pages, from the same process: blueprint, templates, static files."""

from __future__ import annotations

from quart import Blueprint, Response, jsonify, render_template, request

from frontdesk.services.overview import Overview, Shown


def blueprint(overview: Overview) -> Blueprint:
    """The pages at `/`."""
    pages = Blueprint(
        "admin_ui", __name__, template_folder="templates", static_folder="static", static_url_path="/static/admin"
    )

    async def shown() -> Shown:
        peer = (request.scope.get("client") or ("",))[0]
        headers = {name.lower(): value for name, value in request.headers.items()}
        return await overview.open_to(peer, headers, request.args.get("q", ""), request.args.get("after", ""))

    @pages.get("/")
    async def start() -> str:
        search, after = request.args.get("q", ""), request.args.get("after", "")
        return await render_template("start.html", shown=await shown(), search=search, first=not after)

    @pages.get("/tenants.json")
    async def tenants() -> Response:
        """The same for a page that offers a way to the others."""
        found = (await shown()).tenants
        return jsonify([{"id": each.id, "name": each.name, "pages": dict(each.pages)} for each in found])

    return pages

"""`/`: whoever is signed in goes to work; at the machine itself the businesses can be tried."""

from __future__ import annotations

from quart import Response, abort, jsonify, request

from frontdesk.services.office import Office
from frontdesk.services.overview import Shown

from .gate import Pages
from .navigation import entries


def add(pages: Pages, office: Office) -> None:
    """The start page, and the list of businesses that other pages offer."""

    async def shown() -> Shown:
        peer = (request.scope.get("client") or ("",))[0]
        headers = {name.lower(): value for name, value in request.headers.items()}
        return await office.overview.open_to(peer, headers, request.args.get("q", ""), request.args.get("after", ""))

    @pages.page("/", who="everyone")
    async def start() -> Response:
        principal = pages.here().principal
        if principal is not None and not request.args:
            for tenant in (*sorted(principal.roles), *office.some_tenant(principal)):
                if office.tenant(tenant) is not None and (offered := entries(principal, tenant)):
                    return pages.go(offered[0].endpoint, tenant=tenant)
        search, after = request.args.get("q", ""), request.args.get("after", "")
        return await pages.render("start.html", shown=await shown(), search=search, first=not after)

    @pages.page("/tenants.json", who="everyone")
    async def tenants() -> Response:
        """The same for a page that offers a way to the others."""
        found = (await shown()).tenants
        return jsonify([{"id": each.id, "name": each.name, "pages": dict(each.pages)} for each in found])

    @pages.page("/t/<tenant>", who="signed in")
    async def tenant_start(tenant: str) -> Response:
        """The first page of a tenant."""
        principal = pages.here().me
        offered = entries(principal, tenant) if office.tenant(tenant) and principal.may(tenant, "viewer") else []
        if not offered:
            abort(404)
        return pages.go(offered[0].endpoint, tenant=tenant)

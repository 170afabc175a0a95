"""`/t/TENANT/audit`: who changed what."""

from __future__ import annotations

from quart import Response, request

from frontdesk.services.office import Office

from .gate import Pages

PAGE = 50


def add(pages: Pages, office: Office) -> None:
    """The audit log of a tenant."""

    @pages.tenant_page("/audit", role="owner")
    async def audit_page() -> Response:
        tenant = pages.here().business.id
        who, what = request.args.get("who", ""), request.args.get("what", "")
        after = await office.audit.entry(tenant, request.args.get("after", ""))
        found = await office.audit.entries(tenant, who=who, what=what, limit=PAGE + 1, after=after)
        return await pages.render(
            "audit/audit.html",
            entries=found[:PAGE],
            more=found[PAGE - 1] if len(found) > PAGE else None,
            who=who,
            what=what,
        )

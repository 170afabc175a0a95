"""`/t/TENANT/audit`: who changed what."""

from __future__ import annotations

from quart import Response, request

from frontdesk.services.office import Office

from .bubbles import speaks
from .gate import Pages
from .language import _

PAGE = 50


def add(pages: Pages, office: Office) -> None:
    """The audit log of a tenant."""

    @pages.tenant_page("/audit", role="owner")
    async def audit_page() -> Response:
        tenant = pages.here().business.id
        who, what = request.args.get("who", ""), request.args.get("what", "")
        after = await office.audit.entry(tenant, request.args.get("after", ""))
        found = await office.audit.entries(tenant, who=who, what=what, limit=PAGE + 1, after=after)
        names = office.talk.people
        await names.learn([entry.who for entry in found])

        def person(who: str) -> str:
            """What people call whoever changed something: an operator by their name, a program by its token's."""
            kind, _colon, token = who.partition(":")
            return _("API token %(name)s", name=token) if kind == "token" else speaks(f"operator:{who}", names.of)

        return await pages.render(
            "audit/audit.html",
            entries=found[:PAGE],
            person=person,
            detail=detail,
            more=found[PAGE - 1] if len(found) > PAGE else None,
            who=who,
            what=what,
        )


def detail(value: object) -> str:
    """A detail of an entry (JSON) in words."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        return ", ".join(f"{name}: {detail(each)}" for name, each in value.items())
    return (
        ", ".join(map(detail, value)) if isinstance(value, list | tuple) else str(value if value is not None else "–")
    )

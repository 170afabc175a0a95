"""`/t/TENANT/members`: who works here and in which role, who is invited."""

from __future__ import annotations

from quart import Response, abort, request

from frontdesk.auth import INVITED, RESET, ROLES, LinkEnded, Refused, Role
from frontdesk.services.members import LastOwner, Members, NotAMember
from frontdesk.services.office import Office

from .gate import Pages
from .language import _, mark

NAMES: dict[str, str] = {
    "viewer": mark("Viewer"),
    "agent": mark("Agent"),
    "manager": mark("Manager"),
    "owner": mark("Owner"),
}
WHAT: dict[str, str] = {
    "viewer": mark("reads everything"),
    "agent": mark("and writes to contacts, works on leads and appointments"),
    "manager": mark("and changes settings, invites viewers and agents"),
    "owner": mark("and gives roles, erases contacts, makes API tokens, reads the audit log"),
}


def add(pages: Pages, office: Office) -> None:
    """The page, and what is done on it."""
    members = Members(office.accounts, office.links, office.audit)

    async def page(status: int = 200, **more: object) -> Response:
        here = pages.here()
        pending = await office.links.pending(here.business.id)
        await office.talk.people.learn([each.made_by for each in pending])
        return await pages.render(
            "members/members.html",
            status,
            members=await members.of(here.business.id),
            pending=pending,
            name_of=office.talk.people.of,
            roles=[role for role in ROLES if here.may(role)],
            names=NAMES,
            what=WHAT,
            **more,
        )

    @pages.tenant_page("/members", role="manager")
    async def members_page() -> Response:
        return await page()

    @pages.tenant_page("/members/invite", role="manager", methods=["POST"])
    async def members_invite() -> Response:
        here, form = pages.here(), await request.form
        try:
            link = await members.invite(here.business.id, _role(form.get("role", "")), here.me, form.get("email", ""))
        except Refused as err:
            abort(403, str(err))
        return await page(link=f"{office.public_url}/invitation/{link}", link_lasts=INVITED)

    @pages.tenant_page("/members/invitations/<invitation>/withdraw", role="manager", methods=["POST"])
    async def members_withdraw(invitation: str) -> Response:
        here = pages.here()
        try:
            await members.withdraw(here.business.id, invitation, here.me)
        except LinkEnded:
            abort(404)
        except Refused as err:
            abort(403, str(err))
        return pages.go("members_page", tenant=here.business.id, said=_("The link opens nothing any more."))

    @pages.tenant_page("/members/<operator>/role", role="owner", methods=["POST"])
    async def members_role(operator: str) -> Response:
        here, form = pages.here(), await request.form
        chosen = form.get("role", "")
        try:
            await members.set_role(here.business.id, operator, _role(chosen) if chosen else None, here.me)
        except Refused:
            abort(404)
        except LastOwner:
            abort(409, _("Somebody must own the business: make another owner first."))
        return pages.go("members_page", tenant=here.business.id, said=_("Saved."))

    @pages.tenant_page("/members/<operator>/reset", role="owner", methods=["POST"])
    async def members_reset(operator: str) -> Response:
        here = pages.here()
        try:
            link = await members.reset(here.business.id, operator, here.me)
        except NotAMember:
            abort(404)
        except Refused as err:
            abort(403, str(err))
        return await page(link=f"{office.public_url}/reset/{link}", link_lasts=RESET)


def _role(name: str) -> Role:
    if name not in ROLES:
        abort(400, _("There is no role %(name)s.", name=name[:40]))
    return name

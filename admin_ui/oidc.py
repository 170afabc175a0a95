"""`/oidc/…`: to a provider and back."""

from __future__ import annotations

from quart import Response, request, url_for

from frontdesk.auth import Refused
from frontdesk.services.office import Office

from .gate import Pages
from .sign_in import browser, local, opened, peer

GOING = "frontdesk_going"
"""The cookie of who is on the way."""


def add(pages: Pages, office: Office) -> None:
    """The way out and the way back."""

    def without(response: Response) -> Response:
        response.delete_cookie(GOING, path="/oidc", secure=pages.secure, httponly=True, samesite="Lax")
        return response

    async def refused(err: Refused) -> Response:
        return without(await pages.render("sign_in/elsewhere.html", 403, error=str(err)))

    @pages.page("/oidc/<provider>/begin", who="everyone", methods=["POST"])
    async def oidc_begin(provider: str) -> Response:
        """By a form and not by a link: nobody is sent on the way by a picture on another site."""
        try:
            address, cookie = await office.openid.begin(provider, local(request.args.get("next", "")))
        except Refused as err:
            return await refused(err)
        response = pages.go_to(address)
        response.set_cookie(
            GOING, cookie, max_age=600, path="/oidc", secure=pages.secure, httponly=True, samesite="Lax"
        )
        return response

    @pages.page("/oidc/callback", who="everyone")
    async def oidc_callback() -> Response:
        try:
            operator, wanted = await office.openid.finish(request.cookies.get(GOING, ""), request.args)
        except Refused as err:
            return await refused(err)
        _session, cookie = await office.accounts.open_session(
            operator.id, peer=peer(), agent=browser(), method="openid"
        )
        return without(opened(pages, cookie, wanted or url_for("admin_ui.start")))

"""Signing in and out, the second factor, and the links of a first run, an invitation and a forgotten password."""

from __future__ import annotations

from urllib.parse import urlsplit

from quart import Response, request, url_for

from frontdesk.auth import LinkEnded, NotSignedIn, Refused, TooManyAttempts
from frontdesk.services.office import Office

from .gate import Pages
from .language import LANGUAGES, _

PURPOSES = {"first-run": "first_run", "invitation": "invitation", "reset": "reset"}


def add(pages: Pages, office: Office) -> None:
    """The doors to the screens."""
    _add_sign_in(pages, office)
    _add_links(pages, office)


def _add_sign_in(pages: Pages, office: Office) -> None:
    @pages.page("/sign-in", who="everyone", methods=["GET", "POST"])
    async def sign_in() -> Response:
        wanted, ways = local(request.args.get("next", "")), office.openid.providers.values()
        if request.method == "GET" and pages.here().principal is not None:
            return pages.go_to(wanted)
        if request.method == "GET":
            return await pages.render(
                "sign_in/sign_in.html", email="", error="", nobody=await office.accounts.nobody_yet(), ways=ways
            )
        form = await request.form
        email = form.get("email", "")
        try:
            session, cookie = await office.accounts.sign_in(
                email, form.get("password", ""), peer=peer(), agent=browser()
            )
        except NotSignedIn:
            error = _("E-mail or password is wrong.")
        except TooManyAttempts as err:
            error = _too_many(err)
        else:
            return opened(
                pages, cookie, url_for("admin_ui.sign_in_code", next=wanted) if session.waits_for_code else wanted
            )
        return await pages.render("sign_in/sign_in.html", 422, email=email, error=error, nobody=False, ways=ways)

    @pages.page("/sign-in/code", who="everyone", methods=["GET", "POST"])
    async def sign_in_code() -> Response:
        wanted = local(request.args.get("next", ""))
        waiting = await office.accounts.session(request.cookies.get(pages.cookie, ""))
        operator = await office.accounts.get(waiting.operator) if waiting and waiting.waits_for_code else None
        if waiting is None or operator is None or operator.disabled:
            return pages.go("sign_in", next=wanted)
        error = ""
        if request.method == "POST":
            try:
                if await office.second_factor.opens(operator, (await request.form).get("code", "")):
                    _session, cookie = await office.accounts.pass_on(waiting)
                    return opened(pages, cookie, wanted)
                error = _("That is not the code of this minute.")
            except TooManyAttempts as err:
                error = _too_many(err)
        return await pages.render("sign_in/code.html", 422 if error else 200, error=error)

    @pages.page("/sign-out", methods=["POST"])
    async def sign_out() -> Response:
        me = pages.here().me
        await office.accounts.end_session(me.id, me.session)
        response = pages.go("sign_in", said=_("You are signed out."))
        response.delete_cookie(pages.cookie, path="/", secure=pages.secure, httponly=True, samesite="Lax")
        return response


def _add_links(pages: Pages, office: Office) -> None:
    @pages.page("/<any('first-run', invitation, reset):purpose>/<text>", who="everyone", methods=["GET", "POST"])
    async def by_link(purpose: str, text: str) -> Response:
        """An account, or a new password, for whoever has the link."""
        try:
            invitation = await office.links.open(text, PURPOSES[purpose])
            if request.method == "GET":
                return await _link_form(pages, office, purpose, invitation.email, invitation.tenant)
            form = await request.form
            me = pages.here().principal
            if purpose == "invitation" and me is not None:
                await office.links.join(invitation, me.id)
                await office.audit.wrote(invitation.tenant, me, "operator.joined", me.id, role=invitation.role)
                return pages.go_to(url_for("admin_ui.tenant_start", tenant=invitation.tenant))
            if purpose == "reset":
                await office.links.set_password(invitation, form.get("password", ""))
                await office.audit.wrote(
                    "", f"link:{invitation.made_by}", "operator.password_reset", invitation.operator
                )
                return pages.go("sign_in", said=_("Your new password counts. Sign in with it."))
            language = form.get("language", "")
            made = await office.links.make_account(
                invitation,
                form.get("email", ""),
                form.get("display_name", ""),
                form.get("password", ""),
                language if language in LANGUAGES else "en",
            )
        except LinkEnded:
            return await pages.render("sign_in/ended.html", 410)
        except Refused as err:
            form = await request.form
            return await _link_form(
                pages, office, purpose, form.get("email", ""), "", form.get("display_name", ""), error=str(err)
            )
        await office.audit.wrote(
            invitation.tenant, made.name, "operator.joined", made.id, role=invitation.role or "admin"
        )
        _session, cookie = await office.accounts.open_session(made.id, peer=peer(), agent=browser())
        return opened(pages, cookie, "/")


async def _link_form(
    pages: Pages, office: Office, purpose: str, email: str, tenant: str, name: str = "", *, error: str = ""
) -> Response:
    business = office.tenant(tenant)
    return await pages.render(
        "sign_in/link.html",
        422 if error else 200,
        purpose=purpose,
        email=email,
        display_name=name,
        error=error,
        business=business.name if business else "",
        gaps=office.gaps() if purpose == "first-run" else (),
    )


def local(address: str) -> str:
    """*address* if it is a path of this server, else `/`: nobody is sent elsewhere by a link to our sign-in page."""
    try:
        parts = urlsplit(address)
    except ValueError:  # brackets that hold no address
        return "/"
    plain = address.isprintable() and "\\" not in address
    return address if plain and address.startswith("/") and not parts.netloc and not address.startswith("//") else "/"


def opened(pages: Pages, cookie: str, address: str) -> Response:
    """To *address*, signed in by *cookie*."""
    response = pages.go_to(address)
    response.set_cookie(
        pages.cookie, cookie, max_age=30 * 86400, path="/", secure=pages.secure, httponly=True, samesite="Lax"
    )
    return response


def _too_many(err: TooManyAttempts) -> str:
    return _("Too many attempts. Try again in %(n)s minutes.", n=int(err.after.total_seconds() // 60) + 1)


def browser() -> str:
    """As it calls itself."""
    return request.headers.get("User-Agent", "")


def peer() -> str:
    """The other end's address."""
    return (request.scope.get("client") or ("",))[0]

"""`/account`: one's own name, language, password, second factor and sessions."""

from __future__ import annotations

import base64
import io

import segno
from quart import Response, g, request

from frontdesk.auth import Refused, TooManyAttempts
from frontdesk.services.office import Office

from .gate import Pages
from .language import LANGUAGES, _
from .members import NAMES

FACTOR = "frontdesk_factor"
"""The cookie that holds a second factor's secret until a code of it was right."""


def add(pages: Pages, office: Office) -> None:
    """The account page and what is done on it."""
    _add_page(pages, office)
    _add_factor(pages, office)
    _add_sessions(pages, office)


async def _render(pages: Pages, office: Office, status: int = 200, **errors: str) -> Response:
    me = pages.here().me
    operator = await office.accounts.get(me.id)
    return await pages.render(
        "account/account.html",
        status,
        operator=operator,
        sessions=await office.accounts.sessions(me.id),
        tenants={id: office.tenant(id) for id in me.roles},
        names=NAMES,
        errors=errors,
    )


def _add_page(pages: Pages, office: Office) -> None:
    @pages.page("/account")
    async def account_page() -> Response:
        return await _render(pages, office)

    @pages.page("/account/about", methods=["POST"])
    async def account_about() -> Response:
        me, form = pages.here().me, await request.form
        name = " ".join(form.get("display_name", "").split())[:100]
        language = form.get("language", "")
        if not name:
            return await _render(pages, office, 422, display_name=_("Write a name."))
        await office.accounts.change(
            me.id, display_name=name, language=language if language in LANGUAGES else me.language
        )
        await office.audit.wrote("", me, "operator.changed", me.id)
        g.language = language if language in LANGUAGES else me.language
        return pages.go("account_page", said=_("Saved."))

    @pages.page("/account/password", methods=["POST"])
    async def account_password() -> Response:
        me, form = pages.here().me, await request.form
        operator = await office.accounts.get(me.id)
        assert operator is not None
        try:
            if not await office.accounts.is_password(operator, form.get("old", "")):
                return await _render(pages, office, 422, old=_("That is not your password."))
            await office.accounts.set_password(me.id, form.get("password", ""), keep=me.session)
        except TooManyAttempts:
            return await _render(pages, office, 429, old=_("Too many attempts. Try again in a quarter of an hour."))
        except Refused as err:
            return await _render(pages, office, 422, password=str(err))
        await office.audit.wrote("", me, "operator.password_changed", me.id)
        return pages.go("account_page", said=_("Your new password counts. Everywhere else you are signed out."))


def _add_factor(pages: Pages, office: Office) -> None:
    @pages.page("/account/second-factor", methods=["GET", "POST"])
    async def account_factor() -> Response:
        """Scan, then prove by a code that it was scanned; only then anything is stored."""
        me = pages.here().me
        operator = await office.accounts.get(me.id)
        assert operator is not None
        if operator.totp:
            return pages.go("account_page")
        factor = office.second_factor
        secret = factor.unsealed(request.cookies.get(FACTOR, ""), me.session) or factor.new_secret()
        error = ""
        if request.method == "POST":
            codes = await office.second_factor.begin(operator, secret, (await request.form).get("code", "").strip())
            if codes:
                await office.accounts.end_sessions(me.id, keep=me.session)
                await office.audit.wrote("", me, "operator.second_factor_begun", me.id)
                response = await pages.render("account/codes.html", codes=codes)
                response.delete_cookie(FACTOR, path="/account", secure=pages.secure, httponly=True, samesite="Strict")
                return response
            error = _("That is not the code of this minute.")
        picture = io.BytesIO()
        segno.make(office.second_factor.address(secret, operator)).save(picture, kind="svg", scale=5, border=2)
        response = await pages.render(
            "account/factor.html", 422 if error else 200, secret=secret, error=error, picture=_as_data(picture)
        )
        response.set_cookie(
            FACTOR,
            factor.sealed(secret, me.session),
            max_age=900,
            path="/account",
            secure=pages.secure,
            httponly=True,
            samesite="Strict",
        )
        return response

    @pages.page("/account/second-factor/end", methods=["POST"])
    async def account_factor_end() -> Response:
        me = pages.here().me
        operator = await office.accounts.get(me.id)
        assert operator is not None
        try:
            if not await office.accounts.is_password(operator, (await request.form).get("old", "")):
                return await _render(pages, office, 422, factor=_("That is not your password."))
        except TooManyAttempts:
            return await _render(pages, office, 429, factor=_("Too many attempts. Try again in a quarter of an hour."))
        await office.second_factor.end(me.id)
        await office.audit.wrote("", me, "operator.second_factor_ended", me.id)
        return pages.go("account_page", said=_("No second factor is asked for any more."))


def _add_sessions(pages: Pages, office: Office) -> None:
    @pages.page("/account/sessions/end", methods=["POST"])
    async def account_sessions_end() -> Response:
        """Everywhere but here."""
        me = pages.here().me
        await office.accounts.end_sessions(me.id, keep=me.session)
        await office.audit.wrote("", me, "session.ended", me.id)
        return pages.go("account_page", said=_("You are signed out everywhere else."))

    @pages.page("/account/sessions/<session>/end", methods=["POST"])
    async def account_session_end(session: str) -> Response:
        me = pages.here().me
        if await office.accounts.end_session(me.id, session):
            await office.audit.wrote("", me, "session.ended", me.id)
        return pages.go("account_page", said=_("The session has ended."))


def _as_data(picture: io.BytesIO) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(picture.getvalue()).decode()

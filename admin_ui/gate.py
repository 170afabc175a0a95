"""The door of the operators' pages: who is signed in, in which tenant, with which role; nothing else reaches a view.

Every page is added through `Pages.page` or `Pages.tenant_page`, which say who may see it, so that a test can go through all
of them (tests/admin_ui/test_isolation.py).
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo

from quart import Blueprint, Response, abort, g, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from frontdesk.auth import Principal, Role
from frontdesk.services.office import Office, TenantConfig

from .language import _
from .navigation import FIRST_ON_A_PHONE, entries

Who = Literal["everyone", "signed in", "admin"]
View = Callable[..., Awaitable[Any]]

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
SAID = "frontdesk_said"
"""The cookie with the sentence that the next page shows once."""
SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Access:
    """Who may have a page: everyone, whoever is signed in, admins; or in the tenant of its address a role."""

    who: Who = "signed in"
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Here:
    """What a request is about."""

    principal: Principal | None
    tenant: TenantConfig | None
    language: str
    zone: ZoneInfo
    """The tenant's; UTC on a page without one."""
    now: datetime

    @property
    def me(self) -> Principal:
        """Who is signed in, on a page that asks for it."""
        assert self.principal is not None
        return self.principal

    @property
    def business(self) -> TenantConfig:
        """The tenant, on a page of one."""
        assert self.tenant is not None
        return self.tenant

    def may(self, role: Role) -> bool:
        """Whether who is signed in has at least this role here."""
        return self.principal is not None and self.tenant is not None and self.principal.may(self.tenant.id, role)


class Pages(Blueprint):
    """The blueprint of all screens."""

    def __init__(self, office: Office) -> None:
        super().__init__("admin_ui", __package__, template_folder="templates")
        self.office = office
        self.access: dict[str, Access] = {}
        """Endpoint → who may."""
        secure = urlsplit(office.public_url).scheme == "https"
        self.cookie = "__Host-frontdesk" if secure else "frontdesk"
        """The name of the session's cookie."""
        self.secure = secure
        self.before_request(self._check)
        self.after_request(self._guard)
        self.errorhandler(HTTPException)(self._refused)

    def page(self, rule: str, *, who: Who = "signed in", methods: Sequence[str] = ("GET",)) -> Callable[[View], View]:
        """Add a page that belongs to no tenant."""
        return self._adder(rule, Access(who), methods)

    def tenant_page(self, rule: str, *, role: Role, methods: Sequence[str] = ("GET",)) -> Callable[[View], View]:
        """Add a page of a tenant, at `/t/<tenant>` and *rule*. Its view is not given the tenant: `here().tenant` is it."""
        return self._adder(f"/t/<tenant>{rule}", Access("signed in", role), methods)

    def here(self) -> Here:
        """What this request is about."""
        return cast(Here, g.here)

    async def render(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page, or the part of one whose template's name begins with `_`."""
        here = self.here()
        shown = {"here": here, "language": here.language, "csrf_token": here.principal.csrf if here.principal else ""}
        if here.principal is not None and here.tenant is not None:
            shown |= {"navigation": entries(here.principal, here.tenant.id), "first_on_a_phone": FIRST_ON_A_PHONE}
            shown["plugin_pages"] = self.office.cards.pages(here.tenant.id)
        response = cast(Response, await make_response(await render_template(template, **shown, **values), status))
        if SAID in request.cookies and not template.rpartition("/")[2].startswith("_"):
            response.delete_cookie(SAID, path="/", secure=self.secure, httponly=True, samesite="Lax")
        return response

    def go(self, endpoint: str, *, said: str = "", **values: Any) -> Response:
        """To another page (303), which shows *said* once."""
        return self.go_to(url_for(f"admin_ui.{endpoint}", **values), said=said)

    def go_to(self, address: str, *, said: str = "") -> Response:
        """The same for a path of ours."""
        response = cast(Response, redirect(address, 303))
        if said:
            self._keep(response, said)
        return response

    def saying(self, response: Response, said: str) -> Response:
        """*response*, a part of a page, with a sentence that is shown beside it."""
        response.headers["HX-Trigger"] = json.dumps({"said": said})
        return response

    def _adder(self, rule: str, access: Access, methods: Sequence[str]) -> Callable[[View], View]:
        def add(view: View) -> View:
            name = view.__name__
            if name in self.access:
                raise ValueError(f"two pages are called {name}")
            self.access[name] = access
            self.add_url_rule(rule, name, view, methods=list(methods))
            return view

        return add

    async def _check(self) -> Response | None:
        assert request.endpoint is not None
        name = request.endpoint.rpartition(".")[2]
        access = self.access[name]
        principal = await self.office.accounts.signed_in(request.cookies.get(self.cookie, ""))
        self._set(principal, None)
        if principal is None and access.who != "everyone":
            return self._to_sign_in()
        if access.role is not None:
            self._enter(principal, access.role)
        elif access.who == "admin" and not (principal and principal.admin):
            abort(403)
        if request.method not in SAFE:
            await self._refuse_foreign(principal)
        return None

    def _set(self, principal: Principal | None, tenant: TenantConfig | None) -> None:
        language = g.language = principal.language if principal else ""
        if not language:
            from .language import current

            language = g.language = current()
        g.here = Here(principal, tenant, language, tenant.zone if tenant else ZoneInfo("UTC"), self.office.now())

    def _enter(self, principal: Principal | None, role: Role) -> None:
        id = (request.view_args or {}).pop("tenant", "")
        tenant = self.office.tenant(id)
        # That there is such a business is nobody's concern who does not work for it.
        if tenant is None or principal is None or not principal.may(id, "viewer"):
            abort(404)
        self._set(principal, tenant)
        if not principal.may(id, role):
            abort(403)

    def _to_sign_in(self) -> Response:
        if request.method not in SAFE or "text/event-stream" in request.headers.get("Accept", ""):
            abort(401)
        wanted = request.full_path.rstrip("?")
        address = url_for("admin_ui.sign_in", next=wanted if wanted != "/" else None)
        if "HX-Request" in request.headers and "HX-Boosted" not in request.headers:
            return Response("", 401, {"HX-Redirect": address})
        return cast(Response, redirect(address, 303))

    async def _refuse_foreign(self, principal: Principal | None) -> None:
        """What another site had a browser send, with the cookie that the browser adds by itself."""
        origin = request.headers.get("Origin", "")
        if origin and origin not in self._origins():
            abort(403, _("This form was sent from another site."))
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            abort(403, _("This form was sent from another site."))
        if principal is None:
            return
        given = request.headers.get("X-CSRF-Token") or (await request.form).get("csrf", "")
        if not hmac.compare_digest(given.encode(), principal.csrf.encode()):
            abort(403, _("This page is too old. Load it again and repeat what you did."))

    def _origins(self) -> tuple[str, str]:
        return self.office.public_url.rstrip("/"), f"{request.scheme}://{request.host}"

    async def _guard(self, response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if self.secure:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        return response

    async def _refused(self, error: HTTPException) -> Response:
        code = error.code or 500
        if code < 400:
            return cast(Response, error.get_response())
        if "here" not in g:
            self._set(None, None)
        custom = error.description if type(error).description != error.description else ""
        part = "HX-Request" in request.headers and "HX-Boosted" not in request.headers
        return await self.render("_refused.html" if part else "refused.html", code, code=code, text=custom or "")

    def _keep(self, response: Response, said: str) -> None:
        response.set_cookie(SAID, quote(said), max_age=60, path="/", secure=self.secure, httponly=True, samesite="Lax")


def said() -> str:
    """What the page before has left to say."""
    return unquote(request.cookies.get(SAID, ""))[:500]

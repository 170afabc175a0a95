"""Every route of the screens, as the application has it, tried by everybody who may not: another business's people, a role
that is too low, nobody at all, and another site."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from frontdesk.auth import ROLES

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAFE = ("GET", "HEAD")
ELSEWHERE = {"Origin": "https://evil.example"}


def routes(screens: Any) -> Iterator[tuple[str, str, Any]]:
    """(method, path, who may) of each page; what stands in the path is the id of nothing."""
    app = screens.desk.server.quart
    access = app.blueprints["admin_ui"].access
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("admin_ui."):
            continue
        values = {name: _value(rule, name) for name in rule.arguments}
        _, path = rule.build(values, append_unknown=False)
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            yield method, path, access[rule.endpoint.rpartition(".")[2]]


def _value(rule: Any, name: str) -> Any:
    converter = rule._converters[name]
    items = getattr(converter, "items", None)
    if items:  # `any(first, second)`
        return next(iter(items))
    return "school" if name == "tenant" else 1 if "Integer" in type(converter).__name__ else "nothing"


async def asked(screens: Any, cookie: str, method: str, path: str, **headers: str) -> int:
    async with aiohttp.ClientSession(cookies={"frontdesk": cookie} if cookie else {}) as http:
        async with http.request(method, f"{screens.url}{path}", headers=headers, allow_redirects=False) as answer:
            return answer.status


async def cookie_of(screens: Any, tenant: str, role: str) -> tuple[str, str]:
    """A session's cookie and its token against forged requests."""
    accounts = screens.desk.server.office.accounts
    email = f"{role}@{tenant}.example.com"
    operator = await accounts.by_email(email) or await accounts.create(
        email, role, "", roles={tenant: role}, subject=email
    )
    session, cookie = await accounts.open_session(operator.id)
    return cookie, session.csrf


async def test_the_business_of_others_is_not_there_for_anybody(screens: Any) -> None:
    tried = 0
    for role in ROLES:
        cookie, csrf = await cookie_of(screens, "clinic", role)
        for method, path, access in routes(screens):
            if access.role is not None:
                status = await asked(screens, cookie, method, path, **{"X-CSRF-Token": csrf})
                assert status == 404, f"{role} of another business: {method} {path}"
                tried += 1
    assert tried > 20


async def test_a_role_that_is_too_low_is_refused(screens: Any) -> None:
    for number, role in enumerate(ROLES):
        cookie, csrf = await cookie_of(screens, "school", role)
        for method, path, access in routes(screens):
            if access.role in ROLES[number + 1 :] or access.who == "admin":
                status = await asked(screens, cookie, method, path, **{"X-CSRF-Token": csrf})
                assert status == 403, f"{role}: {method} {path}"


async def test_who_is_not_signed_in_gets_to_the_sign_in_page_and_no_further(screens: Any) -> None:
    for method, path, access in routes(screens):
        if access.who != "everyone":
            assert await asked(screens, "", method, path) == (303 if method in SAFE else 401), f"{method} {path}"
            assert await asked(screens, "made-up", method, path) == (303 if method in SAFE else 401)


async def test_what_another_site_sends_is_refused(screens: Any) -> None:
    cookie, csrf = await cookie_of(screens, "school", "owner")
    accounts = screens.desk.server.office.accounts
    admin = await accounts.create("admin@example.com", "admin", "", admin=True, subject="admin")
    whose = {"signed in": cookie, "everyone": cookie, "admin": (await accounts.open_session(admin.id))[1]}
    for method, path, access in routes(screens):
        if method in SAFE:
            continue
        assert await asked(screens, whose[access.who], method, path) == 403, f"no token: {method} {path}"
        forged = {"X-CSRF-Token": csrf, **ELSEWHERE}
        assert await asked(screens, cookie, method, path, **forged) == 403, f"foreign: {method} {path}"
        assert await asked(screens, "", method, path, **ELSEWHERE) in (401, 403), f"foreign, nobody: {method} {path}"

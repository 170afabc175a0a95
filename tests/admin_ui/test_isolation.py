"""Every route of the screens, as the application has it, tried by everybody who may not: another business's people, a role
that is too low, nobody at all, and another site."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from frontdesk.auth import ROLES
from frontdesk.auth.accounts import principal_of
from frontdesk.store.collections import COLLECTIONS
from frontdesk.testing.builders import fill

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


async def test_with_the_ids_of_another_business_nothing_is_found(screens: Any) -> None:
    """What the school has, asked for at the clinic by the clinic's owner."""
    office, core = screens.desk.server.office, screens.desk.server
    filled = await fill(core.store, core.people, "school", 30)
    person = await office.accounts.create("p@school.example.com", "p", "", roles={"school": "agent"}, subject="p")
    owner = await office.accounts.create("o@school.example.com", "o", "", roles={"school": "owner"}, subject="o")
    who = principal_of(owner)
    await office.links.invite("school", "agent", who)
    (invitation,) = await office.links.pending("school")
    token, _ = await office.accounts.make_token("school", "CRM", "viewer", who)
    special, appointment = filled.special["parked"], filled.appointments[0]
    ids = {
        "conversation": special,
        "message": f"in-{special}-1",
        "operator": person.id,
        "invitation": invitation.id,
        "token": token.id,
        "id": special,
    }
    before = await everything(core.store, "school")
    cookie, csrf = await cookie_of(screens, "clinic", "owner")
    tried = 0
    ours = [each for each in core.quart.url_map.iter_rules() if each.endpoint.startswith("admin_ui.")]
    with_ids = [each for each in ours if "tenant" in each.arguments and set(each.arguments) & ids.keys()]
    for rule, method in [(each, method) for each in with_ids for method in sorted(each.methods - {"HEAD", "OPTIONS"})]:
        known = {**ids, "id": appointment} if "/appointments/" in rule.rule else ids
        values = {name: known.get(name) or _value(rule, name) for name in rule.arguments}
        _, path = rule.build({**values, "tenant": "clinic"}, append_unknown=False)
        status = await asked(screens, cookie, method, path, **{"X-CSRF-Token": csrf})
        assert status in (400, 404, 422), f"{method} {path}: {status}"
        tried += 1
    assert tried > 30
    assert await everything(core.store, "school") == before


async def everything(store: Any, tenant: str) -> dict[str, list[Any]]:
    """All documents of a tenant, but who looks at what."""
    kinds = [each for each in COLLECTIONS if each.tenant_data and each.name != "onlookers"]
    return {each.name: await store.bulk.page(each, tenant=tenant, limit=1000) for each in kinds}

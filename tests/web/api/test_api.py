"""The API: who may what, errors that say what would be right, pages, versions, rates."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta

import pytest

from frontdesk import Plugin, tool
from frontdesk.auth import Principal
from frontdesk.services.token_desk import SERVER
from frontdesk.store.collections import CONTACTS, CONVERSATIONS
from frontdesk.testing.plugins import ScriptedModel
from frontdesk.web.api.paging import cursor_of

LAN = Principal(id="lan", name="lan", display_name="Lan", roles={"clinic": "owner"})
LOWER = {"viewer": None, "agent": "read", "manager": "write", "owner": "write"}
"""Role → the highest scope that is too low."""


async def test_whose_token_it_is(api):
    async with api() as ask:
        me = await ask("GET", "/me", scope="write")
        assert (me.status, me.body["name"], me.body["roles"]) == (200, "token:write of clinic", {"clinic": "agent"})
        assert [each["id"] for each in (await ask("GET", "/tenants")).body["items"]] == ["clinic"]
        assert (await ask("GET", "~")).body["time_zone"] == "Europe/London"


@pytest.mark.parametrize("token", ["", "fdk_", "fdk_" + "x" * 43, "x" * 5000, "ü"])
async def test_without_a_token_there_is_nothing(api, token):
    async with api() as ask:
        answer = await ask("GET", "~/contacts", token=token)
        assert answer.status == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.body["type"] == "/api/v1/docs#no-token" and "an owner makes one" in answer.body["detail"]


async def test_a_token_that_has_ended_or_run_out_opens_nothing(api):
    async with api() as ask:
        await ask("GET", "/me")
        (token,) = await ask.desk.server.office.tokens.list("clinic")
        ask.desk.clock.advance(31 * 86_400)
        assert (await ask("GET", "/me")).status == 401
        ask.tokens.clear()
        assert (await ask("GET", "/me")).status == 200
        new = (await ask.desk.server.office.tokens.list("clinic"))[0]
        assert new.id != token.id
        ended = await ask.desk.server.office.tokens.end(LAN, "clinic", new.id)
        assert ended and (await ask("GET", "/me")).status == 401


async def test_every_route_refuses_another_tenant_and_a_lower_scope(api):
    """Generated from the routes: each is tried with the other tenant's token, and with a scope that is too low."""
    async with api() as ask:
        app = ask.desk.server._api
        document = (await ask("GET", "/openapi.json")).body
        access = app.extensions["frontdesk.routes"].access
        tried = 0
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                known = access[operation["operationId"]]
                if known.role is None:
                    continue
                address = path.removeprefix("/api/v1")
                for name in ("id", "key", "name", "delivery", "message"):
                    address = address.replace(f"{{{name}}}", "some")
                theirs = await ask(method.upper(), address.replace("{tenant}", "clinic"), tenant="other", json={})
                nobodys = await ask(method.upper(), address.replace("{tenant}", "nobody"), json={})
                assert (theirs.status, nobodys.status) == (404, 404), (method, path)
                assert theirs.body == nobodys.body, "that there is such a tenant is not told"
                if (lower := LOWER[known.role]) is not None:
                    low = await ask(method.upper(), address.replace("{tenant}", "clinic"), scope=lower, json={})
                    assert low.status == 403 and "a token with the scope" in low.body["detail"], (method, path)
                tried += 1
        assert tried > 20
        for path in ("/server/health", "/server/instances"):
            assert (await ask("GET", path)).status == 403
            assert (await ask("GET", path, tenant=SERVER)).status == 200
        assert (await ask("GET", "~/contacts", tenant=SERVER)).status == 404


async def test_lists_come_in_pages_and_a_strange_cursor_is_told(api):
    async with api() as ask:
        for number in range(5):
            await ask.desk.contact(f"Lân {number}").says("Xin chào.")
        seen, cursor = [], ""
        while True:
            page = (await ask("GET", f"~/contacts?limit=2&cursor={cursor}")).body
            seen += [each["name"] for each in page["items"]]
            if not (cursor := page["next"]):
                break
        assert seen == [f"Lân {number}" for number in (4, 3, 2, 1, 0)]
        whole = (await ask("GET", "~/contacts?limit=2")).body["next"]
        found = await ask.desk.repository().find(CONTACTS, {}, limit=1)
        for wrong in ("x", whole[:-3], "%00", "W10", "WzEsMl0", cursor_of(found[0]), "9" * 400):
            answer = await ask("GET", f"~/contacts?cursor={wrong}")
            assert answer.status == 400, wrong
            assert answer.body["type"].partition("#")[2] in ("bad-cursor", "bad-query")
        assert (await ask("GET", "~/contacts?limit=101")).body["errors"][0]["field"] == "limit"
        assert (await ask("GET", "~/contacts?page=2")).body["errors"][0]["field"] == "page"


async def test_who_is_being_erased_or_is_somebody_else_by_now_is_not_listed(api):
    async with api() as ask:
        lan, minh, hoa = (ask.desk.contact(name) for name in ("Lân", "Minh", "Hoa"))
        for each in (lan, minh, hoa):
            await each.says("Xin chào.")
            await each.hears()
        await ask.desk.quiet()
        repository, now = ask.desk.repository(), ask.desk.server.store.now()
        assert await repository.update(CONVERSATIONS, await lan.conversation(), erased_at=now)
        assert await repository.update(CONVERSATIONS, await minh.conversation(), merged_into=hoa.id)
        assert [each["name"] for each in (await ask("GET", "~/contacts")).body["items"]] == ["Hoa"]


async def test_a_contact_is_read_exported_and_erased_and_that_is_written_down(api):
    async with api() as ask:
        lan = ask.desk.contact("Lân", phone="+84901234567")
        await lan.says("Xin chào.")
        await lan.hears()
        answer = await ask("GET", f"~/contacts/{lan.id}")
        assert (answer.body["name"], answer.body["phone"]) == ("Lân", "+84901234567") and answer.headers["ETag"]
        export = (await ask("GET", f"~/contacts/{lan.id}/export")).body
        assert export["data"]["messages"][0]["text"] == "Xin chào." and export["missing"] == []
        assert (await ask("DELETE", f"~/contacts/{lan.id}")).status == 202

        async def gone():
            return (await ask("GET", f"~/contacts/{lan.id}")).status == 404

        await ask.desk.until("the contact is erased", gone)
        await ask.desk.quiet()
        assert (await ask("DELETE", f"~/contacts/{lan.id}")).status == 404
        log = (await ask("GET", "~/audit")).body["items"]
        found = {each["what"] for each in log if each["about"] == lan.id and each["who"] == "token:manage of clinic"}
        assert found == {"contact.erased", "contact.exported"}


async def test_how_far_a_contact_is_elsewhere_is_read_and_it_is_pushed(api, sample):
    plugins = {"model": ScriptedModel, "address_book": sample("address_book")}
    async with api(plugins=plugins) as ask:
        lan = ask.desk.contact("Lân", phone="+84901234567")
        await lan.says("Xin chào.")
        await lan.hears()
        assert (await ask("POST", f"~/contacts/{lan.id}/syncs/crm/push")).status == 404
        assert (await ask("POST", f"~/contacts/{lan.id}/syncs/address_book/push", scope="read")).status == 403
        assert (await ask("POST", f"~/contacts/{lan.id}/syncs/address_book/push", scope="write")).status == 202

        async def synced():
            (sync,) = (await ask("GET", f"~/contacts/{lan.id}/syncs", scope="read")).body["items"]
            return sync if sync["state"] == "synced" else None

        sync = await ask.desk.until("it is pushed", synced)
        assert sync["link"] == f"https://book.example.com/{lan.id}" and sync["synced_at"] and sync["error"] == ""
        (found,) = (await ask("GET", "~/syncs?state=synced")).body["items"]
        assert found == sync and (await ask("GET", "~/syncs")).body["items"] == []


async def test_settings_are_set_reverted_and_refused_in_words(api):
    async with api() as ask:
        assert (await ask("PUT", "~/settings/persona.name", json={"value": "Ngân"})).status == 204
        (shown,) = (await ask("GET", "~/settings")).body["items"]
        assert (shown["key"], shown["declared"], shown["value"]) == ("persona.name", None, "Ngân")
        assert (await ask("GET", "~/settings/export")).body["tenants"]["clinic"]["persona"] == {"name": "Ngân"}
        wrong = await ask("PUT", "~/settings/persona.nam", json={"value": "Ngân"})
        assert wrong.status == 422 and wrong.body["detail"] == "persona.nam: unknown key; did you mean name?"
        assert (await ask("DELETE", "~/settings/persona.name")).status == 204
        assert (await ask("DELETE", "~/settings/persona.name")).status == 404
        history = (await ask("GET", "~/settings/history")).body["items"]
        assert [(each["value"], each["reverted"]) for each in history] == [("Ngân", False), (None, True)]


async def test_a_secret_goes_in_and_never_comes_out(api):
    async with api() as ask:
        assert (await ask("PUT", "~/secrets/CRM_KEY", json={"value": "hunter2"})).status == 204
        told = await ask("GET", "~/secrets")
        assert [each["name"] for each in told.body["items"]] == ["CRM_KEY"] and "hunter2" not in str(told.body)
        assert "hunter2" not in str((await ask("GET", "~/audit")).body)
        assert (await ask("PUT", "~/secrets/crm", json={"value": "x"})).status == 422
        assert (await ask("DELETE", "~/secrets/CRM_KEY")).status == 204
        assert (await ask("DELETE", "~/secrets/CRM_KEY")).status == 404


async def test_two_who_change_a_receiver_do_not_overwrite_each_other(api):
    async with api() as ask:
        body = {"url": "https://crm.example.com/hook", "events": ["handoff"]}
        made = await ask("POST", "~/webhooks", json=body)
        assert made.status == 201 and made.body["secret"].startswith("whsec_")
        address = f"~/webhooks/{made.body['subscription']['id']}"
        read = await ask("GET", address)
        assert "secret" not in read.body
        first = {"If-Match": read.headers["ETag"]}
        assert (await ask("PATCH", address, json={"description": "CRM"}, headers=first)).status == 200
        late = await ask("PATCH", address, json={"description": "other"}, headers=first)
        assert late.status == 412 and "send the new ETag" in late.body["detail"]
        assert (await ask("PATCH", address, json={"url": "http://[::1"})).status == 422
        assert (await ask("DELETE", address)).status == 204
        assert (await ask("GET", address)).status == 404
        log = [each["what"] for each in (await ask("GET", "~/audit")).body["items"] if "webhook" in each["what"]]
        assert sorted(log) == ["webhook.changed", "webhook.deleted", "webhook.made"]


async def test_who_asks_too_often_is_told_when_to_come_again(api):
    async with api(server={"api": {"requests_per_minute": 3}}) as ask:
        left = [(await ask("GET", "/me")).headers["RateLimit"] for _ in range(3)]
        assert left == [f'"token";r={number};t=60' for number in (2, 1, 0)]
        answer = await ask("GET", "/me")
        assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
        assert answer.headers["RateLimit-Policy"] == '"token";q=3;w=60'
        assert (await ask("GET", "/me", scope="read")).status == 200, "another token has its own"
        ask.desk.clock.advance(60)
        assert (await ask("GET", "/me")).status == 200


async def test_what_cannot_be_read_is_a_problem_too(api):
    async with api() as ask:
        for body, status in (("{", 400), ("[1]", 422), ('{"value": 1, "more": 2}', 422), (b"\xff\xfe", 400)):
            headers = {"Content-Type": "application/json"}
            answer = await ask("PUT", "~/settings/name", data=body, headers=headers)
            assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")
        large = await ask("PUT", "~/settings/name", json={"value": "x" * 300_000})
        assert large.status == 413 and large.body["title"] == "The body is too large"
        wrong = await ask("PATCH", "~/contacts")
        assert wrong.status == 405 and "GET" in wrong.headers["Allow"]
        nothing = await ask("GET", "/nothing")
        assert nothing.status == 404 and "/api/v1/docs" in nothing.body["detail"]
        assert nothing.headers["X-Content-Type-Options"] == "nosniff"


async def test_parked_turns_are_listed_and_replayed(api):
    async with api() as ask:
        assert (await ask("GET", "~/failures")).body == {"items": []}
        assert (await ask("POST", "~/failures/none/replay", json={})).status == 404
        assert (await ask("POST", "~/failures/none/dismiss")).status == 404
        assert (await ask("GET", "~/tasks?state=done")).status == 200


class Weather(Plugin):
    @tool
    async def forecast(self, city: str) -> str:
        """The weather."""
        return "sunny"


async def test_plugins_are_listed_with_what_they_do(api):
    async with api(plugins={"model": ScriptedModel, "weather": Weather}) as ask:
        lan = ask.desk.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        plugins = {each["name"]: each for each in (await ask("GET", "~/plugins", scope="read")).body["items"]}
        assert plugins["model"]["hooks"] == ["think"] and plugins["model"]["running"]
        assert plugins["weather"]["tools"] == ["forecast"]


async def test_the_documents_page_needs_nobody_elses_server(api):
    async with api() as ask:
        async with ask.http.get(f"{ask.url}/api/v1/docs") as answer:
            text = await answer.text()
            assert re.findall(r"<(?:script|style|img|iframe|object)|\s(?:style|on\w+)=", text) == []
            assert re.findall(r'<link[^>]*href="([^"]*)"', text) == ["/api/v1/docs.css"]
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert 'id="not-found"' in text and "list_contacts" in text
        async with ask.http.get(f"{ask.url}/api/v1/docs.css") as answer:
            assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/css")


async def test_a_conversation_is_taken_answered_once_and_given_back(api):
    async with api() as ask:
        lan = ask.desk.contact("Lân")
        await lan.says("Xin chào.")
        await lan.hears()
        await ask.desk.quiet()
        (found,) = (await ask("GET", "~/conversations?owner=bot&text=lan", scope="read")).body["items"]
        address = f"~/conversations/{found['id']}"
        assert (found["name"], found["owner"]) == ("Lân", "bot")
        before = (await ask("GET", address)).headers["ETag"]
        taken = await ask("POST", f"{address}/take", json={}, headers={"If-Match": before}, scope="write")
        assert taken.body["owner"] == "operator:token:write of clinic" and taken.headers["ETag"] != before
        late = await ask("POST", f"{address}/take", json={}, headers={"If-Match": before})
        theirs = await ask("POST", f"{address}/take", json={})
        assert (late.status, theirs.status) == (412, 409) and "from_another" in theirs.body["detail"]
        key = {"Idempotency-Key": "one"}
        ids = set()
        for _ in range(2):
            said = await ask("POST", f"{address}/messages", json={"text": "Chào Lân."}, headers=key, scope="write")
            assert said.status == 202
            ids.add(said.body["id"])
        assert len(ids) == 1 and await lan.hears() == "Chào Lân."
        decomposed = {"text": unicodedata.normalize("NFD", "Phòng khám mở cửa lúc 8 giờ.")}
        assert (await ask("POST", f"{address}/messages", json=decomposed, scope="write")).status == 202
        assert await lan.hears() == "Phòng khám mở cửa lúc 8 giờ."
        other = await ask("POST", f"{address}/messages", json={"text": "Khác."}, headers=key, scope="write")
        assert other.status == 409 and "make a new one" in other.body["detail"]
        assert (await ask("POST", f"{address}/messages", json={}, scope="write")).status == 422
        assert (await ask("POST", f"{address}/notes", json={"text": "Gọi lại."}, scope="write")).status == 201
        shown = (await ask("GET", f"{address}/messages")).body["items"]
        assert {each["text"] for each in shown} >= {"Xin chào.", "Chào Lân.", "Gọi lại."}
        assert [each["text"] for each in shown].count("Chào Lân.") == 1
        given = await ask("POST", f"{address}/release", json={}, scope="write")
        assert given.body["owner"] == "bot"
        assert (await ask("GET", "~/conversations?cursor=x")).status == 400
        assert (await ask("GET", "~/conversations/none")).status == 404


async def test_leads_and_appointments_are_read_in_pages(api):
    async with api() as ask:
        lan = ask.desk.contact("Lân")
        await lan.says("Xin chào.")
        await lan.hears()
        server, now = ask.desk.server, ask.desk.clock.now()
        await server.leads.change("clinic", lan.id, key="one", by="bot", temperature="hot", score=80)
        for number in range(3):
            times = {
                "starts_at": now + timedelta(days=number + 1),
                "ends_at": now + timedelta(days=number + 1, hours=1),
            }
            await server.appointments.book(
                "clinic", lan.id, key=str(number), by="bot", zone="Asia/Ho_Chi_Minh", **times
            )
        (lead,) = (await ask("GET", "~/leads?temperature=hot", scope="read")).body["items"]
        assert (lead["contact"], lead["score"]) == (lan.id, 80)
        assert (await ask("GET", f"~/leads/{lan.id}")).body == lead
        assert (await ask("GET", "~/leads?temperature=cold")).body["items"] == []
        first = (await ask("GET", "~/appointments?limit=2")).body
        rest = (await ask("GET", f"~/appointments?limit=2&cursor={first['next']}")).body
        assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, "")
        one = first["items"][0]
        assert (await ask("GET", f"~/appointments/{one['id']}")).body == one
        assert (await ask("GET", "~/appointments/none")).status == (await ask("GET", "~/leads/none")).status == 404


async def test_leads_and_visits_are_changed_as_on_the_screens_and_written_down(api):
    async with api() as ask:
        lan = ask.desk.contact("Lân")
        await lan.says("Xin chào.")
        await lan.hears()
        core, now = ask.desk.server, ask.desk.server.store.now()
        await core.leads.change("clinic", lan.id, key="1", by="plugin:x", temperature="warm", fields={"need": "IELTS"})
        times = {"starts_at": now, "ends_at": now + timedelta(hours=1), "zone": "Asia/Ho_Chi_Minh"}
        visit = await core.appointments.book("clinic", lan.id, key="1", by="plugin:x", **times)
        before = await ask("GET", f"~/leads/{lan.id}")
        change = {"temperature": "hot", "stage": "visit", "fields": {"need": ""}, "cause": "đã gọi điện"}
        match = {"If-Match": before.headers["ETag"]}
        lead = await ask("PATCH", f"~/leads/{lan.id}", json=change, headers=match, scope="write")
        assert (lead.body["temperature"], lead.body["stage"], lead.body["fields"]) == ("hot", "visit", {})
        assert (await core.leads.get("clinic", lan.id)).pinned
        late = await ask("PATCH", f"~/leads/{lan.id}", json={"stage": "lost"}, headers=match, scope="write")
        assert late.status == 412
        assert (await ask("PATCH", f"~/leads/{lan.id}", json={"score": 1}, scope="write")).status == 422
        assert (await ask("PATCH", "~/leads/nobody", json={"stage": "x"}, scope="write")).status == 404
        begin = (now + timedelta(hours=2)).isoformat().replace("+", "%2B")
        assert (await ask("GET", f"~/appointments?begin={begin}")).body["items"] == []
        assert len((await ask("GET", f"~/appointments?end={begin}")).body["items"]) == 1
        address = f"~/appointments/{visit.id}/state"
        showed = await ask("POST", address, json={"state": "showed"}, scope="write")
        assert (showed.status, showed.body["state"]) == (200, "showed")
        assert (await ask("POST", address, json={"state": "cancelled"}, scope="write")).status == 409
        what = {entry["what"] for entry in (await ask("GET", "~/audit")).body["items"]}
        assert {"lead.changed", "appointment.changed"} <= what
        seen = (await ask("GET", "~/insights?days=7", scope="read")).body
        assert len(seen["days"]) == 7 and seen["totals"]["booked"] == 1

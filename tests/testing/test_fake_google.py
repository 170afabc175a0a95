"""The stand-in of Google, asked by Google's own client: it does what Calendar does, and refuses what Calendar would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httplib2
import pytest
from google.auth.exceptions import RefreshError
from google.oauth2.service_account import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from frontdesk.testing.fake_google import FakeGoogle, Fault

DESK = "desk@front-desk.iam.gserviceaccount.com"
LAN = "lan@example.com"
SCOPES = ["https://www.googleapis.com/auth/calendar.events", "https://www.googleapis.com/auth/calendar.freebusy"]
NINE = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)


class Asking:
    """The SDK, in a thread."""

    def __init__(self, google: FakeGoogle, *scopes: str, subject: str | None = None) -> None:
        key = json.loads(google.service_account(DESK))
        credentials = Credentials.from_service_account_info(key, scopes=scopes or SCOPES, subject=subject)
        self.api = build(
            "calendar",
            "v3",
            http=AuthorizedHttp(credentials, http=httplib2.Http(timeout=5)),
            client_options={"api_endpoint": f"{google.url}/calendar/v3/"},
            cache_discovery=False,
        )

    async def __call__(self, request: Any, if_match: str = "") -> Any:
        if if_match:
            request.headers["If-Match"] = if_match
        return await asyncio.to_thread(request.execute)


@pytest.fixture
async def google() -> AsyncIterator[FakeGoogle]:
    async with FakeGoogle() as running:
        running.add_calendar(LAN, writer=DESK)
        yield running


def body(id: str = "abc12", begin: datetime = NINE) -> dict[str, Any]:
    end = begin + timedelta(hours=1)
    return {"id": id, "start": {"dateTime": begin.isoformat()}, "end": {"dateTime": end.isoformat()}}


async def test_an_id_is_taken_once_and_an_etag_is_good_until_a_change(google: FakeGoogle) -> None:
    ask = Asking(google)
    events = ask.api.events()
    made = await ask(events.insert(calendarId=LAN, body=body()))
    with pytest.raises(HttpError) as twice:
        await ask(events.insert(calendarId=LAN, body=body()))
    assert (twice.value.status_code, twice.value.error_details[0]["reason"]) == (409, "duplicate")
    moved = await ask(events.patch(calendarId=LAN, eventId="abc12", body={"summary": "Học thử"}), made["etag"])
    with pytest.raises(HttpError) as old:
        await ask(events.patch(calendarId=LAN, eventId="abc12", body={"summary": "x"}), made["etag"])
    assert (old.value.status_code, old.value.error_details[0]["reason"]) == (412, "conditionNotMet")
    await ask(events.delete(calendarId=LAN, eventId="abc12"), moved["etag"])
    with pytest.raises(HttpError) as gone:
        await ask(events.delete(calendarId=LAN, eventId="abc12"))
    assert (gone.value.status_code, gone.value.error_details[0]["reason"]) == (410, "deleted")
    assert (await ask(events.get(calendarId=LAN, eventId="abc12")))["status"] == "cancelled"


async def test_a_sync_token_tells_what_has_changed_in_pages_until_it_is_too_old(google: FakeGoogle) -> None:
    ask = Asking(google)
    events = ask.api.events()
    for hour in range(3):
        google.person_adds(LAN, NINE + timedelta(hours=hour), 30)
    first = await ask(events.list(calendarId=LAN, maxResults=2))
    last = await ask(events.list(calendarId=LAN, maxResults=2, pageToken=first["nextPageToken"]))
    assert len(first["items"]) + len(last["items"]) == 3 and "nextSyncToken" not in first
    google.person_deletes(LAN, first["items"][0]["id"])
    news = await ask(events.list(calendarId=LAN, syncToken=last["nextSyncToken"]))
    assert [(each["status"], "start" in each) for each in news["items"]] == [("cancelled", False)]
    google.forget_changes(LAN)
    with pytest.raises(HttpError) as old:
        await ask(events.list(calendarId=LAN, syncToken=news["nextSyncToken"]))
    assert (old.value.status_code, old.value.error_details[0]["reason"]) == (410, "fullSyncRequired")


async def test_an_unknown_calendar_is_an_error_inside_an_answer_of_200(google: FakeGoogle) -> None:
    ask = Asking(google)
    google.person_adds(LAN, NINE, 30)
    google.person_adds(LAN, NINE, 60, transparency="transparent")
    asked = {"timeMin": "2026-11-30T00:00:00Z", "timeMax": "2026-12-01T00:00:00Z"}
    found = await ask(ask.api.freebusy().query(body={**asked, "items": [{"id": LAN}, {"id": "x@example.com"}]}))
    assert found["calendars"][LAN]["busy"] == [{"start": "2026-11-30T02:00:00Z", "end": "2026-11-30T02:30:00Z"}]
    assert found["calendars"]["x@example.com"]["errors"] == [{"domain": "global", "reason": "notFound"}]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"id": "ABC-1"}, "Invalid resource id value"),
        ({"start": {"dateTime": "2026-11-30 09:00"}}, "no date and time with an offset"),
        ({"sumary": "x"}, "there is no property sumary"),
        ({"transparency": 1}, "transparency is no string"),
    ],
)
async def test_a_body_that_is_not_as_the_discovery_document_says_is_refused(
    google: FakeGoogle, wrong: dict[str, Any], why: str
) -> None:
    ask = Asking(google)
    with pytest.raises(HttpError, match="400"):
        await ask(ask.api.events().insert(calendarId=LAN, body={**body(), **wrong}))
    assert why in google.refused[0]


async def test_who_has_no_right_scope_or_delegation_is_refused(google: FakeGoogle) -> None:
    google.add_calendar("minh@example.com", reader=DESK)
    ask = Asking(google)
    with pytest.raises(HttpError) as reader:
        await ask(ask.api.events().insert(calendarId="minh@example.com", body=body()))
    assert reader.value.status_code == 403
    narrow = Asking(google, "https://www.googleapis.com/auth/calendar.freebusy")
    with pytest.raises(HttpError) as scope:
        await narrow(narrow.api.events().insert(calendarId=LAN, body=body()))
    assert scope.value.error_details[0]["reason"] == "insufficientPermissions"
    as_lan = Asking(google, subject=LAN)
    with pytest.raises(RefreshError, match="unauthorized_client"):
        await as_lan(as_lan.api.events().get(calendarId=LAN, eventId="abc12"))
    google.accounts.delegated[DESK, "example.com"] = frozenset(SCOPES)
    assert (await as_lan(as_lan.api.events().insert(calendarId="primary", body=body())))["creator"]["email"] == LAN


async def test_a_channel_wants_https_and_an_id_of_its_own(google: FakeGoogle) -> None:
    ask = Asking(google)
    watch = {"id": "c1", "type": "web_hook", "token": "t", "address": "https://desk.example.com/x"}
    told = await ask(ask.api.events().watch(calendarId=LAN, body=watch))
    for wrong in ({}, {"id": "c2", "address": "http://desk.example.com/x"}):
        with pytest.raises(HttpError, match="400"):
            await ask(ask.api.events().watch(calendarId=LAN, body={**watch, **wrong}))
    await ask(ask.api.channels().stop(body={"id": "c1", "resourceId": told["resourceId"]}))
    assert not google.push.open


async def test_a_fault_before_does_nothing_and_one_after_has_done_it(google: FakeGoogle) -> None:
    ask = Asking(google)
    google.faults.add(Fault(of="events.insert", status=403, reason="userRateLimitExceeded"))
    with pytest.raises(HttpError) as busy:
        await ask(ask.api.events().insert(calendarId=LAN, body=body()))
    assert busy.value.error_details[0]["reason"] == "userRateLimitExceeded" and google.event(LAN, "abc12") is None
    google.faults.add(Fault(of="events.insert", kind="drop_after"))
    with pytest.raises(HttpError, match="409"):  # httplib2 asks again by itself
        await ask(ask.api.events().insert(calendarId=LAN, body=body()))
    assert google.event(LAN, "abc12") is not None

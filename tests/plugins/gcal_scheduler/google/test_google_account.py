"""Three ways in: a service account, one that acts for somebody, and a person who says yes."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from pydantic import ValidationError

from frontdesk import NeedsAttention, Refused, RetryLater, Secret
from frontdesk.plugins.gcal_scheduler.google.settings import GoogleAccess
from frontdesk.testing.fake_google import FakeGoogle, Fault

from .conftest import DESK, LAN, NINE, PUBLIC, SCOPES, Make, Running, oauth

DAY = timedelta(days=1)


async def answer_of(address: str) -> dict[str, str]:
    """A person follows an address to Google's page and says yes or no; what Google sends back with them."""
    async with aiohttp.ClientSession() as session, session.get(address, allow_redirects=False) as page:
        assert page.status == 302, await page.text()
        query = urlsplit(page.headers["Location"])
    assert f"{query.scheme}://{query.netloc}{query.path}" == f"{PUBLIC}/plugins/gcal_scheduler/hoa-sen/google/back"
    return {key: values[0] for key, values in parse_qs(query.query).items()}


async def connected(running: Running) -> None:
    """An operator follows the link, and a person says yes."""
    address, cookie = await running.google.consent.begin(await running.google.consent.ticket())
    await running.google.consent.finish(cookie, await answer_of(address))


async def works(running: Running) -> bool:
    return (await running.google.busy([LAN], NINE, NINE + DAY))[LAN] == ()


async def test_with_delegation_it_acts_for_somebody_once_the_admin_allows_it(make: Make, google: FakeGoogle) -> None:
    running = make(subject="le.tan@example.com")
    with pytest.raises(NeedsAttention, match="the Workspace admin has not allowed"):
        await works(running)
    google.accounts.delegated[DESK, "example.com"] = frozenset(SCOPES)
    google.calendars.all[LAN].rights["le.tan@example.com"] = "writer"
    assert await works(running)
    assert {each.email for each in google.accounts.tokens.values()} == {"le.tan@example.com"}


async def test_no_more_is_asked_for_than_events_and_free_busy(make: Make, google: FakeGoogle) -> None:
    assert await works(make())
    (token,) = google.accounts.tokens.values()
    assert {each.rpartition("/")[2] for each in token.scopes} == {"calendar.events", "calendar.freebusy"}


@pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({"type": "authorized_user"})])
async def test_a_key_file_that_is_none_stops_the_start_with_what_would_be_right(make: Make, text: str) -> None:
    running = make(service_account_key=Secret.from_text(text))
    with pytest.raises(NeedsAttention, match="no key file of a service account"):
        await running.google.start()


async def test_a_key_that_is_not_there_says_where_it_belongs(make: Make) -> None:
    with pytest.raises(NeedsAttention, match="GOOGLE_KEY is not set"):
        await make(service_account_key={"env": "GOOGLE_KEY"}).google.start()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "service_account_key is missing"),
        ({"account": "oauth", "client_id": "x"}, "needs client_id and client_secret"),
        ({"account": "oauth", "client_id": "x", "client_secret": {"env": "X"}, "subject": "a@b.c"}, "leave it out"),
    ],
)
def test_what_an_account_needs_is_asked_for(given: dict[str, Any], why: str) -> None:
    assert why in GoogleAccess.model_validate(given).missing()


def test_http_is_for_this_machine_alone() -> None:
    with pytest.raises(ValidationError, match="no https URL"):
        GoogleAccess.model_validate({"api_url": "http://calendar.example.com"})


async def test_a_person_says_yes_and_the_token_is_a_secret(make: Make, google: FakeGoogle) -> None:
    running = make(**oauth(google))
    await running.google.start()  # so that the page with the link is there
    with pytest.raises(NeedsAttention, match="nobody has let Frontdesk use a Google account yet"):
        await works(running)
    google.consenting = LAN
    await connected(running)
    assert await works(running) and (await running.google.check_health())["ok"]
    (token,) = google.accounts.consents
    assert token in running.secrets.kept["GOOGLE_ACCOUNT"] and token not in str(running.store.kept)


async def test_a_permission_that_was_withdrawn_is_noticed_by_the_next_look(make: Make, google: FakeGoogle) -> None:
    running = make(**oauth(google))
    google.consenting = LAN
    await connected(running)
    assert await works(running)
    google.accounts.revoke(LAN)
    running.told.clear()
    assert await running.sync() == []
    (told,) = running.told
    assert "expired, or was withdrawn" in told
    await connected(running)
    assert await works(running) and (await running.google.check_health())["ok"]


async def test_another_process_finds_the_new_token(make: Make, google: FakeGoogle) -> None:
    google.consenting = LAN
    settings = oauth(google)
    one, other = make(**settings), make(**settings)
    other.plugin.secrets = one.plugin.secrets
    await connected(one)
    assert await works(other)
    google.accounts.revoke(LAN)
    await connected(one)
    assert await works(other) and not other.told


async def test_a_permission_that_will_end_is_told_days_before(make: Make, google: FakeGoogle) -> None:
    running = make(**oauth(google))
    google.consenting, google.consent_lasts = LAN, 7 * 86400
    await connected(running)
    await running.run("day")
    assert not running.told
    running.clock.advance(timedelta(days=4, hours=1).total_seconds())
    await running.run("day")
    assert "ends on 2026-12-05" in running.told[0] and "In production" in running.told[0]


async def test_a_link_is_made_for_this_tenant_and_for_minutes(make: Make, google: FakeGoogle) -> None:
    running = make(**oauth(google))
    ticket = await running.google.consent.ticket()
    until, _, seal = ticket.partition(".")
    for wrong in ("", "x", f"{int(until) + 9}.{seal}", f"{until}.{seal[:-1]}"):
        with pytest.raises(Refused, match="does not work any more"):
            await running.google.consent.begin(wrong)
    running.clock.advance(16 * 60)
    with pytest.raises(Refused, match="does not work any more"):
        await running.google.consent.begin(ticket)
    with pytest.raises(Refused, match="uses a service account"):
        await make().google.consent.begin(ticket)


async def test_whoever_did_not_begin_cannot_end(make: Make, google: FakeGoogle) -> None:
    """A stranger's answer must not connect the stranger's account, nor may an operator's be used twice."""
    running = make(**oauth(google))
    google.consenting = LAN
    consent = running.google.consent
    address, cookie = await consent.begin(await consent.ticket())
    answer = await answer_of(address)
    with pytest.raises(Refused, match="no attempt that is going on"):
        await consent.finish(cookie, {**answer, "state": "guessed"})
    with pytest.raises(Refused, match="in another browser"):
        await consent.finish("another cookie", answer)
    with pytest.raises(Refused, match="no attempt that is going on"):
        await consent.finish(cookie, answer)  # it is taken once, also by a wrong one
    address, cookie = await consent.begin(await consent.ticket())
    late = await answer_of(address)
    running.clock.advance(11 * 60)
    with pytest.raises(Refused, match="took too long"):
        await consent.finish(cookie, late)
    assert not running.secrets.kept


async def test_no_or_half_a_yes_or_no_answer_connects_nothing(make: Make, google: FakeGoogle) -> None:
    running = make(**oauth(google))
    consent = running.google.consent
    address, cookie = await consent.begin(await consent.ticket())
    with pytest.raises(Refused, match="access_denied"):
        await consent.finish(cookie, await answer_of(address))
    google.consenting = LAN
    address, cookie = await consent.begin(await consent.ticket())
    unticked = address.replace("+https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcalendar.freebusy", "")
    assert unticked != address
    with pytest.raises(Refused, match="leave every box ticked"):
        await consent.finish(cookie, await answer_of(unticked))
    address, cookie = await consent.begin(await consent.ticket())
    google.faults.add(Fault(of="token", kind="drop_before", times=0))
    with pytest.raises(RetryLater, match="does not answer"):
        await consent.finish(cookie, await answer_of(address))
    google.faults.clear()
    running.secrets.key = False
    with pytest.raises(NeedsAttention, match="need a key"):
        await connected(running)
    assert not running.secrets.kept


async def test_threads_share_one_new_access_token(make: Make, google: FakeGoogle) -> None:
    running = make()
    assert all(await asyncio.gather(*(works(running) for _ in range(4))))
    assert len(google.accounts.tokens) == 1

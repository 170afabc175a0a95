"""Google tells that a calendar has changed: believed by the channel's token alone, renewed before it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from frontdesk.testing.fake_google import FakeGoogle, Fault

from .conftest import LAN, PUBLIC, Make, Running


def headers(google: FakeGoogle, **other: str) -> dict[str, str]:
    """What Google posts for the only channel."""
    (channel,) = google.push.open.values()
    return {
        "x-goog-channel-id": channel.id,
        "x-goog-channel-token": channel.token,
        "x-goog-resource-state": "exists",
        **other,
    }


def looks(running: Running) -> list[str]:
    return [key for name, key in running.tasks.all if name == "google_sync"]


async def test_a_channel_is_opened_kept_and_followed_by_another_before_it_ends(make: Make, google: FakeGoogle) -> None:
    running = make()
    await running.run("probe", calendar=LAN)
    (first,) = google.push.open.values()
    assert first.address == f"{PUBLIC}/plugins/gcal_scheduler/hoa-sen/google/changed"
    assert first.token not in str(running.store.kept), "a hash of it is enough"
    running.clock.advance(timedelta(days=5).total_seconds())
    await running.run("probe", calendar=LAN)
    assert list(google.push.open) == [first.id]
    running.clock.advance(timedelta(days=1).total_seconds())
    await running.run("probe", calendar=LAN)
    (second,) = google.push.open.values()
    assert second.id != first.id
    assert [key for of, key in running.store.kept if of == "google_channels"] == [second.id]


async def test_a_notification_has_the_calendar_looked_at_once_a_burst(make: Make, google: FakeGoogle) -> None:
    running = make()
    await running.run("probe", calendar=LAN)
    assert await running.google.channels.heard(headers(google, **{"x-goog-resource-state": "sync"}))
    assert looks(running) == []
    for _ in range(3):
        assert await running.google.channels.heard(headers(google))
    ((at, data),) = [each for (name, _), each in running.tasks.all.items() if name == "google_sync"]
    assert data == {"calendar": LAN} and timedelta() < at - running.clock.now() <= timedelta(seconds=5)
    running.clock.advance(6)
    assert await running.google.channels.heard(headers(google))
    assert len(looks(running)) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"x-goog-channel-token": "guessed"},
        {"x-goog-channel-token": ""},
        {"x-goog-channel-id": "another"},
        {"x-goog-channel-id": ""},
    ],
)
async def test_whoever_does_not_know_the_token_is_not_heard(
    make: Make, google: FakeGoogle, wrong: dict[str, str]
) -> None:
    running = make()
    await running.run("probe", calendar=LAN)
    assert not await running.google.channels.heard(headers(google, **wrong))
    assert looks(running) == []


async def test_without_https_or_where_it_is_not_wanted_nothing_is_opened(make: Make, google: FakeGoogle) -> None:
    for running in (make(public_url="http://localhost:8000"), make(push=False)):
        await running.run("probe", calendar=LAN)
        assert "every 5 min" in (await running.google.diagnose())[-1].what
    assert not google.push.open


async def test_a_channel_that_google_refuses_is_shown_and_the_looks_go_on(make: Make, google: FakeGoogle) -> None:
    running = make()
    google.faults.add(Fault(of="events.watch", status=401, reason="push.webhookUrlUnauthorized", times=0))
    await running.run("probe", calendar=LAN)
    found = (await running.google.diagnose())[-1]
    assert found.level == "warning" and "does not tell of changes" in found.what
    google.faults.clear()
    running.clock.advance(timedelta(days=8).total_seconds())
    await running.run("probe", calendar=LAN)
    assert (await running.google.diagnose())[-1].level == "ok" and len(google.push.open) == 1

"""One contact gets a few messages at once and the rest of a long chain apart, whoever sends; nobody else waits for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from frontdesk import RetryLater
from frontdesk.outbox.pair import PairPace, PairRate

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
PAUSE, BURST = timedelta(seconds=6), 3


async def paced(server: Any) -> Any:
    """The phone's provider takes three messages at once from us to one contact, then one in six seconds."""
    phone = await server.plugin("phone")
    phone.seconds_per_contact, phone.burst_per_contact = PAUSE.total_seconds(), BURST
    return phone


async def say(phone: Any, contact: Any, *texts: str) -> None:
    for text in texts:
        await phone.conversations.send(contact.id, text, text)


async def taken(server: Any, vendor: Any, number: int) -> list[datetime]:
    async def there() -> bool:
        return len(vendor.taken) >= number

    await server.until(f"{number} are taken", there)
    return [at for _, _, at in vendor.taken]


def keeps_the_rate(times: list[datetime]) -> bool:
    """Whether no stretch of them holds more than the burst and one for each pause."""
    return all(
        later - earlier >= PAUSE * (last - first + 1 - BURST) - timedelta(milliseconds=1)
        for first, earlier in enumerate(times)
        for last, later in enumerate(times[first:], first)
    )


async def test_a_long_chain_goes_apart_and_in_order_and_a_short_answer_at_once(start, vendor):
    async with start() as server:
        phone, lan = await paced(server), server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        server.clock.advance(60)
        began = server.clock.now()
        texts = [f"m{no}" for no in range(8)]
        await say(phone, lan, *texts)
        times = (await taken(server, vendor, 9))[1:]
        assert vendor.texts()[1:] == texts and keeps_the_rate(times)
        assert times[1] - began < PAUSE, "two go as they come"
        assert timedelta(seconds=30) <= times[-1] - times[0] < timedelta(seconds=40)


async def test_another_contact_does_not_wait(start, vendor):
    async with start() as server:
        phone, lan, minh = await paced(server), server.contact("Lan"), server.contact("Minh")
        for contact in (lan, minh):
            await contact.says("Hello.")
            await contact.hears()
        await say(phone, lan, *(f"m{no}" for no in range(6)))
        await taken(server, vendor, 2 + BURST - 1)
        before = server.clock.now()
        await say(phone, minh, "one")

        async def told() -> bool:
            return "one" in vendor.texts()

        await server.until("Minh has it", told)
        assert vendor.taken[vendor.texts().index("one")][2] - before < timedelta(seconds=2)
        await taken(server, vendor, 9)


async def test_the_pace_outlives_the_process_and_counts_what_failed(start, vendor):
    async with start() as server:
        phone, lan = await paced(server), server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()

        def busy(_: Any) -> None:
            vendor.before = None
            raise RetryLater("busy", after=0)

        vendor.before = busy
        await say(phone, lan, "one")
        await taken(server, vendor, 2)
        await server.quiet()
        clock = server.clock
        used_until = (await lan.conversation()).paced_until
        assert used_until is not None and used_until - clock.now() > PAUSE * 2 - timedelta(seconds=3)
    async with start(clock) as server:
        phone, lan = await paced(server), server.contact("Lan")
        await say(phone, lan, "two", "three")
        times = await taken(server, vendor, 4)
        assert times[-1] >= used_until - PAUSE, "three attempts have used up what goes at once"


async def test_a_channel_that_says_nothing_of_it_has_no_pace(start, vendor):
    async with start() as server:
        lan, phone = server.contact("Lan"), await server.plugin("phone")
        await lan.says("Hello.")
        await lan.hears()
        await say(phone, lan, *(f"m{no}" for no in range(25)))
        await taken(server, vendor, 26)
        await server.quiet()
        assert (await lan.conversation()).paced_until is None


@given(st.lists(st.floats(0, 30), max_size=40), st.integers(1, 5))
def test_no_stretch_ever_holds_more(gaps, burst):
    """Whenever they come: each goes at once if it may, else when it is told."""
    now, times, rate = START, [], PairRate(PAUSE, burst)
    held: Any = SimpleNamespace(conversation=SimpleNamespace(paced_until=None), at_release=lambda _: None)
    pair = PairPace(held)
    for gap in gaps:
        now += timedelta(seconds=round(gap, 3))
        now = pair.not_before(rate, now) or now
        assert pair.not_before(rate, now) is None
        pair.went(rate, now)
        times.append(now)
    for first, earlier in enumerate(times):
        for last, later in enumerate(times[first:], first):
            assert later - earlier >= PAUSE * (last - first + 1 - burst)

"""Days are folded into figures: counted right, the same when counted again, whole after a crash."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from frontdesk.model import Budget, BudgetShare, Contact, Message, Turn
from frontdesk.records import Appointment, Lead, Reminder
from frontdesk.services.figures import bounds, bucket, fold, is_due
from frontdesk.store import Between
from frontdesk.store.collections import (
    APPOINTMENTS,
    BUDGETS,
    CONTACTS,
    FIGURE_CASES,
    FIGURES,
    LEADS,
    MESSAGES,
    TURNS,
)
from frontdesk.stored_figures import DayFigures

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


def test_a_day_is_the_zones_and_has_the_hours_it_has() -> None:
    begin, end = bounds(date(2026, 3, 29), ZoneInfo("Europe/London"))
    assert end - begin == timedelta(hours=23)
    assert bounds(date(2026, 11, 28), HANOI)[0] == datetime(2026, 11, 27, 17, tzinfo=UTC)


def test_a_day_is_folded_while_it_goes_on_once_more_when_it_is_over_and_for_a_week() -> None:
    day = date(2026, 11, 28)
    begin, end = bounds(day, HANOI)

    def due(folded: datetime, now: datetime, zone: ZoneInfo = HANOI, kept: timedelta | None = None) -> bool:
        known = DayFigures(id="2026-11-28", zone=HANOI.key, begins=begin, folded_at=folded)
        return is_due(known, day, zone, now, kept)

    noon = begin + timedelta(hours=12)
    assert not due(noon, noon + timedelta(minutes=4)) and due(noon, noon + timedelta(minutes=5))
    assert due(end - timedelta(minutes=1), end + timedelta(minutes=1)), "the last minutes are missing"
    assert not due(end, end + timedelta(hours=1)) and due(end, end + timedelta(hours=6))
    assert not due(end + timedelta(days=7), end + timedelta(days=30))
    assert due(noon, noon, ZoneInfo("Europe/London")), "another zone has another day"
    three = timedelta(days=3)
    assert due(end, begin + three - timedelta(hours=1), kept=three)
    assert not due(end, begin + three, kept=three), "its turns are being deleted"


async def a_day(repository: Any, at: datetime) -> None:
    """Two contacts; one is answered and books, the other one is not understood."""
    for id in ("lan", "minh"):
        await repository.insert(CONTACTS, Contact(id=id, name=id, created_at=at))
    trace = (
        {"what": "thought", "input_tokens": 900, "output_tokens": 40, "cost": 0.002, "currency": "USD"},
        {"what": "proposed", "handoff": False},
    )
    untrue = (*trace[:1], {"what": "untrue", "kinds": ["price"]}, {"what": "proposed", "handoff": True})
    said = {"direction": "inbound", "state": "answered", "at": at}
    for id, seconds, lines in (("lan", 3, trace), ("minh", 120, untrue)):
        closed = at + timedelta(seconds=seconds)
        turn = Turn(
            id=f"{id}.1",
            conversation=id,
            no=1,
            state="committed",
            read=(f"{id}-1", f"{id}-2"),
            trace=lines,
            opened_at=at,
            closed_at=closed,
        )
        await repository.insert(TURNS, turn)
        await repository.insert(MESSAGES, Message(id=f"{id}-1", conversation=id, turn=f"{id}.1", **said))
        later = {**said, "at": at + timedelta(seconds=1)}
        await repository.insert(MESSAGES, Message(id=f"{id}-2", conversation=id, turn=f"{id}.1", **later))
        sent = Message(id=f"{id}-o", conversation=id, direction="outbound", state="read", at=closed)
        await repository.insert(MESSAGES, sent)
    lost = Message(id="lost", conversation="minh", direction="outbound", state="failed", at=at)
    await repository.insert(MESSAGES, lost)
    await repository.insert(TURNS, Turn(id="minh.2", conversation="minh", no=2, state="parked", opened_at=at))
    await repository.insert(LEADS, Lead(id="lan", contact="lan", created_at=at, changed_at=at))
    visit = Appointment(
        id="a1",
        contact="lan",
        conversation="lan",
        starts_at=at,
        ends_at=at,
        zone="UTC",
        state="showed",
        reminders=(Reminder(rule="24h", at=at, state="sent"),),
        created_at=at,
        changed_at=at,
    )
    await repository.insert(APPOINTMENTS, visit)


async def test_a_day_is_counted_and_counted_again_it_is_the_same(desk: Any) -> None:
    async with desk(tenants={"clinic": {"time_zone": "Asia/Ho_Chi_Minh"}, "school": {}}) as server:
        repository, at = server.repository(), datetime(2026, 11, 20, 2, tzinfo=UTC)
        await a_day(repository, at)
        await a_day(server.repository("school"), at)
        begin, _ = bounds(date(2026, 11, 20), HANOI)
        ends = begin + timedelta(days=1)
        share = BudgetShare(amount=1000, booked=2000, until=at)
        budget = Budget(id=f"models@{begin.isoformat()}", limit=9, booked=7000, shares={"p": share}, ends_at=ends)
        await repository.insert(BUDGETS, budget)
        figures = await fold(repository, date(2026, 11, 20), HANOI, at)
        expected = {
            "conversations": 2, "inbound": 4, "outbound": 2, "new": 2, "answered": 2, "slow": 1, "handoff": 1, "untrue": 1,
            "parked": 1, "undelivered": 1, "lead": 1, "booked": 1, "reminded": 1, "showed": 1,
            "input_tokens": 1800, "output_tokens": 80, "cached_tokens": 0,
        }  # fmt: skip
        assert figures.counts == expected
        assert figures.answers == {"9": {str(bucket(3)): 1, str(bucket(120)): 1}}, "nine o'clock in Hanoi"
        assert (figures.cost, figures.reasons) == (9000, {"untrue": 1}), "the ledger has what was spent beside turns"
        cases = await repository.find(FIGURE_CASES, {"conversation": "minh"}, order_by="at")
        again = await fold(repository, date(2026, 11, 20), HANOI, at)
        stored = await repository.get(FIGURES, "2026-11-20")
        assert replace(stored, version=1) == again == figures and stored.version == 2
        assert await repository.find(FIGURE_CASES, {"conversation": "minh"}, order_by="at") == cases


async def test_an_answer_to_what_was_written_before_midnight_is_one_of_the_day_that_gave_it(desk: Any) -> None:
    async with desk(tenants={"clinic": {}}) as server:
        repository, midnight = server.repository(), bounds(date(2026, 11, 20), HANOI)[0]
        for id, seconds in (("before", -2), ("after", 1)):
            at = midnight + timedelta(seconds=seconds)
            said = Message(id=id, conversation="lan", direction="inbound", state="answered", turn="lan.1", at=at)
            await repository.insert(MESSAGES, said)
        opened, closed = (midnight + timedelta(seconds=each) for each in (4, 70))
        turn = Turn(id="lan.1", conversation="lan", no=1, state="committed", opened_at=opened, closed_at=closed)
        await repository.insert(TURNS, replace(turn, read=("before", "after", "gone")))
        before = await fold(repository, date(2026, 11, 19), HANOI, closed)
        figures = await fold(repository, date(2026, 11, 20), HANOI, closed)
        assert (before.counts["inbound"], before.answers) == (1, {})
        assert (figures.counts["inbound"], figures.counts["answered"], figures.counts["slow"]) == (1, 1, 1)
        assert figures.answers == {"23": {str(bucket(72)): 1}}, "from the first of what it answers"


async def test_what_has_gone_leaves_the_cases_and_what_has_changed_changes_them(desk: Any) -> None:
    async with desk(tenants={"clinic": {}}) as server:
        repository, at = server.repository(), datetime(2026, 11, 20, 2, tzinfo=UTC)
        await a_day(repository, at)
        await fold(repository, date(2026, 11, 20), HANOI, at)
        message = await repository.get(MESSAGES, "lost")
        await repository.update(MESSAGES, message, state="withdrawn")
        figures = await fold(repository, date(2026, 11, 20), HANOI, at)
        assert "undelivered" not in figures.counts
        behind = await repository.find(FIGURE_CASES, {"figure": "undelivered"}, order_by="at")
        assert behind == []


@pytest.mark.parametrize("writes", range(0, 21, 4))
async def test_a_fold_that_dies_in_the_middle_is_made_good_by_the_next(desk: Any, dies_after: Any, writes: int) -> None:
    async with desk(tenants={"clinic": {}}) as server:
        repository, at = server.repository(), datetime(2026, 11, 20, 2, tzinfo=UTC)
        await a_day(repository, at)
        try:
            await fold(dies_after(repository, writes), date(2026, 11, 20), HANOI, at)
        except BaseException as err:  # noqa: BLE001  the death of a process
            assert type(err).__name__ in ("Died", "Death"), err
        figures = await fold(repository, date(2026, 11, 20), HANOI, at)
        cases = await repository.find(
            FIGURE_CASES, {"at": Between(at - timedelta(days=1), at + timedelta(days=1))}, order_by="at", limit=100
        )
        counted = {
            figure: sum(case.count for case in cases if case.figure == figure) for figure in ("lead", "slow", "new")
        }
        assert counted == {figure: figures.counts[figure] for figure in counted}

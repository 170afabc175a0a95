"""Insights: the last days, kept fresh, and the conversations behind every figure."""

from __future__ import annotations

from typing import Any

import pytest

from frontdesk.services.figures import bucket, seconds_of
from frontdesk.services.insights import answers_of
from frontdesk.store.collections import FIGURES, TURNS
from frontdesk.testing.builders import fill


def test_medians_are_right_to_five_per_cent() -> None:
    for seconds in (0.4, 3.0, 17.0, 240.0, 86_400.0):
        assert abs(seconds_of(bucket(seconds)) / seconds - 1) <= 0.051
    answers = answers_of({str(bucket(2)): 6, str(bucket(30)): 4})
    assert answers.count == 10 and answers.median and answers.p90
    assert 1.9 < answers.median < 2.2 and 28 < answers.p90 < 32
    assert answers_of({}).median is None


async def test_the_last_days_are_folded_when_somebody_looks_and_kept_fresh_by_the_round(desk: Any) -> None:
    async with desk(tenants={"clinic": {}, "school": {}}) as server:
        office = server.server.office
        assert not (await office.insights.of("clinic", 7)).anything, "nobody has written"
        await fill(server.server.store, server.server.people, "clinic", 60)
        seen = await office.insights.of("clinic", 7)
        assert len(seen.days) == 7 and seen.totals["conversations"] >= 50 and seen.missing == 0
        today = seen.days[-1].folded_at
        case, *_ = (await office.insights.cases("clinic", "conversations", 7))[0]
        assert case.contact is not None
        first, more = await office.insights.cases("clinic", "conversations", 7)
        rest, end = await office.insights.cases("clinic", "conversations", 7, more)
        assert len(first) == 50 and end == "" and not {c.case.id for c in first} & {c.case.id for c in rest}
        with pytest.raises(KeyError):
            await office.insights.cases("clinic", "input_tokens", 7)
        assert (await office.insights.cases("school", "conversations", 7))[0] == []
        server.clock.advance(601)
        await office.insights.go_round()
        assert (await office.insights.of("clinic", 7)).days[-1].folded_at > today
        assert await server.repository("school").find(FIGURES, {}, order_by="begins") == []
        await office.insights.rebuild("clinic")
        assert (await office.insights.of("clinic", 7)).totals == seen.totals


async def test_what_is_kept_for_some_days_only_stays_counted(desk: Any) -> None:
    async with desk(tenants={"clinic": {"retention": {"turns": "2 d"}}}) as server:
        insights, repository = server.server.office.insights, server.repository()
        await fill(server.server.store, server.server.people, "clinic", 60)
        seen = (await insights.of("clinic", 7)).days[:4]
        assert sum(day.counts.get("answered", 0) for day in seen) > 0
        while turns := await repository.find(TURNS, {"state": "committed"}, order_by="opened_at", limit=100):
            for turn in turns:
                await repository.delete(TURNS, turn)
        server.clock.advance(7 * 3600)
        later = {day.id: day.counts for day in (await insights.of("clinic", 7)).days}
        assert [later[day.id] for day in seen if day.id in later] == [day.counts for day in seen if day.id in later]

"""A process that stands still past its lease and wakes as a ghost does no harm, wherever it stood.

At every point (some minutes, with its figures printed):

    pytest -s -m slow tests/e2e/test_freeze.py
"""

from __future__ import annotations

from pathlib import Path

import pytest

from frontdesk.testing.wire_store import WireStore

from .crash_run import ON_THE_WAY, PROPOSED
from .freeze_run import IN_FLIGHT, Report, freeze_run

pytestmark = pytest.mark.wire


@pytest.mark.slow
async def test_a_ghost_says_nothing_twice_but_what_was_in_flight_already(tmp_path: Path, wire: WireStore) -> None:
    report = await freeze_run(4, tmp_path, wire.url("frontdesk"), points=["deed.intended"])
    assert_no_harm(report, {"deed.intended"})


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_a_freeze_anywhere_loses_nothing_and_says_nothing_twice(tmp_path: Path, wire: WireStore) -> None:
    report = await freeze_run(12, tmp_path, wire.url("frontdesk"))
    assert_no_harm(report, set(ON_THE_WAY))


def assert_no_harm(report: Report, points: set[str]) -> None:
    print(report)
    assert (report.lost, report.twice, report.out_of_order) == ([], [], []), report
    # The proposal is on disk alone only where a message met the end of a turn.
    assert {*points, IN_FLIGHT} - {PROPOSED} <= set(report.frozen), report
    assert report.not_taken_over == [], "the others go on without it"
    assert len(report.in_flight) == 1, "what is on the way cannot be called back"
    assert len(report.possible_duplicates) == 1, "and the server says so"
    assert (report.violations, report.left_due, report.held) == ([], 0, []), report
    assert [id for id in report.parked if not id.endswith("-template")] == [], report

"""`kill -9` at every named point of inbox, turn, deed and outbox: nothing lost, nothing twice, order kept.

40 conversations here; with more of them, and its figures printed:

    FRONTDESK_CRASH_CONVERSATIONS=200 pytest -s tests/e2e/test_crash.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .crash_run import DROPS, ON_THE_WAY, crash_run

CONVERSATIONS = int(os.environ.get("FRONTDESK_CRASH_CONVERSATIONS", "40"))
MAYBE = {"inbox.message_written"}
"""SQLite has written the rest by then, unless two messages met; test_wire.py sees it reached."""


@pytest.mark.timeout(60 + 6 * CONVERSATIONS)
@pytest.mark.parametrize("half", [0, pytest.param(1, marks=pytest.mark.slow)])
async def test_a_crash_anywhere_loses_nothing_and_says_nothing_twice(tmp_path: Path, half: int) -> None:
    # Two halves, for two cores: between them every point is reached.
    points = list(ON_THE_WAY)[half::2]
    report = await crash_run(CONVERSATIONS, tmp_path, seed=half + 1, points=points)
    print(report)
    assert (report.lost, report.twice, report.out_of_order) == ([], [], []), report
    assert set(report.not_reached) <= MAYBE, report
    assert report.accepted >= CONVERSATIONS * len(points) and report.deeds > 0, report
    assert all(report.ambiguous[kind] + report.ambiguous[f"{kind}, by the list"] for kind in DROPS), report
    assert report.ambiguous["an echo, by the list"] and report.ambiguous["one of two identical texts, by the list"], (
        report
    )
    assert (report.violations, report.left_due, report.possible_duplicates) == ([], 0, []), report
    # A template cannot be told from another by what Twilio lists: it alone may end as "may have been sent".
    assert [id for id in report.parked if not id.endswith("-template")] == [], report

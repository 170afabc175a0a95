"""One of three processes dies every few seconds: nothing is lost, nothing comes twice, order is kept.

Longer, and over both queues, with the figures printed:

    pytest -s -m slow tests/e2e/test_rolling.py
"""

from __future__ import annotations

from pathlib import Path

import pytest

from frontdesk.testing.wire_store import WireStore

from .rolling_run import Report, rolling_run

pytestmark = pytest.mark.wire


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_deaths_under_load_lose_nothing_over_sqs(tmp_path: Path, wire: WireStore) -> None:
    assert_no_harm(await rolling_run(6, tmp_path, wire.url("frontdesk"), seconds=6), kills=1)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("queue", ["sqs", "http"])
async def test_many_deaths_under_load_lose_nothing(tmp_path: Path, wire: WireStore, queue: str) -> None:
    assert_no_harm(await rolling_run(20, tmp_path, wire.url("frontdesk"), seconds=60, queue=queue), kills=8)


def assert_no_harm(report: Report, kills: int) -> None:
    print(report)
    assert (report.lost, report.twice, report.out_of_order) == ([], [], []), report
    assert report.kills >= kills and report.accepted > 6, report
    assert (report.violations, report.left_due, report.possible_duplicates) == ([], 0, []), report
    # A template cannot be told from another by what Twilio lists: it alone may end as "may have been sent".
    assert [id for id in report.parked if not id.endswith("-template")] == [], report

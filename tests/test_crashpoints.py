"""Nothing is armed by chance; what is armed kills or stops the process at its point, the n-th time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from frontdesk import crashpoints

PROGRAM = """
import os
from frontdesk.crashpoints import arm, reached
arm(os.environ)
for number in range(3):
    print(number, flush=True)
    reached("turn.leased")
"""


def run(**environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM], env={**os.environ, **environment}, stdout=-1, text=True)


def test_without_a_variable_nothing_happens():
    with run() as process:
        assert process.communicate()[0].split() == ["0", "1", "2"]
    assert process.returncode == 0


@pytest.mark.parametrize(("point", "seen"), [("turn.leased", ["0"]), ("turn.leased:2", ["0", "1"])])
def test_the_process_dies_at_its_point_the_nth_time(point, seen):
    with run(FRONTDESK_CRASH_AT=point) as process:
        assert process.communicate()[0].split() == seen
    assert process.returncode == -signal.SIGKILL


def test_the_process_stops_at_its_point_and_can_go_on():
    with run(FRONTDESK_FREEZE_AT="turn.leased:2") as process:
        assert process.stdout is not None
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        assert process.communicate()[0].split() == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("turn.leasd", "no such point; there are .*turn.leased"),
        ("turn.leased:0", "from 1"),
        ("turn.leased:x", "from 1"),
    ],
)
def test_what_is_no_point_is_refused(monkeypatch, value, words):
    monkeypatch.setattr(crashpoints, "_armed", {})
    with pytest.raises(ValueError, match=rf"FRONTDESK_CRASH_AT={value}: .*{words}"):
        crashpoints.arm({"FRONTDESK_CRASH_AT": value})
    assert crashpoints._armed == {}

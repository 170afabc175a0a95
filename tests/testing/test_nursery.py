"""Commands in processes of their own, forked from one that has imported everything."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from frontdesk.testing.nursery import Child, Nursery
from frontdesk.version import VERSION


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


def chat(nursery: Nursery, folder: Path) -> tuple[Child, int]:
    """A command that waits for its standard input, which is the other end of what is returned beside it."""
    assert nursery.run("init", folder=folder).returncode == 0
    reading, writing = os.pipe()
    said = os.open(folder / "said", os.O_CREAT | os.O_WRONLY)
    child = nursery.start("chat", "my-business", folder=folder, files=(reading, said, said))
    os.close(reading)
    os.close(said)
    return child, writing


def test_a_command_runs_to_its_end_in_its_own_folder_with_its_own_environment(nursery: Nursery, tmp_path: Path) -> None:
    ended = nursery.run("--version", folder=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"frontdesk {VERSION}\n", "")
    refused = nursery.run("serv", folder=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "did you mean serve?" in refused.stderr
    assert nursery.run("init", folder=tmp_path).returncode == 0
    assert (tmp_path / "tenants.yaml").exists()
    bad = nursery.run("serve", folder=tmp_path, environment={"FRONTDESK_CLOCK_AHEAD": "soon"})
    assert (bad.returncode, "FRONTDESK_CLOCK_AHEAD=soon" in bad.stderr) == (1, True)


async def test_a_child_is_a_process_that_is_killed_and_told_so(nursery: Nursery, tmp_path: Path) -> None:
    child, writing = chat(nursery, tmp_path)
    assert child.pid != os.getpid()
    assert child.returncode is None
    child.send_signal(signal.SIGKILL)
    async with asyncio.timeout(10):
        assert await child.wait() == -signal.SIGKILL
    child.send_signal(signal.SIGKILL)
    os.close(writing)


def test_whoever_closes_the_nursery_takes_its_children_along(tmp_path: Path) -> None:
    nursery = Nursery()
    child, writing = chat(nursery, tmp_path)
    nursery.close()
    assert child.join(10) == -signal.SIGKILL
    os.close(writing)


def test_one_that_does_not_end_is_killed(nursery: Nursery, tmp_path: Path) -> None:
    child, writing = chat(nursery, tmp_path)
    with pytest.raises(TimeoutError, match=r"within 0\.1 s"):
        child.join(0.1)
    assert child.join(10) == -signal.SIGKILL
    os.close(writing)

"""The command `frontdesk` as a user runs it: its own process, in a folder with a tenants file."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from frontdesk.testing.nursery import nursery

EXAMPLE = Path(__file__).parents[2] / "tenants.example.yaml"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


async def until(condition: Callable[[], Awaitable[Any]], seconds: float) -> Any:
    """What *condition* gives once it is true. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            if found := await condition():
                return found
            await asyncio.sleep(0.03)


@pytest.fixture
def frontdesk(tmp_path: Path) -> Run:
    """`frontdesk("check", "x.yaml", stdin="…")` in the test's folder."""

    def run(*arguments: str, stdin: str = "", seconds: float = 60) -> subprocess.CompletedProcess[str]:
        return nursery().run(*arguments, folder=tmp_path, stdin=stdin, seconds=seconds)

    return run


@pytest.fixture
def example() -> dict[str, Any]:
    """tenants.example.yaml, but nobody waits for a burst to end."""
    data: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    for tenant in data["tenants"].values():
        tenant["settle"] = {"quiet_seconds": 0, "fragment_seconds": 0, "media_seconds": 0}
    return data


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Write a tenants file into the test's folder."""

    def writer(data: dict[str, Any], name: str = "tenants.yaml") -> Path:
        path = tmp_path / name
        path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), "utf-8")
        return path

    return writer

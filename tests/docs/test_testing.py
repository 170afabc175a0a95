"""docs/reference/testing.md: its example runs as it stands, and its tables name what the kit has."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from frontdesk.testing.clock import MovableClock
from frontdesk.testing.desk import TestContact, TestDesk, start_desk
from frontdesk.testing.fake_twilio import FakeTwilio
from frontdesk.testing.fake_twilio.inbound import InboundSpec

from .conftest import Page, rows


@pytest.fixture
def text(page: Callable[[str], Page]) -> Page:
    return page("reference/testing.md")


def test_the_example_passes_as_it_stands(text: Page, tmp_path: Path) -> None:
    (block,) = text.blocks("python")
    (project,) = text.blocks("toml")
    for file in (block, project):
        (tmp_path / file.mark).write_text(file.body, "utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", block.mark],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"{block.body.count('async def test_')} passed" in ended.stdout


@pytest.mark.parametrize(
    ("heading", "variable", "cls", "made"),
    [
        ("The server", "server", TestDesk, {"server", "tenant"}),
        ("A contact", "lan", TestContact, {"name", "phone", "tenant", "external_id"}),
        ("The clock", "clock", MovableClock, set()),
    ],
)
def test_every_method_is_in_its_table(text: Page, heading: str, variable: str, cls: type, made: set[str]) -> None:
    told = {name for row in rows(text.section(heading)) for name in re.findall(rf"`{variable}\.(\w+)", row[0])}
    assert told == {name for name in vars(cls) if not name.startswith("_")} | made


def test_every_argument_of_the_fixture_is_in_its_table(text: Page) -> None:
    told = {row[0].strip("`") for row in rows(text.section("The fixture `desk`"))}
    (wrapped,) = (start_desk.__wrapped__,)  # type: ignore[attr-defined]  # contextlib's
    assert told == set(wrapped.__kwdefaults__)


def test_what_is_told_of_the_fake_twilio_is_there() -> None:
    assert all(hasattr(FakeTwilio, name) for name in ("url", "deliver", "sent", "faults"))
    assert "body" in InboundSpec.__dataclass_fields__

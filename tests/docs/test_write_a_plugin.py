"""docs/how-to/write-a-plugin.md: its project passes its test, and the sentence to try is answered by its plugin."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web

from frontdesk.plugins.rehearsal_llm import RehearsalLlm

from .conftest import Page

FILES = {
    "tests/plugins/samples/weather.py: plugin": "frontdesk_plugin_weather.py",
    "test_weather.py": "test_weather.py",
    "tests/plugins/test_weather.py: test": "test_weather.py",
    "pyproject.toml": "pyproject.toml",
    "weather_service.py": "weather_service.py",
}
"""The mark of a block of the page, and the file that a reader puts it into."""


@pytest.fixture
def text(page: Callable[[str], Page]) -> Page:
    return page("how-to/write-a-plugin.md")


@pytest.fixture
def project(text: Page, tmp_path: Path) -> Path:
    """The folder of somebody who has typed the page."""
    folder = tmp_path / "weather"
    folder.mkdir()
    for block in text.blocks():
        if block.mark in FILES:
            with (folder / FILES[block.mark]).open("a", encoding="utf-8") as file:
                file.write(block.body)
    return folder


def module(project: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, project / f"{name}.py")
    assert spec and spec.loader
    loaded = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, loaded)  # annotations are looked up there
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture
async def stand_in(project: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The page's stand-in for a weather service, on a free port; its address."""
    runner = web.AppRunner(module(project, "weather_service", monkeypatch).app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def test_the_pages_project_passes_its_own_test(project: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "1 passed" in ended.stdout and "warning" not in ended.stdout, ended.stdout


async def test_the_sentence_to_try_is_answered_as_the_page_says(
    desk: Any, text: Page, project: Path, stand_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (command,) = [block.body for block in text.blocks("sh") if block.mark == "chat"]
    (printed,) = [block.body for block in text.blocks("text")]
    you, bot = (line.split(": ", 1)[1] for line in printed.splitlines())
    weather = module(project, "frontdesk_plugin_weather", monkeypatch).Weather
    plugins = {"rehearsal_llm": RehearsalLlm, "weather": weather}
    settings = {"weather": {"city": "Hà Nội", "api_url": stand_in}}
    async with desk(plugins=plugins, settings=settings) as server:
        lan = server.contact("Lan")
        assert you == command.split('"')[1]
        await lan.says(you)
        assert await lan.hears() == bot

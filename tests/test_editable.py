"""The README's first command makes a server of a fresh tree; and an editable install holds all that the tree has, the strict
one too. (tests/test_install.py is about the wheel.)

Both need the package index, hence `slow`.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from frontdesk.testing.process import free_port

ROOT = Path(__file__).parents[1]
ROOMS = {
    "server": "frontdesk",
    "config": "frontdesk.config",
    "plugins": "frontdesk.plugins",
    "admin_ui": "frontdesk.admin_ui",
}
BUILT_WITH = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
MAKE = "python3 -m venv .venv"
INSTALL = ".venv/bin/pip install -e . -c constraints.txt"
SERVE = ".venv/bin/frontdesk serve"
PATIENCE = 60.0
"""Seconds from the command to the first answer."""
PERSON = "newcomer" * 2
QUESTION, ANSWER = "How much is a check-up?", "A check-up is £58"

WHOLE = """
import importlib, sys
from importlib.resources import files
for package in sys.argv[1].split():
    importlib.import_module(package)
for name in sys.argv[2].split():
    package, _, file = name.partition("/")
    assert files(package).joinpath(file).is_file(), f"{name} is not installed"
"""
"""What an installed Frontdesk is asked: every package is imported, every file is found below its package."""


def test_the_readme_begins_with_the_command_that_is_tried_here() -> None:
    first = re.search(r"```sh\n(.+?)\n```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert first is not None
    assert first[1] == f"{MAKE} && {INSTALL} && {SERVE}"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The sources in a folder of their own, as after a download."""
    made = ("data", "build", "dist", "__pycache__", "*.egg-info")
    return Path(shutil.copytree(ROOT, tmp_path / "download", ignore=shutil.ignore_patterns(".*", *made)))


@pytest.fixture
def environment() -> dict[str, str]:
    """As a newcomer has it: `python3` is the interpreter that ours was made with, and nothing leads to our packages."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return {**kept, "PATH": f"{sys.base_prefix}/bin:{kept['PATH']}"}


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_the_first_command_answers_within_a_minute(tree: Path, environment: dict[str, str]) -> None:
    """The minute is that of a warm package cache: everything is fetched before it begins and installed from there, without
    the index, since how long fetching takes is the network's. Making the environment, building, installing, starting and the
    wait for a burst's end are in it.
    """
    fetched = tree.parent / "fetched"
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(fetched), "-c", "constraints.txt"]
    subprocess.run([*fetch, ".", *BUILT_WITH], cwd=tree, env=environment, check=True)
    environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(fetched)}
    port = free_port()
    began = time.monotonic()
    async with (
        _run(f"{MAKE} && {INSTALL} && {SERVE} --port {port}", tree, environment) as process,
        asyncio.timeout(300),
    ):
        said = await _asked(process, f"http://localhost:{port}")
    seconds = time.monotonic() - began
    print(f"from the command to the first answer: {seconds:.1f} s")
    assert ANSWER in said
    assert seconds < PATIENCE
    _is_whole(tree, environment)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_strict_editable_install_is_whole(tree: Path, environment: dict[str, str]) -> None:
    for command in (MAKE, f"{INSTALL} --quiet --config-settings editable_mode=strict"):
        subprocess.run(command.split(), cwd=tree, env=environment, check=True)
    _is_whole(tree, environment)


@asynccontextmanager
async def _run(command: str, folder: Path, environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command of the shell, ended with all that it has started."""
    process = await asyncio.create_subprocess_shell(command, cwd=folder, env=environment, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        await process.wait()


async def _asked(process: asyncio.subprocess.Process, url: str) -> str:
    """Ask on the phone in the browser; what it was told until there was an answer."""
    async with aiohttp.ClientSession(headers={"X-Frontdesk-Simulator": "1"}) as http:
        message = {"id": "message-" + "0" * 16, "from": PERSON, "kind": "text", "text": QUESTION}
        while not await _taken(http, f"{url}/webhooks/simulator/riverside-dental", message):
            assert process.returncode is None, "the command ended"
            await asyncio.sleep(0.1)
        async with http.get(f"{url}/plugins/simulator/riverside-dental/events?contact={PERSON}") as events:
            said = ""
            while ANSWER not in said:
                said += (await events.content.readline()).decode()
    return said


async def _taken(http: aiohttp.ClientSession, url: str, message: dict[str, str]) -> bool:
    with suppress(aiohttp.ClientConnectionError):
        async with http.post(url, json=message) as answer:
            assert answer.status == 204
            return True
    return False


def _is_whole(tree: Path, environment: dict[str, str]) -> None:
    """Everything is imported and found from elsewhere, and the example is right."""
    packages, names = [], []
    for folder, package in ROOMS.items():
        for path in (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            inside = path.relative_to(ROOT / folder)
            names.append(f"{package}/{inside.as_posix()}")
            if path.name == "__init__.py":
                packages.append(".".join([package, *inside.parent.parts]))
    asked = [str(tree / ".venv/bin/python"), "-c", WHOLE, " ".join(packages), " ".join(names)]
    checked = [str(tree / ".venv/bin/frontdesk"), "check", str(tree / "tenants.example.yaml")]
    for command in (asked, checked):
        subprocess.run(command, cwd=tree.parent, env=environment, check=True)

"""Real releases, built from this tree, installed by pip, and served: from one to the next, and back.

Building needs the package index (setuptools comes from there), hence `slow`. What a release requires is this environment's.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import yaml

from frontdesk.clock import SystemClock
from frontdesk.config import load
from frontdesk.store.collections import MESSAGES
from frontdesk.store.opening import open_store
from frontdesk.upgrade.gate import Gate
from frontdesk.upgrade.releases import Release, Releases

from .conftest import supervised

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
BOOKING = ROOT / "tests/plugins/projects/frontdesk-plugin-booking"
NOT_OURS = ("frontdesk", "Frontdesk", "__editable__", "_virtualenv", "pip", "distutils-precedence")
HEADERS = {"X-Frontdesk-Simulator": "1"}
PERSON, QUESTION = "somebody" * 4, "Học phí bao nhiêu ạ?"
BETWEEN = 0.1
PATIENCE = 60.0
Change = Callable[[str], str]


def copied(sources: Path, folder: Path) -> Path:
    """Without what was made there, which a build would take for part of it; and nothing is left there by the build."""
    made = ("data", "build", "dist", "releases", "__pycache__", "*.egg-info")
    return Path(shutil.copytree(sources, folder, ignore=shutil.ignore_patterns(".*", *made), symlinks=True))


def ours(folder: Path, version: str) -> Path:
    """Our own sources, as of another version."""
    copied(ROOT, folder)
    constant = folder / "server/version.py"
    constant.write_text(re.sub(r'(?<=^VERSION = ")[^"]+', version, constant.read_text("utf-8"), flags=re.MULTILINE))
    return folder


def built(folder: Path, out: Path) -> Path:
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of three releases, and of a plugin."""
    folder = tmp_path_factory.mktemp("wheels")
    sources = {version: ours(folder / version, version) for version in ("1.0", "2.0", "3.0")}
    sources["plugin"] = copied(BOOKING, folder / "plugin")
    return {name: built(source, folder / f"wheel-{name}") for name, source in sources.items()}


@pytest.fixture(scope="session")
def requirements(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what is installed here besides Frontdesk, for PYTHONPATH."""
    folder = tmp_path_factory.mktemp("requirements")
    for path in Path(aiohttp.__file__).parents[1].iterdir():
        if not path.name.startswith(NOT_OURS):
            (folder / path.name).symlink_to(path)
    return folder


def changed(wheel: Path, name: str, change: Change) -> Path:
    """The wheel with one file changed."""
    folder = wheel.parent / "changed"
    folder.mkdir(exist_ok=True)
    other = folder / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(other, "w") as new:
        for each in old.infolist():
            content = old.read(each)
            if each.filename == name:
                text = change(content.decode())
                assert text != content.decode(), name
                content = text.encode()
            new.writestr(each, content)
    return other


@dataclass
class Installed:
    """1.0, as deploy/ec2/README.md installs it, and somebody who runs it."""

    home: Path
    environment: dict[str, str]
    file: Path
    pid: int
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serves(self, version: str) -> bool:
        answer = Gate(self.url, PATIENCE).look()
        return answer is not None and answer.ready and answer.version == version

    def upgrade(self, source: Path, *more: str) -> subprocess.CompletedProcess[str]:
        command = [f"{self.home}/current/bin/frontdesk", "upgrade", str(source), "--file", str(self.file)]
        command += ["--url", self.url, "--restart", f"kill -HUP {self.pid}", *more]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300)


@pytest.fixture
def installed(tmp_path: Path, wheels: dict[str, Path], requirements: Path) -> Iterator[Installed]:
    home, desk = tmp_path / "opt", tmp_path / "desk"
    for folder in (home, desk):
        folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(requirements), "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1"}
    pip = [f"{home}/.venv/bin/python", "-m", "pip", "install", "--quiet", str(wheels["1.0"]), str(wheels["plugin"])]
    for command in ([sys.executable, "-m", "venv", f"{home}/.venv"], pip):
        subprocess.run(command, env=environment, check=True)
    (home / "current").symlink_to(".venv")
    with running(home, desk, environment) as found:
        yield found


@contextmanager
def running(home: Path, desk: Path, environment: dict[str, str]) -> Iterator[Installed]:
    file = desk / "tenants.yaml"
    tenant = {"name": "Clinic", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi"}
    tenant |= {"settle": {"quiet_seconds": 0, "fragment_seconds": 0, "media_seconds": 0}}
    tenant |= {"facts": [{"topic": "học phí", "questions": [QUESTION], "answer": "Học phí là hai triệu đồng ạ."}]}
    tenant |= {"plugins": ["simulator", "rehearsal_llm", "booking"]}
    file.write_text(yaml.safe_dump({"tenants": {"clinic": tenant}}, allow_unicode=True), "utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", environment["PYTHONPATH"])
        with supervised(home, "serve", "--bind", "fd://{fd}", str(file)) as (pid, port):
            assert Gate(f"http://127.0.0.1:{port}", PATIENCE).wait(Release(home / ".venv")) == "", log_of(home)
            yield Installed(home, environment, file, pid, port)


def log_of(home: Path) -> str:
    return (home / "server.log").read_text()[-3000:]


def test_releases_that_do_not_do_are_taken_back(installed: Installed, wheels: dict[str, Path]) -> None:
    """One that does not take the tenants file, and one that never gets ready: 1.0 serves on after both."""
    stricter = changed(
        wheels["2.0"],
        "frontdesk/plugins/simulator/__init__.py",
        lambda text: text.replace("(Settings):\n", "(Settings):\n    must_be_said: int\n", 1),
    )
    told = installed.upgrade(stricter)
    assert told.returncode == 1, told
    assert "must_be_said: missing" in told.stdout, "the problem is told as `check` tells it"
    assert "2.0 does not take the tenants file" in told.stderr and "Nothing was replaced" in told.stderr
    assert installed.serves("1.0") and not [*installed.home.glob("releases/2*")]

    never = changed(
        wheels["2.0"], "frontdesk/web/health.py", lambda text: text.replace("ready = not", "ready = False and not", 1)
    )
    told = installed.upgrade(never, "--within", "10")
    assert told.returncode == 1, told
    assert "2.0 was not accepted: not ready within 10 s" in told.stderr, told
    assert "1.0 is current again and answers" in told.stderr
    assert installed.serves("1.0")
    (backup,) = installed.file.parent.glob("data/backups/*.db")
    assert str(backup) in told.stderr


async def test_from_one_release_to_the_next_no_request_fails_and_no_answer_is_lost(
    installed: Installed, wheels: dict[str, Path]
) -> None:
    async with steady(installed) as answers:
        for source, version in ((wheels["2.0"], "2.0"), (wheels["3.0"], "3.0")):
            told = await asyncio.to_thread(installed.upgrade, source)
            assert told.returncode == 0, (told, log_of(installed.home))
            assert f"installed {version}; with it, as before: frontdesk-plugin-booking @ file" in told.stdout, told
            assert installed.serves(version)
    failed = {id: found for id, found in answers.items() if found != 204}
    assert len(answers) > 20 and not failed, log_of(installed.home)
    assert await unanswered(installed.file) == 0
    assert len([*installed.home.glob("releases/2*")]) == 2

    back = f"mv -T {installed.home}/previous {installed.home}/current && kill -HUP {installed.pid}"
    assert f"Back to 2.0: {back}" in told.stdout
    subprocess.run(["sh", "-c", back], check=True)
    gate = Gate(installed.url, PATIENCE)
    assert await asyncio.to_thread(gate.wait, Releases(installed.home).current()) == "", log_of(installed.home)
    assert installed.serves("2.0")


@asynccontextmanager
async def steady(installed: Installed) -> AsyncIterator[dict[str, object]]:
    """Somebody writes all the while: message → status, or what went wrong."""
    answers: dict[str, object] = {}
    url = f"{installed.url}/webhooks/simulator/clinic"
    async with aiohttp.ClientSession(headers=HEADERS, timeout=aiohttp.ClientTimeout(30)) as http:

        async def write(id: str) -> None:
            message = {"id": id, "from": f"{id[-4:]}{PERSON}", "kind": "text", "text": QUESTION}
            try:
                async with http.post(url, json=message) as answer:
                    answers[id] = answer.status
            except (aiohttp.ClientError, TimeoutError) as err:
                answers[id] = repr(err)

        async with asyncio.TaskGroup() as group:
            enough = asyncio.Event()

            async def keep_on() -> None:
                number = 0
                while not enough.is_set():
                    group.create_task(write(f"message-{number:016}"))
                    number += 1
                    await asyncio.sleep(BETWEEN)

            group.create_task(keep_on())
            try:
                yield answers
            finally:
                enough.set()


async def unanswered(file: Path) -> int:
    """Inbound messages that nobody has answered, once there are none or patience has ended."""
    store = open_store(load(file).store_url(), SystemClock())
    await store.open()
    try:
        for _ in range(int(PATIENCE * 10)):
            found = await store.for_tenant("clinic").find(MESSAGES, {}, limit=1000)
            waiting = [each for each in found if each.direction == "inbound" and each.state != "answered"]
            if found and not waiting:
                return 0
            await asyncio.sleep(0.1)
        return len(waiting)
    finally:
        await store.close()

"""The wheel holds all that the tree has, and serves from its own files. (The rest of the suite runs on what is installed.)

Building needs the package index (setuptools comes from there), hence `slow`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import aiohttp
import pytest

from frontdesk.testing.process import ServerProcess

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
ROOMS = {
    "server": "frontdesk",
    "config": "frontdesk/config",
    "plugins": "frontdesk/plugins",
    "admin_ui": "frontdesk/admin_ui",
}
PROGRAM = "import frontdesk, frontdesk.config, frontdesk.plugins.simulator as s; print(frontdesk.__file__, s.__file__)"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """From an sdist, as .ci/run makes it: nothing is left in the tree, and what the sdist lacks is seen."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(out), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel in it, and nothing of the tree."""
    target = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(command, check=True)
    return target


def test_the_wheel_holds_every_file_of_the_tree_and_no_other(wheel):
    there = {
        f"{package}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, package in ROOMS.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == there


def test_it_is_imported_from_its_own_files(installed):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert all(path.startswith(str(installed)) for path in run.stdout.split())


async def test_it_serves_pages_and_static_files_from_its_own_files(installed, tmp_path):
    tenant = {
        "name": "Clinic",
        "time_zone": "Asia/Ho_Chi_Minh",
        "language": "vi",
        "plugins": ["simulator", "rehearsal_llm"],
    }
    wheel = {"PYTHONPATH": str(installed)}
    async with ServerProcess(tmp_path, {"clinic": tenant}, environment=wheel, fresh=True) as process:
        await process.start()
        async with aiohttp.ClientSession() as http:
            found = {}
            for page in ("/", "/plugins/simulator/clinic/"):
                async with http.get(f"{process.url}{page}") as answer:
                    assert answer.status == 200, page
                    found[page] = await answer.text()
            static = [
                link for text in found.values() for link in re.findall(r'(?:src|href)="(/[^"]*static/[^"]+)"', text)
            ]
            assert static
            for link in static:
                async with http.get(f"{process.url}{link}") as answer:
                    assert answer.status == 200, link


def test_the_command_line_of_the_wheel_checks_the_example(installed):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "frontdesk", "check", str(ROOT / "tenants.example.yaml")]
    checked = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr

"""The tutorial, done as a reader does it: every command is run, every edit made, and what is printed compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from frontdesk.testing.process import free_port

from .conftest import Page

START_SECONDS = 30


class Reader:
    """Somebody in a terminal, and a second terminal for the server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.printed = ""
        self.conversation = ""
        self._environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONUTF8": "1",
        }

    def types(self, command: str, code: int) -> None:
        """Run one line of a block; `cd` stays in force, ID is the conversation that was listed last."""
        if command.startswith("cd "):
            self.folder /= command.removeprefix("cd ")
            return
        ended = subprocess.run(
            re.sub(r"\bID\b", self.conversation, command),
            shell=True,
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        assert ended.returncode == code, f"{command}: {ended.returncode}: {ended.stdout}{ended.stderr}"
        self.printed += ended.stdout + ended.stderr
        if listed := re.search(r"^\S+ +([0-9a-f]{24}) ", ended.stdout, re.MULTILINE):
            self.conversation = listed[1]

    def edits(self, name: str, diff: str) -> None:
        """Replace the lines with a minus by those with a plus."""
        old, new = ([line[1:] for line in diff.splitlines() if line[0] == mark] for mark in "-+")
        path = self.folder / name
        text = path.read_text("utf-8")
        assert text.count("\n".join(old)) == 1, f"{name} has no such lines to edit (or more than one):\n{diff}"
        path.write_text(text.replace("\n".join(old), "\n".join(new)), "utf-8")

    def appends(self, name: str, text: str) -> None:
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(text)

    @contextmanager
    def beside(self, command: str) -> Iterator[None]:
        """The second terminal: a server on a free port, in place of the one that the tenants file names."""
        log = self.folder / "serve.log"
        with log.open("wb") as output:
            arguments = [*command.split(), "--port", str(free_port())]
            process = subprocess.Popen(
                arguments,
                cwd=self.folder,
                env=self._environment,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )
        try:
            ends = time.monotonic() + START_SECONDS
            while "Ctrl-C stops it." not in log.read_text("utf-8"):
                assert process.poll() is None and time.monotonic() < ends, log.read_text("utf-8")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)

    def saw(self, expected: str) -> None:
        """What was printed since the last look is what the page shows; `…` stands for anything on its line, and alone on a
        line for any number of lines."""
        printed = "".join(re.sub(r" +", " ", line.rstrip()) + "\n" for line in self.printed.splitlines())
        wanted = [re.sub(r"\s*…\s*", "…", re.sub(r" +", " ", line)) for line in expected.splitlines()]
        pattern = "".join(
            r"(?:.*\n)*" if line == "…" else ".*".join(re.escape(part) for part in line.split("…")) + r"\n"
            for line in wanted
        )
        assert re.fullmatch(pattern, printed), f"the page shows\n{expected}\nprinted was\n{self.printed}"
        self.printed = ""


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_reader_who_follows_the_tutorial_sees_what_it_shows(tmp_path: Path, page: Callable[[str], Page]) -> None:
    reader = Reader(tmp_path)
    with ExitStack() as second_terminal:
        for block in page("tutorial/first-conversation.md").blocks():
            match block.kind, block.mark.split():
                case "sh", ["not", "run:", _, *_]:
                    continue
                case "sh", ["runs", "beside", "the", "rest"]:
                    second_terminal.enter_context(reader.beside(block.body))
                case "sh", []:
                    _type(reader, block.body, 0)
                case "sh", ["exits", "with", code]:
                    _type(reader, block.body, int(code))
                case "diff", ["edit", name]:
                    reader.edits(name, block.body)
                case "yaml", ["append", "to", name]:
                    reader.appends(name, block.body)
                case "text", []:
                    reader.saw(block.body)
                case _:
                    pytest.fail(f"what is a reader to do with this? {block}")
    assert not reader.printed, "the last commands print something that the page does not show"


def _type(reader: Reader, body: str, code: int) -> None:
    assert not reader.printed, f"the page does not show what the commands before printed: {reader.printed}"
    for line in body.splitlines():
        reader.types(line, code)

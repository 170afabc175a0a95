"""Bad usage, and mistakes that stop a command: one line each, never a page of usage or a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from frontdesk.cli import cli, main
from frontdesk.version import VERSION


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["serv"], "frontdesk: no such command 'serv'; did you mean serve?"),
        (
            ["zzz"],
            f"frontdesk: no such command 'zzz'; there is {', '.join(sorted(cli.commands))}",
        ),
        (["parked", "replai"], "frontdesk parked: no such command 'replai'; did you mean replay?"),
        (["chat"], "frontdesk chat: missing argument 'TENANT'; see frontdesk chat --help"),
        (["serve", "--prt", "1"], "frontdesk serve: no such option '--prt'; did you mean --port?"),
        (["serve", "--prot", "1"], "frontdesk serve: no such option '--prot'; did you mean --port?"),
        (["serve", "--zzz"], "frontdesk serve: no such option '--zzz'; see frontdesk serve --help"),
        (["serve", "--port", "abc"], "frontdesk serve: --port: found 'abc'; write a whole number from 0 to 65535"),
        (["serve", "--port", "99999"], "frontdesk serve: --port: found '99999'; write a whole number from 0 to 65535"),
        (
            ["conversations", "why", "x", "--turn", "0"],
            "frontdesk conversations why: --turn: found '0'; write a whole number of 1 or more",
        ),
        (
            ["serve", "--bind", "nonsense"],
            "frontdesk serve: --bind: found 'nonsense'; write host:port, e.g. 127.0.0.1:8000 (or fd://3, or "
            "unix:/run/frontdesk.sock)",
        ),
        (
            ["check", "s3://my-config/desk/"],
            "frontdesk check: file: found 's3://my-config/desk/', which names no object; one object is read, not what is "
            "below a prefix: write s3://my-config/desk/tenants.yaml",
        ),
        (
            ["parked", "--file", "s3:/my-config/tenants.yaml"],
            "frontdesk parked list: --file: found 's3:/my-config/tenants.yaml', which is no object in S3; write "
            "s3://BUCKET/KEY?region=ap-southeast-1",
        ),
        (["serve", "--host"], "frontdesk serve: --host needs a value; see frontdesk serve --help"),
        (
            ["conversations", "say", "x", "y", "--as"],
            "frontdesk conversations say: --as needs a value; see frontdesk conversations say --help",
        ),
        (["check", "a", "b"], "frontdesk check: got unexpected extra argument (b); see frontdesk check --help"),
        (["parked", "replay"], "frontdesk parked replay: name one ID, or say --all; `frontdesk parked` lists the ids"),
        (["conversations", "say", "x", " "], "frontdesk conversations say: there is nothing to say: the text is empty"),
    ],
)
def test_bad_usage_gets_one_clear_line(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", line + "\n")


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Commands: serve Run the server." in said
    assert "file, line, tenant, key, what was found, what would be right" in said, "whole sentences"


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"frontdesk {VERSION}\n"


def test_without_a_tenants_file_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["serve"]) == 1
    assert "`frontdesk init` writes one" in capsys.readouterr().err


def test_python_m_frontdesk_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "frontdesk", "serv"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (2, "frontdesk: no such command 'serv'; did you mean serve?\n")

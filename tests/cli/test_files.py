"""Which tenants file a command works on: one that is named, one that is here, or an object in S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from frontdesk.cli import cli, files
from frontdesk.config import Remote
from frontdesk.errors import StartupError
from frontdesk.sources import Location, SourceAway

from .conftest import Run


def arguments(command: click.Command) -> list[click.Parameter]:
    """Where the command, or one below it, takes a tenants file."""
    found = [each for each in command.params if each.name == "path" or (each.name, command.name) in OF_A_NAME]
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return [*found, *(each for one in below for each in arguments(one))]


OF_A_NAME = {("file", "serve"), ("file", "check")}


def test_every_command_that_takes_a_tenants_file_takes_an_address_as_it_is_written():
    taken = arguments(cli)
    assert len(taken) > 20
    address = "s3://my-config/desk/tenants.yaml?region=ap-southeast-1"
    assert {str(each.type.convert(address, each, None)) for each in taken} == {address}
    assert {each.type.convert("desk/tenants.yaml", each, None) for each in taken} == {Path("desk/tenants.yaml")}


def test_commands_read_an_object_in_s3_and_name_it_and_the_line_of_a_problem(
    frontdesk: Run, example: dict[str, Any], bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example["server"] = {"data_dir": f"{tmp_path}/kept", "store": f"sqlite:///{tmp_path}/kept/frontdesk.db"}
    bucket.put(yaml.safe_dump(example, sort_keys=False))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "no AWS credentials" in frontdesk("check", bucket.address()).stderr
    (tmp_path / ".env").write_text("AWS_ACCESS_KEY_ID=of-the-working-directory")
    good = frontdesk("check", bucket.address())
    assert (good.returncode, good.stderr) == (0, ""), good
    assert f"OK: {bucket.address()}: 2 tenants" in good.stdout
    listed = frontdesk("tenants", "--file", bucket.address())
    assert listed.returncode == 0 and "lotus-school" in listed.stdout
    assert (tmp_path / "kept" / "frontdesk.db").exists()
    assert "lotus-school" in frontdesk("plugins", "--file", bucket.address()).stdout

    name = f"s3://{bucket.name}/tenants.yaml"
    bucket.put("server: {data_dir: data}\ntenants:\n  shop: {nam: x}")
    bad = frontdesk("check", bucket.address())
    assert bad.returncode == 1
    lines = bad.stdout.splitlines()
    assert {f"{name}:1: server.store", f"{name}:1: server.data_dir"} < {":".join(line.split(":")[:4]) for line in lines}
    assert f"{name}:3: tenant shop: nam: unknown key; did you mean name?" in lines
    assert frontdesk("serve", bucket.address()).stderr.splitlines() == lines


def test_an_object_that_is_not_there_is_one_problem_and_stops_a_start_at_once(frontdesk: Run, bucket: Any) -> None:
    problem = f"s3://{bucket.name}/tenants.yaml: no such object; "
    found = frontdesk("check", bucket.address())
    assert found.returncode == 1 and found.stdout.startswith(problem) and "1 problem" in found.stderr
    refused = frontdesk("serve", bucket.address())
    assert refused.returncode == 1 and refused.stderr.startswith(problem) and refused.stderr.count("\n") == 1


def test_a_service_that_is_away_is_one_line(frontdesk: Run, bucket: Any, unused_tcp_port: int) -> None:
    nowhere = bucket.address().replace(bucket.service.url, f"http://127.0.0.1:{unused_tcp_port}")
    for command in (["check", nowhere], ["conversations", "--file", nowhere]):
        away = frontdesk(*command)
        assert away.returncode == 1 and away.stderr.count("\n") == 1
        assert away.stderr.startswith(f"{nowhere}: Could not connect to the endpoint")


def away_for(times: int, **more: Any) -> Any:
    """A fetch that has an answer only then."""
    left = [times]

    def fetch(path: Location) -> Remote:
        left[0] -= 1
        if left[0] >= 0:
            raise SourceAway("Could not connect", **more)
        return Remote("there", b"", str(path))

    return fetch


def test_a_start_waits_for_a_service_that_is_away_and_not_for_what_a_person_must_mend(monkeypatch, capsys):
    monkeypatch.setattr(files, "PAUSE", 0.01)
    monkeypatch.setattr(files, "fetch", away_for(2))
    assert str(files.fetched(Path("x"), patience=30)) == "there"
    told = capsys.readouterr().err.splitlines()
    assert [line.rpartition(" for ")[0] for line in told] == ["x: Could not connect; it is tried again"] * 2
    monkeypatch.setattr(files, "fetch", away_for(1000))
    with pytest.raises(StartupError, match=r"^x: Could not connect$"):
        files.fetched(Path("x"), patience=0.05)
    monkeypatch.setattr(files, "fetch", away_for(1, lasting=True))
    with pytest.raises(StartupError, match=r"^x: Could not connect$"):
        files.fetched(Path("x"), patience=30)

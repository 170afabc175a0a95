"""`frontdesk check`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from frontdesk.config import Problem

from .conftest import EXAMPLE, Run


def test_a_good_file_is_said_to_be_good(frontdesk: Run) -> None:
    done = frontdesk("check", str(EXAMPLE))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"OK: {EXAMPLE}: 2 tenants, 3 plugins, ")


def test_a_tenant_without_a_model_is_pointed_out(frontdesk: Run, tmp_path: Path) -> None:
    text = EXAMPLE.read_text("utf-8")
    (tmp_path / "quiet.yaml").write_text(text.replace("- rehearsal_llm", "", 1), "utf-8")
    done = frontdesk("check", "quiet.yaml")
    assert done.returncode == 0
    note, ok = done.stdout.splitlines()
    assert note.startswith("Note: tenant ") and "list a model" in note and ok.startswith("OK: ")


def test_a_tenant_to_which_nobody_can_write_is_pointed_out(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    example["tenants"]["lotus-school"]["plugins"] = ["rehearsal_llm"]
    write(example)
    note, ok = frontdesk("check").stdout.splitlines()
    assert note.startswith("Note: tenant lotus-school: it has no channel") and ok.startswith("OK: ")


def test_a_server_on_the_internet_whose_proxy_nobody_has_named_is_pointed_out(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    example["server"]["public_url"] = "https://desk.example.com"
    write(example)
    note, ok = frontdesk("check").stdout.splitlines()
    assert note.startswith("Note: ") and "server.trusted_proxies" in note and ok.startswith("OK: ")
    example["server"]["trusted_proxies"] = ["127.0.0.2"]
    write(example)
    assert frontdesk("check").stdout.startswith("OK: ")


def test_every_problem_is_told_at_once_each_on_its_line(frontdesk: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "server: {bnd: x}\n"
        "tenants:\n"
        "  clinic:\n"
        "    name: Clinic\n"
        "    time_zone: Europe/Lodon\n"
        "    language: en\n"
        "    plugins:\n"
        "      - simulatr\n",
        "utf-8",
    )
    (tmp_path / ".env").write_text("TOKEN=1\nnot a line\n", "utf-8")
    done = frontdesk("check", "bad.yaml")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        str(tmp_path / ".env") + ":2",
        "bad.yaml:1",
        "bad.yaml:5",
        "bad.yaml:8",
    ]
    assert "server.bnd" in lines[1] and "bind" in lines[1]
    assert "tenant clinic: time_zone" in lines[2] and "Europe/London" in lines[2]
    assert "tenant clinic: plugins[0]: plugin simulatr" in lines[3]
    assert done.stderr == "bad.yaml: 4 problems\n"


def test_a_plugin_that_is_not_installed_is_told_with_the_nearest(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    example["tenants"]["lotus-school"]["plugins"] = ["simulatr"]
    write(example)
    done = frontdesk("check")
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert line.endswith("plugin simulatr is not installed; did you mean simulator?")
    assert "tenant lotus-school: plugins[0]" in line


def test_a_file_that_is_not_there_is_one_problem(frontdesk: Run) -> None:
    done = frontdesk("check", "nope.yaml")
    assert (done.returncode, done.stdout) == (1, f"{Problem('nope.yaml', 0, '', '', 'no such file', _RIGHT)}\n")


def test_secrets_are_looked_up_only_when_asked(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path], tmp_path: Path
) -> None:
    twilio = {
        "account_sid": f"AC{'0' * 32}",
        "auth_token": {"env": "NOT_SET_ANYWHERE"},
        "previous_auth_token": {"file": "secrets/old"},
        "numbers": ["whatsapp:+14155238886"],
    }
    example["tenants"]["riverside-dental"]["plugins"].append({"twilio_whatsapp": twilio})
    write(example)
    assert frontdesk("check").returncode == 0, "a laptop has no secrets"

    done = frontdesk("check", "--resolve")
    first, second = done.stdout.splitlines()
    where = "tenant riverside-dental: plugins[3].twilio_whatsapp"
    assert f"{where}.auth_token: the environment variable NOT_SET_ANYWHERE is not set; set it" in first
    assert f"{where}.previous_auth_token: the secret file {tmp_path / 'secrets' / 'old'} cannot be read" in second
    assert (done.returncode, done.stderr) == (1, "tenants.yaml: 2 problems\n")

    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "old").write_text("an-old-token\n", "utf-8")
    (tmp_path / ".env").write_text("NOT_SET_ANYWHERE=a-token\n", "utf-8")
    done = frontdesk("check", "--resolve")
    assert (done.returncode, done.stderr) == (0, "")
    assert "a-token" not in done.stdout


_RIGHT = "`frontdesk init` writes one to start from"


def test_the_schema_for_editors_is_json_and_names_every_plugin(frontdesk: Run) -> None:
    done = frontdesk("schema")
    assert (done.returncode, done.stderr) == (0, "")
    items = json.loads(done.stdout)["$defs"]["TenantConfig"]["properties"]["plugins"]["items"]
    assert {"simulator", "twilio_whatsapp"} <= set(items["anyOf"][0]["enum"])

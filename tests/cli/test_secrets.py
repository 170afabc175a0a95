"""`frontdesk secrets`, and what refers to a stored secret."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frontdesk.cli import main
from frontdesk.services.secrets import new_key

from .conftest import Run

VALUE = "hunter2"


@pytest.fixture
def keys(tmp_path: Path, example: dict[str, Any], write: Callable[..., Path]) -> Callable[..., None]:
    write(example)

    def keys(*keys: str) -> None:
        (tmp_path / ".env").write_text(f"FRONTDESK_SECRET_KEYS={','.join(keys)}\n", "utf-8")

    return keys


def test_what_init_writes_can_keep_a_secret_that_a_setting_refers_to(
    frontdesk: Run, tmp_path: Path, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    assert frontdesk("init").returncode == 0
    twilio = {
        "account_sid": f"AC{'0' * 32}",
        "auth_token": {"stored": "TWILIO_TOKEN"},
        "numbers": ["whatsapp:+14155238886"],
    }
    example["tenants"]["riverside-dental"]["plugins"].append({"twilio_whatsapp": twilio})
    write(example)
    missing = frontdesk("check", "--resolve")
    assert missing.returncode == 1
    assert "auth_token: tenant riverside-dental has no stored secret TWILIO_TOKEN; `frontdesk secrets" in missing.stdout

    done = frontdesk("secrets", "set", "riverside-dental", "TWILIO_TOKEN", "--as", "lan", stdin=f"{VALUE}\n")
    assert done.stdout == "stored TWILIO_TOKEN of riverside-dental; settings refer to it as {stored: TWILIO_TOKEN}\n"
    resolved = frontdesk("check", "--resolve")
    assert (resolved.returncode, VALUE in resolved.stdout) == (0, False)
    heads, line = frontdesk("secrets").stdout.splitlines()
    assert heads.split()[:2] == ["TENANT", "NAME"]
    assert line.split()[:2] == ["riverside-dental", "TWILIO_TOKEN"] and line.endswith("lan")
    del example["tenants"]["riverside-dental"]["plugins"][-1]
    write(example)
    assert frontdesk("secrets", "delete", "riverside-dental", "TWILIO_TOKEN").returncode == 0
    assert frontdesk("secrets", "list").stdout == "No secret is stored.\n"
    again = frontdesk("secrets", "delete", "riverside-dental", "TWILIO_TOKEN")
    assert again.returncode == 1 and again.stderr.count("\n") == 1


def test_a_secret_that_something_refers_to_is_deleted_only_by_force(
    tmp_path: Path, example: dict[str, Any], write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRONTDESK_SECRET_KEYS", new_key())

    def frontdesk(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(VALUE))
        code = main(arguments)
        said = capsys.readouterr()
        return code, said.err + said.out

    dental = example["tenants"]["riverside-dental"]["plugins"]
    twilio: dict[str, Any] = {"account_sid": f"AC{'0' * 32}", "numbers": ["whatsapp:+14155238886"]}
    twilio |= {"auth_token": {"stored": "NEW"}, "previous_auth_token": {"stored": "OLD"}}
    dental.append({"twilio_whatsapp": twilio})
    write(example)
    for name in ("NEW", "OLD", "OTHER"):
        assert frontdesk("secrets", "set", "riverside-dental", name)[0] == 0
    code, said = frontdesk("secrets", "delete", "riverside-dental", "OLD")
    assert code == 1 and said.count("\n") == 2
    assert re.search(
        r"^tenants\.yaml:\d+: tenant riverside-dental: plugins\[3\]\.twilio_whatsapp\.previous_auth_token: ", said
    )
    assert "OLD of riverside-dental was not deleted: take that away first, or say --force" in said

    key = "plugins.twilio_whatsapp.previous_auth_token"
    assert frontdesk("overlay", "set", "riverside-dental", key, "{stored: OTHER}")[0] == 0
    code, said = frontdesk("secrets", "delete", "riverside-dental", "OTHER")
    assert code == 1 and f"stored changes: tenant riverside-dental: {key}: refers to OTHER; frontdesk overlay" in said
    assert "NEW" in frontdesk("secrets")[1] and "OTHER" in frontdesk("secrets")[1]

    assert frontdesk("overlay", "revert", "riverside-dental", key)[0] == 0
    assert frontdesk("secrets", "delete", "riverside-dental", "OTHER") == (0, "deleted OTHER of riverside-dental\n")
    code, said = frontdesk("secrets", "delete", "riverside-dental", "OLD", "--force")
    assert code == 0 and "previous_auth_token: refers to OLD" in said
    assert said.endswith("deleted OLD of riverside-dental; what refers to it does not work any more\n")
    assert "OLD" not in frontdesk("secrets")[1]


def test_a_rotation_says_what_it_did_and_a_key_that_is_missing_is_one_line(frontdesk: Run, keys) -> None:
    old, new = new_key(), frontdesk("secrets", "key").stdout.strip()
    keys(old)
    assert frontdesk("secrets", "set", "riverside-dental", "TOKEN", stdin=VALUE).returncode == 0
    keys(new)
    refused = frontdesk("secrets", "rotate")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "no key fits TOKEN of riverside-dental: add the key it was encrypted with" in refused.stderr
    keys(new, old)
    assert frontdesk("secrets", "rotate").stdout == (
        "riverside-dental: 1 encrypted with the first key, 0 were so already\nThe other keys are not needed any more.\n"
    )
    keys("nonsense")
    broken = frontdesk("secrets", "set", "riverside-dental", "TOKEN", stdin=VALUE)
    assert (broken.returncode, broken.stderr.count("\n")) == (1, 1)
    assert "is no key; write keys as `frontdesk secrets key` prints them" in broken.stderr


def test_a_tenant_or_a_name_that_cannot_be_is_told_before_anything_is_stored(frontdesk: Run, keys) -> None:
    keys(new_key())
    nobody = frontdesk("secrets", "set", "riverside-dentl", "TOKEN", stdin=VALUE)
    assert nobody.returncode == 2 and "did you mean riverside-dental?" in nobody.stderr
    name = frontdesk("secrets", "set", "riverside-dental", "token", stdin=VALUE)
    assert name.returncode == 2 and "is no name of a stored secret" in name.stderr
    assert VALUE not in nobody.stderr + name.stderr
    assert frontdesk("secrets").stdout == "No secret is stored.\n"


def test_the_keys_may_be_in_aws(
    tmp_path: Path, example: dict[str, Any], write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    keys = new_key()
    monkeypatch.setattr("frontdesk.aws.secrets.read_secret", lambda name: {"desk/keys": keys}[name])
    example.setdefault("server", {})["secret_keys"] = {"aws_secret": "desk/keys"}
    path = write(example)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{VALUE}\n"))
    assert main(("secrets", "set", "riverside-dental", "TOKEN", "--file", str(path))) == 0
    assert main(("secrets", "rotate", "--file", str(path))) == 0
    assert "riverside-dental: 0 encrypted with the first key, 1 were so already" in capsys.readouterr().out

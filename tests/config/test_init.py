"""`frontdesk init`: a start that loads, secrets only its owner can read, nothing overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from frontdesk.config import ConfigError, load, load_env, write_init


def test_what_it_writes_loads_and_refers_to_what_the_env_file_names(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("FRONTDESK_SECRET_KEYS", "")  # load_env sets it only if it is not set: so it is taken back
    monkeypatch.delenv("FRONTDESK_SECRET_KEYS")
    folder = tmp_path / "new"
    assert write_init(folder) == [folder / "tenants.yaml", folder / ".env"]
    assert [entry.name for entry in load(folder / "tenants.yaml").tenants["my-business"].plugins] == [
        "simulator",
        "rehearsal_llm",
    ]
    assert load_env(folder) == folder / ".env"
    env = (folder / ".env").read_text()
    (key,) = (line for line in env.splitlines() if line and not line.startswith("#"))
    name, _, value = key.partition("=")
    assert name == "FRONTDESK_SECRET_KEYS" and Fernet(value)
    write_init(tmp_path / "other")
    assert key not in (tmp_path / "other" / ".env").read_text(), "each installation has a key of its own"
    assert "TWILIO_AUTH_TOKEN" in env
    assert "{env: TWILIO_AUTH_TOKEN}" in (folder / "tenants.yaml").read_text()


def test_the_env_file_is_its_owners_only(tmp_path: Path) -> None:
    write_init(tmp_path)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("KEEP=1\n")
    with pytest.raises(ConfigError) as caught:
        write_init(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/.env: is there already; move it away, or use --force, which keeps it as a .bak file"
    )
    assert (tmp_path / ".env").read_text() == "KEEP=1\n"
    assert not (tmp_path / "tenants.yaml").exists()


def test_force_keeps_the_old_files_beside_the_new_ones(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("KEEP=1\n")
    (tmp_path / ".env").chmod(0o644)
    write_init(tmp_path, force=True)
    assert (tmp_path / ".env.bak").read_text() == "KEEP=1\n"
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert load(tmp_path / "tenants.yaml").tenants

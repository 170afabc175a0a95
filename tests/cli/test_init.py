"""`frontdesk init`."""

from __future__ import annotations

from pathlib import Path

from .conftest import Run


def test_what_it_writes_passes_the_check(frontdesk: Run, tmp_path: Path) -> None:
    assert frontdesk("init", "shop").returncode == 0
    assert (tmp_path / "shop" / ".env").stat().st_mode & 0o777 == 0o600
    assert frontdesk("check", "shop/tenants.yaml").returncode == 0


def test_it_never_overwrites_unless_forced(frontdesk: Run, tmp_path: Path) -> None:
    (tmp_path / "tenants.yaml").write_text("mine", "utf-8")
    refused = frontdesk("init")
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert (tmp_path / "tenants.yaml").read_text("utf-8") == "mine"
    assert frontdesk("init", "--force").returncode == 0
    assert (tmp_path / "tenants.yaml.bak").read_text("utf-8") == "mine"


def test_a_folder_that_cannot_be_made_is_one_line(frontdesk: Run) -> None:
    done = frontdesk("init", "/proc/nowhere")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "/proc/nowhere" in done.stderr

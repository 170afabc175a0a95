"""`frontdesk plugins`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from frontdesk.quarantine import Quarantine

from .conftest import Run


def test_it_lists_hooks_distribution_and_the_tenants_that_use_each(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    write(example)
    listed = {plugin["name"]: plugin for plugin in json.loads(frontdesk("plugins", "--json").stdout)}
    assert listed["rehearsal_llm"]["hooks"] == ["think"]
    assert listed["rehearsal_llm"]["tenants"] == ["lotus-school", "riverside-dental"]
    assert listed["twilio_whatsapp"]["tenants"] == []
    assert listed["twilio_whatsapp"]["distribution"].startswith("frontdesk ")


def test_without_a_tenants_file_the_installed_ones_are_listed_all_the_same(frontdesk: Run) -> None:
    done = frontdesk("plugins")
    assert done.returncode == 0
    assert "simulator" in done.stdout
    assert "no tenants" in done.stderr


def test_a_quarantined_plugin_is_shown_with_its_reason_and_can_be_released(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path], tmp_path: Path
) -> None:
    write(example)
    Quarantine(tmp_path / "data").add("lotus-school", "simulator", "send blocked the server for 30 s")
    assert "simulator for lotus-school: send blocked the server for 30 s" in frontdesk("plugins").stdout
    assert frontdesk("plugins", "release", "lotus-school", "simulator").returncode == 0
    assert Quarantine(tmp_path / "data").reasons("lotus-school") == {}
    again = frontdesk("plugins", "release", "lotus-school", "simulator")
    assert again.returncode == 1
    assert "simulator is not quarantined for lotus-school" in again.stderr


def test_an_unknown_tenant_is_told_with_the_nearest(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    write(example)
    done = frontdesk("plugins", "release", "lotus-scool", "simulator")
    assert done.returncode == 2
    assert "did you mean lotus-school?" in done.stderr

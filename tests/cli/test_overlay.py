"""`frontdesk overlay`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from .conftest import Run


def test_a_setting_is_changed_shown_checked_exported_and_reverted(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    write(example)
    tenant = "riverside-dental"
    assert frontdesk("overlay", "set", tenant, "persona.name", "Minh Đức", "--as", "lan").returncode == 0
    heads, line = frontdesk("overlay").stdout.splitlines()
    assert heads.split()[:3] == ["TENANT", "KEY", "VALUE"]
    assert line.split("  ")[:3] == [tenant, "persona.name", '"Minh Đức"'] and line.endswith("lan")
    checked = frontdesk("check", "--effective")
    assert checked.returncode == 0
    assert f"Note: tenant {tenant}: persona.name is shadowed by what lan has stored" in checked.stdout
    exported = yaml.safe_load(frontdesk("overlay", "export", tenant).stdout)
    example["tenants"][tenant] = exported[tenant]
    assert exported[tenant]["persona"]["name"] == "Minh Đức"
    write(example, "exported.yaml")
    assert frontdesk("check", "exported.yaml").returncode == 0

    refused = frontdesk("overlay", "set", tenant, "time_zone", "Europe/Lodon")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "tenant riverside-dental: time_zone" in refused.stderr and "Europe/London" in refused.stderr

    assert frontdesk("overlay", "revert", tenant, "persona.name").returncode == 0
    assert frontdesk("overlay").stdout == "Nothing stands before the file.\n"
    assert "reverted" in frontdesk("overlay", "show", tenant, "--history").stdout
    again = frontdesk("overlay", "revert", tenant, "persona.name")
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)

"""`frontdesk tenants`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .conftest import Run


def listed(frontdesk: Run) -> dict[str, list[str]]:
    _, *lines = frontdesk("tenants").stdout.splitlines()
    return {line.split()[0]: line.split()[1:] for line in lines if len(line.split()) == 4}


def test_a_suspended_tenant_is_listed_and_purged_and_nobody_else(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    file = write(example)
    for tenant in ("lotus-school", "riverside-dental"):
        assert frontdesk("chat", tenant, stdin="Hello?\n").returncode == 0
    media = file.parent / "data" / "media"
    for tenant in ("lotus-school", "lotus-school-2"):
        (media / tenant).mkdir(parents=True)
        (media / tenant / ("a" * 64)).write_bytes(b"a picture")
        (media / tenant / ("a" * 64 + ".type")).write_text("image/png")
    assert {id: cells[:2] for id, cells in listed(frontdesk).items()} == {
        "lotus-school": ["declared", "1"],
        "riverside-dental": ["declared", "1"],
    }
    refused = frontdesk("tenants", "purge", "lotus-school", "--yes")
    assert (refused.returncode, refused.stderr) == (
        1,
        "frontdesk tenants purge: lotus-school is in tenants.yaml; take it out first, which suspends it\n",
    )

    del example["tenants"]["lotus-school"]
    write(example)
    assert listed(frontdesk)["lotus-school"][:2] == ["suspended", "1"]
    kept = frontdesk("tenants", "purge", "lotus-school", stdin="n\n")
    assert (kept.returncode, kept.stdout) == (1, "nothing was deleted\n")
    assert "Delete lotus-school for good? It has 1 conversations" in kept.stderr
    assert listed(frontdesk)["lotus-school"][:2] == ["suspended", "1"]

    done = frontdesk("tenants", "purge", "lotus-school", "--yes")
    assert done.returncode == 0 and "1 media" in done.stdout and "1 conversations" in done.stdout
    assert {id: cells[:2] for id, cells in listed(frontdesk).items()} == {"riverside-dental": ["declared", "1"]}
    assert [folder.name for folder in media.iterdir()] == ["lotus-school-2"]
    again = frontdesk("tenants", "purge", "lotus-school", "--yes")
    assert (again.returncode, again.stdout) == (0, "nothing is stored of 'lotus-school'; suspended: there is none\n")

"""`frontdesk contacts`: one contact is shown, exported and erased, by id or by number."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .conftest import Run

TENANT = "riverside-dental"


def test_one_contact_is_shown_exported_and_erased(
    frontdesk: Run, example: dict[str, Any], write: Callable[[dict[str, Any]], Path]
) -> None:
    write(example)
    for name in ("lan", "minh"):
        frontdesk("chat", TENANT, "--as", name, stdin=f"Xin chào, em là {name}\n")
    lines = frontdesk("conversations").stdout.splitlines()
    listed = {name: line.split()[1] for name in ("lan", "minh") for line in lines if f" {name} " in line}
    id = listed["lan"]

    shown = frontdesk("contacts", "show", TENANT, id[:10]).stdout
    assert f"id            {id}\n" in shown and "name          lan\n" in shown and "2 messages" in shown
    told = json.loads(frontdesk("contacts", "export", TENANT, id).stdout)
    assert [m["text"] for m in told["messages"] if m["direction"] == "inbound"] == ["Xin chào, em là lan"]

    refused = frontdesk("contacts", "erase", TENANT, id, stdin="n\n")
    assert (refused.returncode, refused.stdout) == (1, "nothing was erased\n")
    assert refused.stderr.startswith("Erase lan of riverside-dental for good, with 2 messages?")
    erased = frontdesk("contacts", "erase", TENANT, id, stdin="y\n")
    assert (erased.returncode, erased.stdout) == (0, f"erased {id}\n"), erased.stderr
    left = frontdesk("conversations").stdout
    assert id not in left and listed["minh"] in left
    again = frontdesk("contacts", "erase", TENANT, id, "--yes")
    assert again.returncode == 1
    listing = f"`frontdesk conversations --tenant {TENANT}` lists them"
    assert again.stderr == f"frontdesk contacts erase: there is no contact {id} at {TENANT}; {listing}\n"
    assert "chào" in frontdesk("chat", TENANT, "--as", "lan", stdin="Chào em\n").stdout.partition("you:")[2]

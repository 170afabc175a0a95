"""`frontdesk parked`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .conftest import Run


def test_a_parked_turn_is_listed_and_answered_after_a_replay(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    tenant = example["tenants"]["riverside-dental"]
    tenant["plugins"] = ["simulator"]  # no model: nobody can answer
    write(example)
    assert "(a person is called;" in frontdesk("chat", "riverside-dental", stdin="Where are you?\n").stdout

    heads, line = frontdesk("parked").stdout.splitlines()
    assert heads.split() == ["TENANT", "ID", "WHAT", "CONVERSATION", "SINCE", "WHY"]
    turn = line.split()[1]
    assert line.split()[:3] == ["riverside-dental", turn, "turn"]
    assert frontdesk("parked", "--tenant", "lotus-school").stdout == "Nothing is parked.\n"

    tenant["plugins"] = ["simulator", "rehearsal_llm"]
    write(example)
    of = ("--tenant", "riverside-dental", "--as", "lan")
    assert frontdesk("conversations", "take", turn[:8], *of).returncode == 0
    refused = frontdesk("parked", "replay", turn)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"frontdesk parked replay: {turn} of riverside-dental is not replayed: operator:lan answers conversation "
        f"{turn.partition('.')[0]}; --take takes it from them\n"
    )
    assert frontdesk("parked", "replay", "--all").returncode == 1
    assert "operator:lan" in frontdesk("conversations").stdout, "it is still theirs"

    done = frontdesk("parked", "replay", turn[:8], "--take")
    assert done.stdout == f"replayed {turn} of riverside-dental\n"
    heard = frontdesk("chat", "riverside-dental", stdin="Hello?\n").stdout
    assert "Grace: " in heard
    assert frontdesk("parked").stdout == "Nothing is parked.\n"


def test_an_id_that_is_not_parked_is_one_line(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    write(example)
    done = frontdesk("parked", "replay", "nope")
    assert (done.returncode, done.stderr) == (
        1,
        "frontdesk parked replay: nothing parked has the id 'nope'; `frontdesk parked` lists what is\n",
    )
    assert frontdesk("parked", "replay", "--all").stdout == "Nothing is parked.\n"


def test_only_a_message_in_the_list_can_be_dismissed(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    write(example)
    done = frontdesk("parked", "dismiss", "nope")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("frontdesk parked dismiss: no message in the list has the id 'nope'; ")

"""`frontdesk chat`: the whole server in a process, without a listener."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frontdesk.cli import main

from .conftest import Run


def test_piped_lines_are_answered_one_after_the_other(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    write(example)
    done = frontdesk("chat", "lotus-school", stdin="Xin chào\n\nHọc phí bao nhiêu một khóa?\n")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines[1:5]] == ["you", "Sen", "you", "Sen"]
    assert "em chào anh/chị" in lines[2]
    assert "4.200.000đ" in lines[4]
    assert lines[5:] == ["Anh/chị có muốn em đặt lịch luôn không ạ?"]


def test_the_same_user_goes_on_and_new_begins_anew(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    write(example)
    for arguments in ((), (), ("--new",)):
        done = frontdesk("chat", "riverside-dental", *arguments, stdin="Where are you?\n")
        assert done.stdout.count("Grace: ") == 1, "earlier answers are not shown again"
    listed = frontdesk("conversations", "list", "--tenant", "riverside-dental").stdout.splitlines()
    assert len(listed) == 1 + 2


def test_whoever_was_new_can_go_on_under_the_name_that_was_told(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    write(example)
    told = frontdesk("chat", "riverside-dental", "--new", stdin="Where are you?\n").stdout
    (again,) = re.findall(r"`frontdesk (chat riverside-dental --as new-\w{8})`", told)
    for arguments in (again.split(), ["chat", "riverside-dental", "--as", "Chị Lan"]):
        done = frontdesk(*arguments, stdin="Where are you?\n")
        assert (done.returncode, done.stdout.count("Grace: ")) == (0, 1)
    listed = frontdesk("conversations", "list", "--tenant", "riverside-dental").stdout
    assert len(listed.splitlines()) == 1 + 2 and "Chị Lan" in listed


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--new", "--as", "lan"), "--new makes a name; leave --as out"),
        (("--as", " "), "--as: found an empty name; write one, e.g. --as lan"),
    ],
)
def test_a_name_that_says_nothing_is_refused(
    arguments: tuple[str, ...], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["chat", "riverside-dental", *arguments]) == 2
    assert capsys.readouterr().err == f"frontdesk chat: {line}\n"


def test_when_a_person_is_called_it_says_so_and_waits_no_longer(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    example["tenants"]["lotus-school"]["opening_hours"] = {}
    write(example)
    done = frontdesk("chat", "lotus-school", stdin="Cho em gặp người thật\nalo\n")
    assert done.returncode == 0
    (give_back,) = set(re.findall(r"`(frontdesk conversations release \w{8} --tenant lotus-school)`", done.stdout))
    assert f"(a person is called; the bot is quiet until `{give_back}`)" in done.stdout
    assert done.stdout.endswith(f"you: alo\n(the bot is quiet until `{give_back}`)\n")
    assert frontdesk(*give_back.split()[1:]).stdout.endswith(" again\n")


def test_a_tenant_without_the_simulator_is_told_what_to_add(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    example["tenants"]["lotus-school"]["plugins"] = ["rehearsal_llm"]
    write(example)
    done = frontdesk("chat", "lotus-school", stdin="Xin chào\n")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "frontdesk chat: tenant lotus-school has no simulator, which carries this chat; "
        "add `- simulator` to its plugins in tenants.yaml"
    ]


def test_an_unknown_tenant_is_told_with_the_nearest(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    write(example)
    done = frontdesk("chat", "riverside")
    assert (done.returncode, done.stderr) == (
        2,
        "frontdesk chat: there is no tenant 'riverside'; did you mean riverside-dental?\n",
    )

"""A change of owner is one thing, wherever it is decided."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import frontdesk
from frontdesk.model import BOT, NOBODY, Conversation, Passing
from frontdesk.owner import PASSINGS, passed_to
from frontdesk.testing.clock import MovableClock

NOW = MovableClock().now()
BEFORE = Conversation(
    id="c",
    contact="c",
    channel="phone",
    owner="operator:Hoa",
    owner_epoch=4,
    taken_epoch=3,
    last_human_at=NOW - timedelta(hours=1),
    handoff_reason="wants a person",
    created_at=NOW - timedelta(days=1),
)


def after(owner: str, reason: str = "") -> Conversation:
    return replace(BEFORE, **passed_to(BEFORE, owner, NOW, reason=reason))


@pytest.mark.parametrize("owner", [BOT, NOBODY, "operator:Minh"])
def test_every_change_raises_the_epoch_and_says_since_when(owner: str) -> None:
    changed = after(owner)
    assert (changed.owner, changed.owner_epoch, changed.owner_since) == (owner, 5, NOW)


def test_only_a_person_voids_what_the_bot_has_queued() -> None:
    assert [after(owner).taken_epoch for owner in (BOT, NOBODY, "operator:Minh")] == [3, 3, 5]


def test_the_bot_looks_at_what_was_left_unsaid_when_it_is_back() -> None:
    assert [after(owner).given_back for owner in (BOT, NOBODY, "operator:Minh")] == [True, False, False]


def test_a_hand_off_keeps_its_reason_until_the_bot_is_back() -> None:
    assert after(NOBODY, "muốn gặp người").handoff_reason == "muốn gặp người"
    assert after("operator:Minh").handoff_reason == "wants a person"
    assert after(BOT).handoff_reason == ""


def test_the_changes_are_remembered_the_newest_of_them() -> None:
    changed = after(NOBODY, "muốn gặp người")
    assert changed.passings == (Passing(owner=NOBODY, at=NOW, reason="muốn gặp người"),)
    for hour in range(PASSINGS):
        at = NOW + timedelta(hours=hour)
        changed = replace(changed, **passed_to(changed, "operator:Minh", at, by="operator:Minh"))
    assert len(changed.passings) == PASSINGS
    assert {passing.by for passing in changed.passings} == {"operator:Minh"}
    assert changed.passings[-1].at == at


def test_silence_counts_from_the_take_over_and_from_the_hand_off() -> None:
    assert after("operator:Minh").last_human_at == NOW
    assert after(NOBODY).last_human_at is None


def test_the_epoch_is_raised_nowhere_else() -> None:
    server = Path(frontdesk.__file__).parent
    raising = {
        path.relative_to(server).as_posix()
        for path in server.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Dict)
        and any(isinstance(key, ast.Constant) and key.value == "owner_epoch" for key in node.keys)
    }
    # put.py: by which epoch a message counts as queued, in the lane of the conversation that its own became a part of.
    assert raising == {"owner.py", "outbox/put.py"}

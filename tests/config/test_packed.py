"""Tenants that are kept as bytes are the tenants that were written."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontdesk.config import load
from frontdesk.config.packed import Packed
from frontdesk.config.tenants_file import TenantsFile

EXAMPLE = Path(__file__).parents[2] / "tenants.example.yaml"


@pytest.fixture(scope="module")
def example() -> TenantsFile:
    return load(EXAMPLE)


def test_what_is_packed_is_what_was_written_in_its_order(example: TenantsFile) -> None:
    unpacked = dict(example.tenants)
    again = Packed(unpacked)
    assert list(again) == list(unpacked) and dict(again) == unpacked
    assert [tenant.name for tenant in again.values()] == [tenant.name for tenant in unpacked.values()]


def test_each_look_makes_a_new_one_so_that_nobody_changes_what_others_see(example: TenantsFile) -> None:
    id = next(iter(example.tenants))
    first, second = example.tenants[id], example.tenants[id]
    assert first == second and first is not second
    first.settle.__dict__["quiet_seconds"] = 99.0
    assert example.tenants[id].settle.quiet_seconds != 99.0


def test_places_survive_so_that_errors_still_name_their_line(example: TenantsFile) -> None:
    for tenant in example.tenants.values():
        for entry in tenant.plugins:
            assert entry.place.problem("found", "right").line > 1


def test_who_is_not_there_is_not_there(example: TenantsFile) -> None:
    assert "nobody" not in example.tenants and len(Packed({})) == 0
    with pytest.raises(KeyError):
        example.tenants["nobody"]


def test_a_label_is_told_without_unpacking_and_goes_where_its_value_goes() -> None:
    words = Packed({"a": ["one"], "b": ["two", "more"]}, len)
    joined = words.only(["b"]).joined(Packed({"c": ["three"] * 3}, len))
    assert [joined.label(key) for key in joined] == [2, 3]
    with pytest.raises(KeyError):
        joined.label("a")

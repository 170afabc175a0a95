"""Who sits at this machine."""

from __future__ import annotations

import pytest

from frontdesk import is_local


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]", "LOCALHOST"])
@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_this_machine_under_its_own_name_is_local(peer: str, host: str) -> None:
    assert is_local(peer, {"host": host})


@pytest.mark.parametrize("peer", ["10.0.0.4", "203.0.113.9", "::ffff:10.0.0.4", "2001:db8::1", "", "unix"])
def test_another_machine_is_not_local_whatever_it_calls_us(peer: str) -> None:
    assert not is_local(peer, {"host": "localhost"})


@pytest.mark.parametrize("name", ["forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-host"])
def test_what_was_passed_on_is_not_local(name: str) -> None:
    assert not is_local("127.0.0.1", {"host": "localhost", name: "203.0.113.9"})


@pytest.mark.parametrize("host", ["", "evil.example", "localhost.evil.example:8000", "127.0.0.1.evil.example"])
def test_under_a_foreign_name_this_machine_is_not_local(host: str) -> None:
    assert not is_local("127.0.0.1", {"host": host})

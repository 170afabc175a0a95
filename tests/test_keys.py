"""The key that signs our URLs is made once, whole, and for the server's user only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from frontdesk import Secret
from frontdesk.errors import StartupError
from frontdesk.keys import signing_key


def test_a_configured_key_is_used_and_nothing_is_written(tmp_path):
    assert signing_key(Secret.from_text("khóa của tôi"), tmp_path) == "khóa của tôi".encode()
    assert list(tmp_path.iterdir()) == []


def test_a_made_key_stays_and_is_readable_by_its_user_only(tmp_path):
    made = signing_key(None, tmp_path / "data")
    assert len(made) == 64
    assert signing_key(None, tmp_path / "data") == made
    (file,) = (tmp_path / "data").iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("signing.key", 0o600)
    assert signing_key(None, tmp_path / "other") != made


def test_all_who_start_at_once_get_one_key(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: signing_key(None, tmp_path), range(64)))
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["signing.key"]


@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_key_that_was_cut_off_signs_nothing(tmp_path, content):
    (tmp_path / "signing.key").write_bytes(content)
    with pytest.raises(StartupError, match=r"signing\.key: holds \d bytes.*delete the file"):
        signing_key(None, tmp_path)

"""Files under the hash of their content; URLs that work for those who were given them, for a while."""

from __future__ import annotations

import asyncio
import errno
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.media import FolderMedia, MediaUrls
from frontdesk.testing.clock import MovableClock

KEY = "a" * 64


def urls(clock=None, key=b"signing key"):
    return MediaUrls("https://desk.example.com", key, clock or MovableClock())


def parts(url):
    split = urlsplit(url)
    _, _, tenant, key = split.path.split("/")
    query = parse_qs(split.query)
    return tenant, key, query["expires"][0], query["signature"][0]


def test_a_url_works_until_it_expires():
    clock = MovableClock()
    made = urls(clock).make("clinic", KEY, 60)
    assert made.startswith(f"https://desk.example.com/media/clinic/{KEY}?")
    assert urls(clock).allows(*parts(made))
    clock.advance(60)
    assert urls(clock).allows(*parts(made))
    clock.advance(0.5)
    assert not urls(clock).allows(*parts(made))


def test_another_tenant_another_file_a_later_end_or_another_key_do_not_work():
    tenant, key, expires, signature = parts(urls().make("clinic", KEY, 60))
    assert not urls().allows("school", key, expires, signature)
    assert not urls().allows(tenant, "b" * 64, expires, signature)
    assert not urls().allows(tenant, key, str(int(expires) + 1), signature)
    assert not urls(key=b"another key").allows(tenant, key, expires, signature)


@given(st.text(), st.text())
def test_nonsense_in_a_url_is_refused_without_an_error(expires, signature):
    assert not urls().allows("clinic", KEY, expires, signature)


async def test_the_same_content_is_one_file_with_its_type(tmp_path):
    files = FolderMedia(tmp_path, 1_000_000)
    keys = {await files.put("clinic", b"\x00picture", "image/jpeg") for _ in range(2)}
    (key,) = keys
    assert await files.get("clinic", key) == ("image/jpeg", b"\x00picture")
    assert await files.get("school", key) is None
    assert len(list((tmp_path / "clinic").iterdir())) == 2


async def test_the_same_picture_stored_many_times_at_once(tmp_path):
    files = FolderMedia(tmp_path, 1_000_000)
    content = b"x" * 200_000
    keys = set(await asyncio.gather(*(files.put("clinic", content, "image/png") for _ in range(20))))
    (key,) = keys
    assert await files.get("clinic", key) == ("image/png", content)
    assert len(list((tmp_path / "clinic").iterdir())) == 2, "no scratch files are left"


@pytest.mark.parametrize(
    "key", ["../clinic/" + KEY, "..", "", KEY + "/", KEY[:-1], KEY.upper(), "/etc/passwd", KEY + "\n"]
)
async def test_a_key_that_is_no_key_finds_nothing(tmp_path, key):
    (tmp_path / "passwd").write_text("secret")
    assert await FolderMedia(tmp_path / "media", 1_000_000).get("clinic", key) is None


async def test_the_page_gives_out_a_file_to_the_right_url_only(desk):
    async with desk(tenants={"clinic": {}, "school": {}}) as server:
        plugin = await server.plugin("phone")
        key = await plugin.media.put(b"<script>alert(1)</script>", "text/html")
        split = urlsplit(plugin.media.url(key, seconds=60))
        client = server.server.quart.test_client()
        response = await client.get(f"{split.path}?{split.query}")
        assert response.status_code == 200
        assert await response.get_data() == b"<script>alert(1)</script>"
        assert response.headers["Content-Disposition"] == "attachment"
        assert "sandbox" in response.headers["Content-Security-Policy"]
        for wrong in (
            f"{split.path}?{split.query[:-1]}",
            f"{split.path}",
            f"{split.path.replace('clinic', 'school')}?{split.query}",
        ):
            assert (await client.get(wrong)).status_code == 404
        server.clock.advance(61)
        assert (await client.get(f"{split.path}?{split.query}")).status_code == 404


async def test_a_file_larger_than_allowed_is_not_kept(tmp_path):
    files = FolderMedia(tmp_path / "media", 4)
    with pytest.raises(OSError, match=r"5 bytes; server\.media\.max_bytes allows 4") as refused:
        await files.put("clinic", b"12345", "image/png")
    assert refused.value.errno == errno.EFBIG
    assert not (tmp_path / "media").exists()
    assert await files.put("clinic", b"1234", "image/png")

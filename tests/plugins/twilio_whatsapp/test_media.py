from __future__ import annotations

import zipfile
from io import BytesIO
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from frontdesk import Media, NeedsAttention, Refused, RetryLater, Secret
from frontdesk.plugins.twilio_whatsapp import TwilioWhatsapp
from frontdesk.plugins.twilio_whatsapp.media import typed
from frontdesk.testing.fake_twilio import FakeTwilio, Fault, InboundSpec

PADDING = b"\0" * 300
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + PADDING
OPUS = b"OggS\0\x02" + b"\0" * 22 + b"OpusHead" + PADDING
MP4 = b"\0\0\0\x20ftypisom" + PADDING
THREE_GP = b"\0\0\0\x18ftyp3gp4" + PADDING
PDF = b"%PDF-1.4\n" + PADDING
PROGRAM = b"MZ\x90" + PADDING
DOCX_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def docx() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("[Content_Types].xml", "_rels/.rels", "word/document.xml"):
            archive.writestr(name, "<x/>")
    return file.getvalue()


def received(twilio: FakeTwilio, content: bytes = JPEG, content_type: str = "image/jpeg") -> Media:
    """A file a contact has sent, as the webhook names it."""
    form = dict(twilio.compose(InboundSpec(kind="image", content=content, content_type=content_type)))
    return Media(content_type=form["MediaContentType0"], url=form["MediaUrl0"])


async def test_a_file_is_fetched_with_credentials_that_stay_at_twilio(
    plugin: TwilioWhatsapp, twilio: FakeTwilio
) -> None:
    fetched = await plugin.fetch_media(received(twilio))
    assert (fetched.content_type, fetched.content) == ("image/jpeg", JPEG)
    assert twilio.violations == []


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "{base}/2010-04-01/Accounts/AC11111111111111111111111111111111/Messages/{mm}/Media/{me}",
        "{base}/2010-04-01/Accounts/{ac}/Messages.json",
        "{base}/2010-04-01/Accounts/{ac}/Messages/{mm}/Media/../../../Messages.json",
        "{base}/2010-04-01/Accounts/{ac}/Messages/{mm}/Media/{me}?x=1",
        "{base}.evil.example/2010-04-01/Accounts/{ac}/Messages/{mm}/Media/{me}",
        "https://api.twilio.com@evil.example/2010-04-01/Accounts/{ac}/Messages/{mm}/Media/{me}",
        "",
    ],
)
async def test_only_this_accounts_media_at_twilio_are_fetched(
    plugin: TwilioWhatsapp, twilio: FakeTwilio, url: str
) -> None:
    address = url.format(base=twilio.url, ac=twilio.account_sid, mm="MM" + "0" * 32, me="ME" + "0" * 32)
    with pytest.raises(Refused, match="not one of this account's"):
        await plugin.fetch_media(Media(content_type="image/jpeg", url=address))
    assert twilio.world.events == []


async def test_a_redirect_to_an_unknown_host_is_shown_to_the_operator(make_plugin: Any, twilio: FakeTwilio) -> None:
    plugin = make_plugin(media_hosts=[".twiliocdn.com"])
    with pytest.raises(NeedsAttention, match=r"'localhost'.*media_hosts"):
        await plugin.fetch_media(received(twilio))


async def test_a_file_that_is_too_large_is_refused(make_plugin: Any, twilio: FakeTwilio) -> None:
    with pytest.raises(Refused, match="max_media_bytes"):
        await make_plugin(max_media_bytes=len(JPEG) - 1).fetch_media(received(twilio))
    assert await make_plugin(max_media_bytes=len(JPEG)).fetch_media(received(twilio))


async def test_a_file_that_twilio_no_longer_has_is_refused(plugin: TwilioWhatsapp, twilio: FakeTwilio) -> None:
    file = received(twilio)
    twilio.state.messages.clear()
    with pytest.raises(Refused, match="404"):
        await plugin.fetch_media(file)


async def test_rejected_credentials_are_the_operators(make_plugin: Any, twilio: FakeTwilio) -> None:
    with pytest.raises(NeedsAttention) as caught:
        await make_plugin(auth_token=Secret.from_text("wrong")).fetch_media(received(twilio))
    assert caught.value.code == "20003"


@pytest.mark.parametrize("status", [401, 403])
async def test_a_storage_that_gives_a_file_out_no_more_says_nothing_of_the_credentials(
    plugin: TwilioWhatsapp, twilio: FakeTwilio, status: int
) -> None:
    async def no_more(_: web.Request) -> web.Response:
        return web.Response(status=status)

    app = web.Application()
    app.add_routes([web.get("/storage/{media}", no_more)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    file, twilio.state.storage_base = received(twilio), f"http://localhost:{runner.addresses[0][1]}"
    with pytest.raises(RetryLater, match=str(status)):
        await plugin.fetch_media(file)
    await runner.cleanup()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="error", operation="media", status=503),
        Fault(kind="error", operation="media", status=429, code=20429),
        Fault(kind="drop_before", operation="media", times=2),
        Fault(kind="hang_before", operation="media"),
    ],
)
async def test_trouble_at_twilio_means_later(
    plugin: TwilioWhatsapp,
    twilio: FakeTwilio,
    fault: Fault,
    http: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "_timeout", aiohttp.ClientTimeout(total=0.3))
    file = received(twilio)
    twilio.faults.add(fault)
    with pytest.raises(RetryLater):
        await plugin.fetch_media(file)
    assert await plugin.fetch_media(file)


@pytest.mark.parametrize(
    ("content", "claimed", "found"),
    [
        (JPEG, "image/jpeg", "image/jpeg"),
        (JPEG, "image/png", "image/jpeg"),
        (OPUS, "audio/ogg; codecs=opus", "audio/ogg"),
        (b"#!AMR\n" + PADDING, "audio/amr", "audio/amr"),
        (b"#!AMR-WB\n" + PADDING, "audio/amr-wb", "audio/amr-wb"),
        (MP4, "video/mp4", "video/mp4"),
        (MP4, "audio/mp4", "audio/mp4"),
        (THREE_GP, "audio/3gpp", "audio/3gpp"),
        (PDF, "application/pdf", "application/pdf"),
        (docx(), DOCX_TYPE, DOCX_TYPE),
        (PROGRAM, "application/octet-stream", "application/x-msdownload"),
        (b"BEGIN:VCARD\n", "text/vcard", "text/vcard"),
        (b"<script>alert(1)</script>", "text/html", "application/octet-stream"),
        (b"<svg onload='alert(1)'/>", "", "application/octet-stream"),
    ],
)
def test_a_file_has_the_type_it_shows(content: bytes, claimed: str, found: str) -> None:
    assert typed(content, claimed).content_type == found


@pytest.mark.parametrize(
    ("content", "claimed"),
    [
        (PROGRAM, "image/jpeg"),
        (JPEG, "audio/ogg"),
        (b"<svg onload='alert(1)'/>", "image/svg+xml"),
        (PROGRAM, "application/pdf"),
        (b"plain", "application/pdf"),
        (PDF, "video/mp4"),
        (b"", "image/jpeg"),
    ],
)
def test_a_file_that_is_not_what_it_claims_is_refused(content: bytes, claimed: str) -> None:
    with pytest.raises(Refused):
        typed(content, claimed)

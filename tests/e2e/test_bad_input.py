"""What nobody should send: each gets its clear status and its line in the log, and the next good message its answer."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
import yaml

from frontdesk.testing.fake_twilio import ACCOUNT_SID, AUTH_TOKEN, FakeTwilio, InboundSpec

from .conftest import Front, until
from .contacts import NUMBER, SETTLE, TENANT

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLE = Path(__file__).parents[2] / "tenants.example.yaml"
FORM = "application/x-www-form-urlencoded"
PRIVATE = ("901234567", "Đỗ Bí Mật", "răng sâu", AUTH_TOKEN)
"""Number, name and words of the contact, and our own secret: never in the log."""
FAILURES = ("hook_failed", "work_failed", "loop_failed", "store_away")
_numbers = itertools.count(10_000_000)

Send = Callable[[Front], Awaitable[int]]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    """One server for all: what one request does to it, the next would feel."""
    school = yaml.safe_load(EXAMPLE.read_text("utf-8"))["tenants"]["lotus-school"]
    tenant = {**school, "settle": SETTLE, "plugins": ["rehearsal_llm"]}
    async with FakeTwilio() as twilio, Front(tmp_path_factory.mktemp("bad"), twilio, tenant, "tenants", {}) as front:
        yield await front.start()


async def is_well(desk: Front) -> None:
    """Somebody writes, and is answered."""
    assert desk.alive
    minh = desk.phone(f"+849{next(_numbers):08d}", "Minh")
    assert "88 phố Láng Hạ" in await minh.asks("Trung tâm ở đâu ạ?")


def form(desk: Front, **fields: str) -> list[tuple[str, str]]:
    """A contact's message as Twilio's form, some fields replaced, those with an empty value left out."""
    spec = InboundSpec(body="em bị răng sâu", from_="whatsapp:+84901234567", to=NUMBER, name="Đỗ Bí Mật")
    pairs = dict(desk.twilio.compose(spec)) | fields
    return [(name, value) for name, value in pairs.items() if value or name not in fields]


def signed(path: str = "", account: str = ACCOUNT_SID, **fields: str) -> Send:
    """A form that Twilio signed, to *path* below /webhooks/."""

    async def send(desk: Front) -> int:
        url = f"{desk.url}/webhooks/{path}" if path else desk.hook
        return (await desk.twilio.world.post(url, form(desk, **fields), account)).status

    return send


def posted(body: bytes | None = None, query: str = "", **headers: str) -> Send:
    """Anything, with these headers (`_` for `-`); without a body, a good form."""

    async def send(desk: Front) -> int:
        content = urlencode(form(desk)).encode() if body is None else body
        given = {"Content-Type": FORM} | {name.replace("_", "-"): value for name, value in headers.items()}
        return (await desk.twilio.world.raw_post(desk.hook + query, content, given)).status

    return send


def signed_body(body: bytes, pairs: list[tuple[str, str]], content_type: str = FORM, query: str = "") -> Send:
    """Bytes of which the signature is right for *pairs*."""

    async def send(desk: Front) -> int:
        signature = desk.twilio.world.signature(desk.hook + query, pairs, ACCOUNT_SID)
        return await posted(body, query, Content_Type=content_type, X_Twilio_Signature=signature)(desk)

    return send


def said(head: str, body: bytes = b"", *, hang_up: bool = False) -> Send:
    """Bytes on a socket of our own: `{hook}` is the webhook's path. The status; 0 if it just closes."""

    async def send(desk: Front) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", desk.port)
        path = desk.hook.removeprefix(desk.url)
        writer.write(head.format(hook=path).replace("\n", "\r\n").encode() + body)
        await writer.drain()
        if hang_up:
            writer.close()
            return 0
        try:
            line = (await asyncio.wait_for(reader.readline(), 10)).split()
        finally:
            writer.close()
        return int(line[1]) if line else 0

    return send


JSON = json.dumps({"MessageSid": "SM" + "0" * 32}).encode()
POST = "POST {hook} HTTP/1.1\nHost: x\nContent-Type: " + FORM + "\n"
HUGE = b"Body=" + b"x" * 1_200_000
REFUSED: dict[str, tuple[Send, int, str]] = {
    "unsigned": (posted(), 403, "X-Twilio-Signature is missing"),
    "wrongly signed": (posted(X_Twilio_Signature="c2lnbmF0dXJl"), 403, "does not fit"),
    "signed with what cannot be": (posted(X_Twilio_Signature="chữ ký"), 403, "does not fit"),
    "signed in an unknown way": (
        posted(X_Twilio_Signature="x", X_Twilio_Webhooks_Signature_Settings="algorithm=MD5"), 403, "MD5",
    ),
    "signed for another field": (signed_body(b"Body=b", [("Body", "a")]), 403, "does not fit"),
    "empty": (posted(b""), 403, "X-Twilio-Signature is missing"),
    "oversized": (said(POST + f"Content-Length: {len(HUGE)}\n\n", HUGE), 413, "max_body_bytes"),
    "oversized in chunks": (
        said(POST + "Transfer-Encoding: chunked\n\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(HUGE), HUGE)), 413, "max_body_bytes",
    ),
    "not UTF-8": (posted(b"Body=\xff\xfe"), 400, "UnicodeDecodeError"),
    "not UTF-8, percent-encoded": (posted(b"Body=%FF%FE"), 400, "UnicodeDecodeError"),
    "10,000 fields": (posted(urlencode([(f"f{n}", "") for n in range(10_000)]).encode()), 400, "at most 500 fields"),
    "JSON, unsigned": (posted(JSON, Content_Type="application/json"), 403, "X-Twilio-Signature is missing"),
    "JSON, signed": (
        signed_body(JSON, [], "application/json", f"?bodySHA256={hashlib.sha256(JSON).hexdigest()}"), 400, "not a form",
    ),
    "JSON, signed for another body": (signed_body(JSON, [], "application/json", "?bodySHA256=0"), 403, "not the hash"),
    "without MessageSid": (signed(MessageSid=""), 400, "MessageSid is missing"),
    "a MessageSid that is none": (signed(MessageSid="SM1'; DROP TABLE messages"), 400, "MessageSid"),
    "another account's": (signed(AccountSid="AC" + "9" * 32), 403, "AccountSid is not this tenant's"),
    "to a number of nobody": (signed(To="whatsapp:+15005550006"), 403, "To is none of this tenant's numbers"),
    "from nobody": (signed(From="whatsapp:Đỗ Bí Mật"), 400, "From is no WhatsApp address"),
    "9,999 files": (signed(NumMedia="9999"), 400, "NumMedia"),
    "an unknown tenant": (signed("twilio_whatsapp/nobody"), 404, "no such tenant"),
    "an unknown channel": (signed("carrier_pigeon/school"), 404, "no tenant has this channel"),
    "an unknown path": (signed("twilio_whatsapp/school/status/a/b"), 404, "no such path"),
    "a path that climbs": (said(POST.replace("{hook}", "{hook}/../../%2e%2e/etc") + "Content-Length: 0\n\n"), 404, "path"),
    "a tenant that is a NUL": (said(POST.replace("{hook}", "/webhooks/twilio_whatsapp/%00") + "\n"), 404, "no such tenant"),
    "the shared address, to nobody": (signed("twilio_whatsapp", To="whatsapp:+15005550006"), 404, "to no tenant"),
    "the shared address, nonsense": (posted(b"&&&=%", ""), 403, "X-Twilio-Signature is missing"),
    "GET": (said("GET {hook} HTTP/1.1\nHost: x\n\n"), 405, "GET"),
    "a method of its own": (said("BREW {hook} HTTP/1.1\nHost: x\n\n"), 405, "BREW"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_no_message_is_refused_and_logged_without_what_is_private(desk: Front, name: str) -> None:
    send, status, reason = REFUSED[name]
    before = desk.log.stat().st_size
    assert await send(desk) == status
    (entry,) = await _logged(desk, before, "webhook_refused")
    assert entry["status"] == status
    assert reason in entry["reason"]
    assert {"channel", "tenant"} <= entry.keys()
    _nothing_private(desk, before)
    await is_well(desk)


@pytest.mark.parametrize(
    ("send", "status"),
    [
        (said(POST + "Content-Length: many\n\n"), 400),
        (said(POST + "Content-Length: 5\nContent-Length: 6\n\n", b"Body=x"), 400),
        (said(POST + "Transfer-Encoding: chunked\n\nnonsense\n"), 400),
        (said(POST + f"X-Bomb: {'x' * 200_000}\n\n"), 431),
        (said(POST + "".join(f"X-{n}: bomb\n" for n in range(20_000)) + "\n"), 431),
        (said("\x16\x03\x01 this is no HTTP\n\n"), 400),
    ],
    ids=["no length", "two lengths", "broken chunks", "a huge header", "20,000 headers", "no HTTP"],
)
async def test_what_is_no_http_is_answered_as_http_says(desk: Front, send: Send, status: int) -> None:
    assert await send(desk) == status
    await is_well(desk)


async def test_a_request_cut_off_in_the_middle_is_logged_and_forgotten(desk: Front) -> None:
    before = desk.log.stat().st_size
    await said(POST + "Content-Length: 5000\n\n", b"Body=em+b%E1%BB%8B", hang_up=True)(desk)
    (entry,) = await _logged(desk, before, "webhook_cut_off")
    assert (entry["channel"], entry["tenant"]) == ("twilio_whatsapp", TENANT)
    await is_well(desk)


async def test_a_good_message_in_chunks_is_taken(desk: Front) -> None:
    pairs = form(desk, MessageSid="SM" + "7" * 32)
    body = urlencode(pairs).encode()
    signature = desk.twilio.world.signature(desk.hook, pairs, ACCOUNT_SID)
    head = f"{POST}Transfer-Encoding: chunked\nX-Twilio-Signature: {signature}\n\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    assert await said(head, chunks)(desk) == 204


async def test_the_status_of_a_message_nobody_sent_is_taken_and_changes_nothing(desk: Front) -> None:
    pairs = [("MessageSid", "SM" + "8" * 32), ("AccountSid", ACCOUNT_SID), ("MessageStatus", "delivered")]
    url = f"{desk.hook}/status/no-such-message"
    assert (await desk.twilio.world.post(url, pairs, ACCOUNT_SID)).status == 204
    await is_well(desk)


@pytest.mark.parametrize(
    "text",
    [
        "👩🏽‍⚕️🦷🇻🇳 khóa IELTS giá bao nhiêu ạ 🙏",
        "كم تكلفة الدورة؟ \u202eabc\u202c",
        "học\u200b \u200cphí\u200d\ufeff bao nhiêu",
        "Z" + "\u0335" * 900 + "algo",
        "a\0b",
        " ",
        "<script>alert(1)</script> {assistant} %s ' OR 1=1 --",
        "Tiếng Việt".encode().decode("latin-1"),
        "x" * 65_536,
        "🦷" * 65_536,
        "học phí " * 8_192,
    ],
    ids=["emoji", "right to left", "zero width", "zalgo", "NUL", "blank", "code", "mojibake", "64k", "64k 🦷", "64k words"],
)  # fmt: skip
async def test_whatever_a_contact_writes_is_kept_as_it_is_and_answered(desk: Front, text: str) -> None:
    lan = desk.phone(f"+849{next(_numbers):08d}")
    assert await lan.asks(text)
    inbound, *_ = await lan.messages()
    assert (inbound.text, inbound.state) == (text, "answered")
    assert [event for event in FAILURES if desk.logged(event)] == []


async def _logged(desk: Front, since: int, event: str) -> list[dict[str, Any]]:
    """The events of that name after *since* bytes of the log; waits for the first."""

    async def found() -> list[dict[str, Any]]:
        lines = desk.log.read_bytes()[since:].decode().splitlines()
        return [entry for line in lines if (entry := json.loads(line))["event"] == event]

    entries: list[dict[str, Any]] = await until(f"the log has {event}", found)
    return entries


def _nothing_private(desk: Front, since: int) -> None:
    written = desk.log.read_bytes()[since:].decode()
    assert not [private for private in PRIVATE if private in written]

"""The fake speaks as Twilio does; checked with plain HTTP, not with the plugin's client."""

from __future__ import annotations

import asyncio
import inspect
import json
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from aiohttp import web
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageList

from frontdesk.testing.fake_twilio import ACCOUNT_SID, AUTH_TOKEN, CallbackPlan, FakeTwilio, Fault, InboundSpec
from frontdesk.testing.fake_twilio.validation import PARAMETERS

NUMBER = "whatsapp:+14155238886"
CONTACT = "whatsapp:+84901234567"
PATH = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages"
PUBLIC = "https://bot.example.com"
TEXT = {"To": CONTACT, "From": NUMBER, "Body": "Chào"}


@pytest.fixture
async def twilio() -> AsyncIterator[FakeTwilio]:
    async with FakeTwilio() as fake:
        yield fake


@pytest.fixture
async def http(twilio: FakeTwilio) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
    async with aiohttp.ClientSession(twilio.url, headers=headers, timeout=aiohttp.ClientTimeout(total=5)) as session:
        yield session


class Server:
    """A server under test: keeps what it gets, with the signature's verdict by the vendor's validator."""

    def __init__(self) -> None:
        self.got: list[dict[str, str]] = []
        self.signed: list[bool] = []
        self.answer: dict[str, Any] = {"status": 204}
        self.got_two = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        fields = dict(parse_qsl(await request.text(), keep_blank_values=True))
        self.got.append(fields)
        validator = RequestValidator(AUTH_TOKEN)
        if len(self.got) == 2:
            self.got_two.set()
        self.signed.append(validator.validate(PUBLIC + request.raw_path, fields, request.headers["X-Twilio-Signature"]))
        return web.Response(**self.answer)

    async def picture(self, _: web.Request) -> web.Response:
        return web.Response(body=b"x")

    @property
    def statuses(self) -> list[str]:
        return [fields["MessageStatus"] for fields in self.got]


@pytest.fixture
async def server(twilio: FakeTwilio) -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.add_routes([web.post("/{path:.*}", server.handle), web.get("/picture", server.picture)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    twilio.world.reach[PUBLIC] = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


async def send(http: aiohttp.ClientSession, **fields: Any) -> tuple[int, dict[str, Any]]:
    async with http.post(f"{PATH}.json", data=TEXT | fields) as answer:
        return answer.status, await answer.json()


async def test_a_message_is_accepted_with_twilios_resource(twilio: FakeTwilio, http: aiohttp.ClientSession) -> None:
    status, message = await send(http)
    assert status == 201
    assert message["sid"].startswith("SM")
    assert len(message["sid"]) == 34
    assert (message["status"], message["body"], message["num_media"]) == ("queued", "Chào", "0")
    assert message["date_created"].endswith("+0000")
    assert message["date_sent"] is None
    assert [sent.sid for sent in twilio.sent] == [message["sid"]]
    async with http.get(f"{PATH}/{message['sid']}.json") as answer:
        assert (await answer.json())["sid"] == message["sid"]


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"To": ""}, 21604),
    ({"To": "+84901234567"}, 21211),
    ({"To": "whatsapp:84901234567"}, 21211),
    ({"From": ""}, 21603),
    ({"From": "+14155238886"}, 63007),
    ({"From": "whatsapp:+14155550000"}, 63007),
    ({"To": NUMBER}, 63031),
    ({"Body": ""}, 21619),
    ({"Body": "ế" * 1601}, 21617),
    ({"MediaUrl": "not a url"}, 21620),
    ({"ContentSid": "HX1"}, 21655),
    ({"ContentSid": "HX" + "a" * 32, "ContentVariables": "{1: An}"}, 21656),
    ({"ContentSid": "HX" + "a" * 32, "ContentVariables": '{"1": 7}'}, 21656),
    ({"StatusCallback": "https://my_host/status"}, 21609),
    ({"StatusCallback": "bot.example.com"}, 21609),
    ({"MessagingServiceSid": "MG1"}, 21701),
    ({"ValidityPeriod": "36001"}, 20001),
    ({"ShortenUrls": "yes"}, 20001),
    ({"ContentRetention": "forget"}, 20001),
    ({"SendAt": "tomorrow"}, 20001),
    ({"PersistentAction": "21.0285,105.8542"}, 20001),
    ({"PersistentAction": "geo:121.0285,105.8542|Hà Nội"}, 20001),
]


@pytest.mark.parametrize(("fields", "code"), REFUSED, ids=[f"{code}-{next(iter(f))}" for f, code in REFUSED])
async def test_wrong_parameters_are_refused_with_twilios_code(
    twilio: FakeTwilio, http: aiohttp.ClientSession, fields: dict[str, Any], code: int
) -> None:
    twilio.state.senders = frozenset({NUMBER})
    status, error = await send(http, **fields)
    assert status in (400, 404)
    assert (error["code"], error["status"]) == (code, status)
    assert str(code) in error["more_info"]
    assert twilio.sent == []


@pytest.mark.parametrize(
    "fields",
    [
        {"Body": "ế" * 1600},
        {"To": "whatsapp:US.13491208655302741918"},
        {"StatusCallback": f"{PUBLIC}/a_b"},
        {"PersistentAction": "geo:21.0285,105.8542|88 Láng Hạ"},
    ],
)
async def test_what_is_just_right_is_accepted(http: aiohttp.ClientSession, fields: dict[str, str]) -> None:
    assert (await send(http, **fields))[0] == 201


async def test_unknown_and_repeated_parameters_are_accepted_and_recorded_as_violations(
    twilio: FakeTwilio, http: aiohttp.ClientSession
) -> None:
    async with http.post(f"{PATH}.json", data=[*TEXT.items(), ("Body", "twice"), ("Idempotency", "x")]) as answer:
        assert answer.status == 201
    assert twilio.violations == ["unknown parameter Idempotency", "parameter Body given 2 times"]


@pytest.mark.parametrize("authorization", ["", "Bearer x", "Basic !", aiohttp.encode_basic_auth(ACCOUNT_SID, "wrong")])
async def test_every_door_wants_credentials(twilio: FakeTwilio, authorization: str) -> None:
    (name, media) = dict(twilio.compose(InboundSpec(kind="image", content=b"x")))["MediaUrl0"].rsplit("/", 1)
    async with aiohttp.ClientSession(headers={"Authorization": authorization}) as http:
        for url in (f"{twilio.url}{PATH}.json", f"{name}/{media}"):
            async with http.get(url) as answer:
                assert (answer.status, (await answer.json())["code"]) == (401, 20003)
    assert twilio.attempts == []


async def test_credentials_of_another_account_do_not_fit(twilio: FakeTwilio) -> None:
    twilio.add_account("AC" + "9" * 32, "other")
    headers = {"Authorization": aiohttp.encode_basic_auth("AC" + "9" * 32, "other")}
    async with aiohttp.ClientSession(twilio.url, headers=headers) as http:
        assert (await send(http))[0] == 401


async def test_the_list_is_newest_first_filtered_and_paged(twilio: FakeTwilio, http: aiohttp.ClientSession) -> None:
    sids = [(await send(http, Body=str(number)))[1]["sid"] for number in range(3)]
    await send(http, To="whatsapp:+84902222222")
    found: list[str] = []
    path: str | None = f"{PATH}.json?To={CONTACT.replace('+', '%2B')}&PageSize=2"
    while path:
        async with http.get(path) as answer:
            page = await answer.json()
        found += [message["sid"] for message in page["messages"]]
        path = page["next_page_uri"]
    assert found == sids[::-1]


async def test_a_filter_on_date_sent_does_not_find_what_was_not_sent_yet(
    twilio: FakeTwilio, http: aiohttp.ClientSession
) -> None:
    twilio.callbacks.default = CallbackPlan(statuses=(), times=0)
    await send(http, Body="waiting")
    twilio.callbacks.default = CallbackPlan(statuses=("sent",), times=0)
    await send(http, Body="gone")
    await twilio.idle()
    day = twilio.sent[1].created_at.date().isoformat()

    async def bodies(**query: str) -> list[str]:
        async with http.get(f"{PATH}.json", params=query) as answer:
            return [message["body"] for message in (await answer.json())["messages"]]

    assert await bodies() == ["gone", "waiting"]
    assert await bodies(**{"DateSent>": f"{day}T00:00:00Z"}) == ["gone"]
    assert await bodies(DateSent=day) == ["gone"]
    assert await bodies(**{"DateSent>": "2999-01-01"}) == []
    assert await bodies(**{"DateSent<": "2001-01-01"}) == []


async def test_a_deleted_message_is_gone_but_stays_counted_as_sent(
    twilio: FakeTwilio, http: aiohttp.ClientSession
) -> None:
    twilio.callbacks.default = CallbackPlan(statuses=())
    _, message = await send(http)
    async with http.delete(f"{PATH}/{message['sid']}.json") as answer:
        assert (answer.status, (await answer.json())["code"]) == (409, 20009), "it is on its way yet"
    twilio.state.messages[message["sid"]].status = "sent"
    async with http.delete(f"{PATH}/{message['sid']}.json") as answer:
        assert answer.status == 204
    async with http.get(f"{PATH}/{message['sid']}.json") as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, 20404)
    assert len(twilio.sent) == 1


async def test_a_message_is_deleted_after_its_files(twilio: FakeTwilio, http: aiohttp.ClientSession) -> None:
    forms = [dict(twilio.compose(InboundSpec(kind="audio", content=b"OggS"))) for _ in range(2)]
    paths = [form["MediaUrl0"].removeprefix(twilio.url) for form in forms]
    for path, status in ((paths[0], 204), (paths[0], 404), (paths[0].partition("/Media")[0], 204)):
        async with http.delete(f"{path}.json") as answer:
            assert answer.status == status
    assert twilio.violations == []
    async with http.delete(f"{paths[1].partition('/Media')[0]}.json") as answer:
        assert answer.status == 204
    assert len(twilio.violations) == 1 and "before its files" in twilio.violations[0]


async def test_media_are_behind_a_redirect_and_storage_refuses_credentials(
    twilio: FakeTwilio, http: aiohttp.ClientSession
) -> None:
    form = dict(twilio.compose(InboundSpec(kind="audio", content=b"OggS")))
    async with http.get(form["MediaUrl0"].removeprefix(twilio.url), allow_redirects=False) as answer:
        location = answer.headers["Location"]
    assert "localhost" in location
    async with aiohttp.ClientSession() as stranger, stranger.get(location) as answer:
        assert (answer.status, answer.content_type, await answer.read()) == (200, "audio/ogg", b"OggS")
    async with http.get(location) as answer:  # with the session's credentials
        assert answer.status == 400
    assert twilio.violations == ["credentials sent to the storage host"]


@pytest.mark.parametrize(
    ("kind", "accepted"),
    [("drop_before", 0), ("drop_after", 1), ("hang_before", 0), ("hang_after", 1), ("error", 0), ("error_after", 1)],
)
async def test_a_fault_happens_once_before_or_after_the_message_is_accepted(
    twilio: FakeTwilio, http: aiohttp.ClientSession, kind: Any, accepted: int
) -> None:
    twilio.faults.add(Fault(kind=kind, seconds=0.05, status=503, code=20503))
    if kind.startswith("error"):
        assert await send(http) == (503, error_body(20503, 503))
    else:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await send(http)
    assert len(twilio.sent) == accepted
    assert (await send(http))[0] == 201


def error_body(code: int, status: int) -> dict[str, Any]:
    return {
        "code": code,
        "message": "a fault of the fake",
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }


async def test_a_fault_waits_for_the_request_it_is_meant_for(twilio: FakeTwilio, http: aiohttp.ClientSession) -> None:
    twilio.faults.add(
        Fault(kind="error", operation="list"),
        Fault(kind="error", to="whatsapp:+84902222222"),
        Fault(kind="error", body="giá", times=2),
        Fault(kind="error", content_sid="HX" + "a" * 32),
    )
    assert [(await send(http, Body=body))[0] for body in ("chào", "giá?", "giá!", "giá.")] == [201, 500, 500, 201]
    assert (await send(http, To="whatsapp:+84902222222"))[0] == 500
    templates = ("HX" + "b" * 32, "HX" + "a" * 32)
    assert [(await send(http, ContentSid=sid, ContentVariables="{}"))[0] for sid in templates] == [201, 500]
    assert [fault.body for fault in twilio.faults.met] == ["giá", "giá", "", ""]
    async with http.get(f"{PATH}.json") as answer:
        assert answer.status == 500


async def test_callbacks_are_signed_and_tell_what_happened(
    twilio: FakeTwilio, http: aiohttp.ClientSession, server: Server
) -> None:
    _, message = await send(http, StatusCallback=f"{PUBLIC}/status/out-1#rc=3")
    await twilio.idle()
    assert server.statuses == ["sent", "delivered"]
    assert server.signed == [True, True]
    assert {fields["MessageSid"] for fields in server.got} == {message["sid"]}
    assert twilio.sent[0].status == "delivered"
    assert twilio.sent[0].sent_at is not None


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (CallbackPlan(statuses=("sent", "delivered", "read"), told=(2, 0, 1)), ["read", "sent", "delivered"]),
        (CallbackPlan(copies=2), ["sent", "sent", "delivered", "delivered"]),
        (CallbackPlan(told=()), []),
        (CallbackPlan(statuses=("sent", "undelivered"), error_code=63016), ["sent", "undelivered"]),
        (CallbackPlan(delay=0.02, interval=0.02), ["sent", "delivered"]),
    ],
)
async def test_callbacks_come_late_twice_out_of_order_or_never(
    twilio: FakeTwilio, http: aiohttp.ClientSession, server: Server, plan: CallbackPlan, told: list[str]
) -> None:
    twilio.callbacks.add(plan)
    await send(http, StatusCallback=f"{PUBLIC}/status/out-1")
    await twilio.idle()
    assert server.statuses == told
    assert twilio.sent[0].status == plan.statuses[-1]
    assert [fields["ErrorCode"] for fields in server.got if "ErrorCode" in fields] == ["63016"] * bool(plan.error_code)


async def test_callbacks_may_come_before_the_send_is_answered(
    twilio: FakeTwilio, http: aiohttp.ClientSession, server: Server
) -> None:
    twilio.callbacks.add(CallbackPlan(before_answer=True))
    twilio.faults.add(Fault(kind="hang_after", seconds=30))
    sending = asyncio.ensure_future(send(http, StatusCallback=f"{PUBLIC}/status/out-1"))  # noqa: TID251  awaited below
    async with asyncio.timeout(5):
        await server.got_two.wait()
    assert not sending.done()
    sending.cancel()


async def test_whoever_hangs_up_before_the_answer_is_told_by_callbacks_all_the_same(
    twilio: FakeTwilio, http: aiohttp.ClientSession, server: Server
) -> None:
    twilio.faults.add(Fault(kind="delay", seconds=0.3))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(send(http, StatusCallback=f"{PUBLIC}/status/out-1"), 0.1)
    async with asyncio.timeout(5):
        await server.got_two.wait()
    assert server.statuses == ["sent", "delivered"]


async def test_media_that_cannot_be_downloaded_make_the_message_undelivered(
    twilio: FakeTwilio, http: aiohttp.ClientSession, server: Server
) -> None:
    await send(http, MediaUrl=f"{PUBLIC}/picture", StatusCallback=f"{PUBLIC}/status/1")
    await twilio.idle()
    await send(http, MediaUrl=f"{PUBLIC}/missing", StatusCallback=f"{PUBLIC}/status/2")
    await twilio.idle()
    assert server.statuses == ["sent", "delivered", "undelivered"]
    assert server.got[-1]["ErrorCode"] == "63019"


async def test_a_contact_writes_with_a_signed_webhook(twilio: FakeTwilio, server: Server) -> None:
    answer = await twilio.deliver(f"{PUBLIC}/in", body="Xin chào", bsuid="whatsapp:VN.123")
    assert answer.status == 204
    (form,) = server.got
    assert server.signed == [True]
    assert (form["Body"], form["WaId"], form["ExternalUserId"]) == ("Xin chào", "84901234567", "whatsapp:VN.123")
    assert form["MessageSid"] == form["SmsMessageSid"] == form["SmsSid"]


async def test_webhooks_are_repeated_and_reordered_on_request(twilio: FakeTwilio, server: Server) -> None:
    specs = [InboundSpec(body="một"), InboundSpec(body="hai")]
    answers = await twilio.deliver_all(f"{PUBLIC}/in", specs, order=(1, 0, 1))
    assert [form["Body"] for form in server.got] == ["hai", "một", "hai"]
    assert [sid for sid, _ in answers] == [form["MessageSid"] for form in server.got]
    assert server.got[0]["MessageSid"] == server.got[2]["MessageSid"] != server.got[1]["MessageSid"]


async def test_an_answer_in_plain_text_is_a_violation_because_the_contact_would_get_it(
    twilio: FakeTwilio, server: Server
) -> None:
    server.answer = {"text": "ok"}
    await twilio.deliver(f"{PUBLIC}/in", body="Xin chào")
    assert "text/plain" in twilio.violations[0]


async def test_a_server_that_is_away_is_an_answer_without_status(twilio: FakeTwilio) -> None:
    answer = await twilio.deliver("http://127.0.0.1:9/in", body="Xin chào")
    assert answer.status == 0
    assert answer.error


async def test_the_typing_indicator_wants_a_message_sid(twilio: FakeTwilio, http: aiohttp.ClientSession) -> None:
    sid = dict(twilio.compose(InboundSpec()))["MessageSid"]
    for message, status in ((sid, 200), ("out-1", 400)):
        async with http.post(
            "/v2/Indicators/Typing.json", data={"channel": "whatsapp", "messageId": message}
        ) as answer:
            assert answer.status == status
    assert twilio.typing == [sid]


async def test_as_a_process_it_is_steered_by_json_and_logs_every_event(tmp_path: Path) -> None:
    log = tmp_path / "twilio.jsonl"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "frontdesk.testing.fake_twilio", "--log", str(log), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
    async with aiohttp.ClientSession(url, headers=headers) as http:

        async def ask(path: str, asked: Any) -> tuple[int, Any]:
            async with http.post(f"/_fake/{path}", json=asked) as answer:
                text = await answer.text()
                return answer.status, json.loads(text) if answer.content_type == "application/json" else text

        assert (await ask("faults", [{"kind": "error", "status": 429, "code": 20429}]))[0] == 200
        assert (await ask("callbacks", {"default": {"statuses": ["sent"], "times": 0}}))[0] == 200
        assert (await ask("settings", {"list_lag": 60, "fetch_media": False}))[0] == 200
        assert (await ask("settings", {"lag": 60})) == (
            400,
            "unknown: ['lag']; known: list_lag, rate, fetch_media, reach, senders",
        )
        assert [(await send(http))[0] for _ in range(2)] == [429, 201]
        _, delivered = await ask(
            "deliver", {"url": "http://127.0.0.1:9/in", "messages": [{"body": "chào"}], "order": [0, 0]}
        )
        async with http.get("/_fake/state") as answer:
            state = await answer.json()
    assert [message["body"] for message in state["sent"]] == ["Chào"]
    assert len(state["attempts"]) == 2
    assert [event["sid"] for event in state["webhooks"]] == [one["sid"] for one in delivered]
    process.kill()  # the log must be there without a farewell
    assert await process.wait() == -signal.SIGKILL
    events = [json.loads(line)["event"] for line in log.read_text("utf-8").splitlines()]
    assert events == ["attempt", "fault", "attempt", "accepted", "webhook", "webhook"]


async def test_a_sender_that_is_faster_than_its_rate_is_a_violation(twilio, http):
    twilio.state.rate = 3
    for _ in range(4):
        assert twilio.violations == []
        async with http.post(f"{PATH}.json", data=TEXT) as answer:
            assert answer.status == 201
    assert twilio.violations == [f"{NUMBER} sends more than 3 messages a second"]


async def test_free_form_outside_the_service_window_fails_later_and_is_a_violation(twilio, http):
    twilio.state.service_window = timedelta(hours=24)
    contact = TEXT["To"]
    await send(http, Body="too early")
    form = dict(twilio.compose(InboundSpec(body="Chào", from_=contact, to=NUMBER)))
    await send(http, Body="an answer")
    twilio.state.messages[form["MessageSid"]].created_at -= timedelta(hours=24)
    await send(http, Body="too late")
    await send(http, Body="a template", ContentSid=twilio.contents.template(ACCOUNT_SID, "Chào"))
    await send(http, Body="refused", ContentSid=twilio.contents.template(ACCOUNT_SID, "Chào", status="rejected"))
    await twilio.idle()
    assert [message.error_code for message in twilio.sent] == [63016, None, 63016, None, 63016]
    assert [message.status for message in twilio.sent][1::2] == ["delivered", "delivered"]
    assert len(twilio.violations) == 3


def test_the_parameters_it_knows_are_those_of_the_vendors_own_package() -> None:
    seen: dict[str, Any] = {}

    class Line(TwilioHttpClient):
        def request(self, *_: object, data: Any = None, **__: object) -> Response:
            seen.update(data)
            return Response(201, "{}")

    every = [name for name in inspect.signature(MessageList.create).parameters if name != "self"]
    given = {**dict.fromkeys(every, "x"), "send_at": datetime(2026, 11, 28, tzinfo=UTC)}
    Client(ACCOUNT_SID, AUTH_TOKEN, http_client=Line()).messages.create(**given)
    assert set(seen) == PARAMETERS

"""Promise 5: one bad plugin hurts one hook of one tenant. Each bad one is listed beside good ones, and the contact is
answered; log and /readyz say whose fault it was."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from frontdesk import Channel, Inbound, Media, dispatch, step
from frontdesk.config import ConfigError
from frontdesk.registry import PluginRefused
from frontdesk.store.collections import MESSAGES
from frontdesk.testing.plugins import ScriptedModel

QUICK = {"times": {"hook_deadline": 0.3, "sdk_timeout": 0.2, "send_timeout": 0.3, "think_deadline": 0.5}}
SAMPLES = Path(__file__).parent / "samples"

RUNS_BADLY = {
    "raises_at_start": {"start": "NeedsAttention"},
    "raises_in_init": {},
    "raises_in_hook": {
        "on_message": "ValueError at raises_in_hook.py",
        "prompt_section": "SystemExit at raises_in_hook.py",
        "think": "it was cancelled from within",
        "on_turn_committed": "MaybeSent at raises_in_hook.py",
    },
    "hangs_awaiting": {"prompt_section": "deadline of 0.3 s", "think": "deadline of 0.5 s"},
    "swallows_its_end": {"prompt_section": "deadline of 0.3 s"},
}
"""Sample → the hooks that fail while a message is answered, and what the log says of each."""

BEFORE_RUNNING = "refused by the registry (tests/test_registry.py) or told by `frontdesk check` (tests/test_tenants.py)"
ELSEWHERE = {
    "blocks_loop": "tests/test_watchdog.py",
    "answers_nonsense": "below, for each hook",
    "address_book": "a good example: tests/services/test_pushing.py",
    "loyalty": "a good example: tests/services/test_cards.py",
    "card_gone_wrong": "tests/services/test_cards.py",
    "weather": "the good example: tests/plugins/test_weather.py",
    "raises_at_import": BEFORE_RUNNING,
    "weather_again": BEFORE_RUNNING,
    **dict.fromkeys(
        [
            "channel_hook_without_channel",
            "deed_without_lookup",
            "lookup_of_other_arguments",
            "many_mistakes",
            "misspelt_argument",
            "misspelt_hook",
            "old_api",
            "optional_hook",
            "pages_of_an_instance",
            "patient_sdk",
            "renamed_hook",
            "settings_of_no_class",
            "sync_hook",
            "tool_without_annotation",
            "tool_without_docstring",
            "unmarked_hook",
            "wants_to_be_first",
            "wraps_hook",
        ],
        BEFORE_RUNNING,
    ),
}


def test_every_sample_is_tried():
    samples = {path.stem for path in SAMPLES.glob("*.py")}
    assert samples == set(RUNS_BADLY) | set(ELSEWHERE)


def blamed(logs: list[Any], name: str) -> dict[str, str]:
    """Hook → reason, of the clinic's plugin *name*, as the log tells them."""
    return {
        entry["hook"]: entry["reason"]
        for entry in logs
        if (entry["event"], entry.get("tenant"), entry.get("plugin")) == ("hook_failed", "clinic", name)
    }


@pytest.mark.parametrize("name", RUNS_BADLY)
async def test_the_contact_is_answered_whatever_a_plugin_does(desk, sample, monkeypatch, name):
    monkeypatch.setattr(step, "GRACE", 0.05)
    plugins = {name: sample(name), "model": ScriptedModel}
    with capture_logs() as logs:
        async with desk(plugins=plugins, server=QUICK) as server:
            lan = server.contact("Lan")
            await lan.says("Chào")
            assert await lan.hears() == "You said: Chào"
            await server.quiet()
            states = (await server.server.readiness.look())[1]["plugins"]["clinic"]
    reasons = blamed(logs, name)
    for hook, reason in RUNS_BADLY[name].items():
        if hook == "start":
            assert states[name] == "not started"
            assert "not started" in next(entry["reason"] for entry in logs if entry.get("plugin") == name)
        else:
            assert reason in reasons[hook], hook
    assert states["model"] == states["phone"] == "ok"


async def test_a_plugin_that_keeps_failing_is_shown_as_switched_off_and_costs_no_time(desk, sample):
    plugins = {"hangs_awaiting": sample("hangs_awaiting"), "model": ScriptedModel}
    async with desk(plugins=plugins, server=QUICK) as server:
        lan = server.contact("Lan")
        loop = asyncio.get_running_loop()
        took = []
        for number in range(6):
            began = loop.time()
            await lan.says(f"câu {number}")
            assert await lan.hears() == f"You said: câu {number}"
            took.append(loop.time() - began)
            server.clock.advance(1)
        ready, found = await server.server.readiness.look()
        assert ready
        assert found["plugins"]["clinic"]["hangs_awaiting"] == "switched off"
        assert took[5] < took[0] - 0.5


async def test_another_tenant_with_the_same_plugin_has_a_breaker_of_its_own(desk, sample):
    tenants = {"clinic": {}, "school": {}}
    plugins = {"raises_in_hook": sample("raises_in_hook"), "model": ScriptedModel}
    async with desk(plugins=plugins, tenants=tenants) as server:
        for number in range(6):
            lan = server.contact(f"Lan{number}")
            await lan.says("Chào")
            await lan.hears()
        states = {}
        for tenant in tenants:
            runtime = await server.server.runtimes.get(tenant)
            (bound,) = runtime.hook("prompt_section")
            states[tenant] = bound.breaker.state
        assert states == {"clinic": "open", "school": "closed"}


VOICE = {"kind": "voice", "media": (Media(content_type="audio/ogg", url="https://vendor.example/1"),)}


@pytest.mark.parametrize("hook", ["transcribe", "prompt_section", "think"])
async def test_nonsense_in_a_turn_is_passed_over_for_the_next_plugin(desk, sample, hook):
    plugins = {"answers_nonsense": sample("answers_nonsense"), "model": ScriptedModel}
    settings = {"answers_nonsense": {"hooks": ["transcribe", "prompt_section", "think"]}}
    with capture_logs() as logs:
        async with desk(plugins=plugins, settings=settings) as server:
            lan = server.contact("Lan")
            await lan.says("Chào")
            assert await lan.hears() == "You said: Chào"
            runtime = await server.server.runtimes.get("clinic")
            media = Media(content_type="audio/ogg", key="0" * 64)
            assert await dispatch.first(runtime.hook("transcribe"), media=media, language="vi") is None
    assert "answered nonsense" in blamed(logs, "answers_nonsense")[hook]


@pytest.mark.parametrize(("hook", "status"), [("parse_webhook", 503), ("parse_status", 503)])
async def test_nonsense_about_a_webhook_makes_the_provider_try_again(desk, sample, serving, hook, status):
    plugins = {"answers_nonsense": sample("answers_nonsense"), "model": ScriptedModel}
    settings = {"answers_nonsense": {"hooks": [hook]}}
    path = "/webhooks/answers_nonsense/clinic" + ("/status/m1" if hook == "parse_status" else "")
    with capture_logs() as logs:
        async with (
            desk(plugins=plugins, settings=settings) as server,
            serving(server.server) as url,
            aiohttp.ClientSession() as http,
            http.post(f"{url}{path}", data=b"x") as answer,
        ):
            assert answer.status == status
    (refused,) = [entry for entry in logs if entry["event"] == "webhook_refused"]
    assert f"tenant clinic: plugin answers_nonsense: {hook}: answered nonsense" in refused["reason"]


async def nonsense_channel(server: Any) -> Any:
    """A contact on the channel that answers nonsense has written."""
    runtime = await server.server.runtimes.get("clinic")
    inbound = Inbound(provider_id="m1", external_id="n:lan", address="n:desk", text="Chào")
    await server.server.inbox.accept(runtime.tenant, "answers_nonsense", inbound)
    return runtime


@pytest.mark.parametrize("hooks", [["send"], ["send", "find_sent"]])
async def test_after_nonsense_from_send_nothing_is_lost_or_claimed(desk, sample, hooks):
    plugins = {"model": ScriptedModel, "answers_nonsense": sample("answers_nonsense")}
    with capture_logs() as logs:
        async with desk(plugins=plugins, settings={"answers_nonsense": {"hooks": hooks}}) as server:
            await nonsense_channel(server)

            async def told() -> bool:
                return all("answered nonsense" in blamed(logs, "answers_nonsense").get(hook, "") for hook in hooks)

            await server.until("the nonsense is told", told)
            (sent,) = await server.repository().find(
                MESSAGES, {"direction": "outbound", "state": "sending"}, order_by="at"
            )
            assert sent.provider_id == ""
            phone = server.contact("Lan")
            await phone.says("Chào")
            assert await phone.hears() == "You said: Chào"


async def test_a_channel_that_cannot_fetch_is_told_to_the_model_and_the_contact_is_answered(desk, sample):
    plugins = {"model": ScriptedModel, "answers_nonsense": sample("answers_nonsense")}
    with capture_logs() as logs:
        async with desk(plugins=plugins, settings={"answers_nonsense": {"hooks": ["fetch_media"]}}) as server:
            runtime = await server.server.runtimes.get("clinic")
            inbound = Inbound(provider_id="m1", external_id="n:lan", address="n:desk", **VOICE)
            await server.server.inbox.accept(runtime.tenant, "answers_nonsense", inbound)
            model = await server.plugin("model")

            async def asked() -> bool:
                return bool(model.requests)

            await server.until("the model is asked", asked)
            assert model.requests[0].messages[-1].text == "[voice note, could not be understood]"
    (told,) = {entry["reason"] for entry in logs if entry["event"] == "media_not_fetched"}
    assert "tenant clinic: plugin answers_nonsense: fetch_media: answered nonsense" in told


async def test_nonsense_about_its_health_is_passed_over(desk, sample):
    plugins = {"model": ScriptedModel, "answers_nonsense": sample("answers_nonsense")}
    with capture_logs() as logs:
        async with desk(plugins=plugins, settings={"answers_nonsense": {"hooks": ["check_health"]}}) as server:
            await server.server.runtimes.get("clinic")
            await server.server.runtimes.tend()
            assert (await server.server.readiness.look())[0]
    assert "answered nonsense" in blamed(logs, "answers_nonsense")["check_health"]


class AddressOfNobody(Channel):
    """Looks at what anybody may post, and fails."""

    @classmethod
    def address_of(cls, request: Any) -> str | None:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")


async def test_a_channel_that_cannot_read_whom_a_shared_webhook_is_for_makes_the_provider_try_again(desk, serving):
    with capture_logs() as logs:
        async with (
            desk(plugins={"nobody": AddressOfNobody}) as server,
            serving(server.server) as url,
            aiohttp.ClientSession() as http,
            http.post(f"{url}/webhooks/nobody", data=b"\xff") as answer,
        ):
            assert answer.status == 503
    (refused,) = [entry for entry in logs if entry["event"] == "webhook_refused"]
    assert "plugin nobody: address_of: UnicodeDecodeError" in refused["reason"]


async def test_a_server_does_not_start_with_a_class_that_is_refused(desk, sample):
    with pytest.raises(PluginRefused, match="misspelt_hook"):
        async with desk(plugins={"misspelt_hook": sample("misspelt_hook")}):
            raise AssertionError("it started")


async def test_a_server_does_not_start_with_two_tools_of_one_name(desk, sample):
    with pytest.raises(
        ConfigError, match=r"tenants\.yaml:.*the tool forecast of weather_again has the name of one of weather"
    ):
        async with desk(plugins={"weather": sample("weather"), "weather_again": sample("weather_again")}):
            raise AssertionError("it started")

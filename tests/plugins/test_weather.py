"""The plugin of docs/how-to/write-a-plugin.md, with the test that the page shows; and that the page shows just these."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from frontdesk import ModelReply, ToolCall
from frontdesk.config import Times
from frontdesk.registry import Registry
from frontdesk.tenants import read_tenants
from frontdesk.testing.plugins import ScriptedModel

from .samples.weather import Weather

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/write-a-plugin.md").read_text("utf-8")


@pytest.fixture
async def weather_service():
    """A weather service on loopback; its address."""

    async def forecast(request: web.Request) -> web.Response:
        if request.headers["x-api-key"] != "key-1":
            return web.Response(status=401)
        known = {("Hanoi", "2026-11-24"): {"summary": "sunny", "celsius": 31}}
        return web.json_response(known[request.query["city"], request.query["day"]])

    app = web.Application()
    app.router.add_get("/", forecast)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


# start: test
async def test_tells_the_weather_of_a_day(desk, weather_service, monkeypatch):
    monkeypatch.setenv("WEATHER_KEY", "key-1")
    plugins = {"model": ScriptedModel, "weather": Weather}
    settings = {"weather": {"api_url": weather_service, "api_key": {"env": "WEATHER_KEY"}}}
    async with desk(plugins=plugins, settings=settings) as server:
        model = await server.plugin("model")
        asks = ToolCall(id="1", name="forecast", arguments={"day": "2026-11-24"})
        model.script = [ModelReply(tool_calls=(asks,)), "It will be sunny."]
        lan = server.contact("Lan")
        await lan.says("What is the weather tomorrow?")
        assert await lan.hears() == "It will be sunny."
        (result,) = model.requests[1].messages[-1].tool_results
        assert result.content == "Hanoi on 24/11/2026: sunny, 31 °C"


# end: test


@pytest.mark.parametrize(
    ("day", "key", "told"),
    [
        ("2026-12-24", "key-1", "forecasts reach from today to seven days ahead"),
        ("2026-11-24", "key-2", "it failed; nothing is known to have been done"),
        ("soon", "key-1", "the arguments of forecast are wrong: day: Input should be a valid date"),
    ],
)
async def test_what_goes_wrong_is_told_to_the_model(desk, weather_service, monkeypatch, day, key, told):
    monkeypatch.setenv("WEATHER_KEY", key)
    settings = {"weather": {"api_url": weather_service, "api_key": {"env": "WEATHER_KEY"}}}
    async with desk(plugins={"model": ScriptedModel, "weather": Weather}, settings=settings) as server:
        model = await server.plugin("model")
        model.script = [ModelReply(tool_calls=(ToolCall(id="1", name="forecast", arguments={"day": day}),)), "Sorry."]
        lan = server.contact("Lan")
        await lan.says("What is the weather?")
        assert await lan.hears() == "Sorry."
        (result,) = model.requests[1].messages[-1].tool_results
        assert result.error and result.content.startswith(told)


def marked(path: str, name: str) -> str:
    """The lines of a file between `# start: NAME` and `# end: NAME`."""
    text = (ROOT / path).read_text("utf-8")
    found = re.search(rf"^# start: {name}\n(.*?)\s*^# end: {name}$", text, re.DOTALL | re.MULTILINE)
    assert found, f"{path} has no part {name}"
    return found[1].rstrip() + "\n"


def quoted(mark: str) -> str:
    """The fenced block of the page below the comment *mark*."""
    found = re.search(rf"<!-- {re.escape(mark)} -->\n```\w*\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"docs/how-to/write-a-plugin.md has no block {mark}"
    return found[1]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("tests/plugins/samples/weather.py", "plugin"),
        ("tests/plugins/test_weather.py", "test"),
        ("tests/plugins/samples/loyalty.py", "card"),
    ],
)
def test_the_page_quotes_tested_code(path, name):
    assert quoted(f"{path}: {name}") == marked(path, name)


def test_the_pages_project_names_the_class_that_is_there():
    project = tomllib.loads(quoted("pyproject.toml"))["project"]
    assert project["entry-points"]["frontdesk.plugins"] == {"weather": f"frontdesk_plugin_weather:{Weather.__name__}"}


def test_the_pages_tenants_file_loads_with_the_plugin(tmp_path):
    registry = Registry(Times())
    registry.register("weather", Weather)
    tenant = {"name": "Lan", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi"}
    example = yaml.safe_load(quoted("append to a tenant"))
    path = tmp_path / "tenants.yaml"
    path.write_text(yaml.safe_dump({"tenants": {"lan": {**tenant, **example}}}), "utf-8")
    assert read_tenants(path, registry)[2] == []

"""/metrics over a real connection: who may read it, and that the library's own parser reads all of it."""

from __future__ import annotations

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from frontdesk.app import StartupError
from frontdesk.web.metrics import allows


async def get(url: str, **headers: str) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics", headers=headers) as answer:
        return answer.status, answer.content_type, await answer.text()


async def test_this_machine_reads_what_the_library_parses(desk, serving):
    async with desk() as server, serving(server.server) as url:
        lan = server.contact("Lan")
        await lan.says("Xin chào ạ.")
        await lan.hears()
        status, kind, text = await get(url)
    assert (status, kind) == (200, "text/plain")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["frontdesk_turn_seconds"].type == "histogram"
    assert {s.value for s in families["frontdesk_turns"].samples if s.labels == {"ending": "committed"}} == {1}
    assert text.count("# TYPE ") == len(families)


async def test_who_comes_through_a_proxy_or_under_another_name_reads_nothing(desk, serving):
    async with desk() as server, serving(server.server) as url:
        for header in ({"X-Forwarded-For": "203.0.113.9"}, {"Host": "desk.example.com"}):
            status, _, text = await get(url, **header)
            assert status == 403 and "frontdesk_" not in text


async def test_with_a_token_it_alone_opens_the_page(desk, serving, monkeypatch):
    monkeypatch.setenv("METRICS_TOKEN", "s3cret")
    async with desk(server={"metrics": {"token": {"env": "METRICS_TOKEN"}}}) as server, serving(server.server) as url:
        assert (await get(url))[0] == 401
        assert (await get(url, Authorization="Bearer s3cre"))[0] == 401
        assert (await get(url, Authorization="Basic s3cret"))[0] == 401
        status, _, text = await get(url, Authorization="Bearer s3cret", Host="desk.example.com")
        assert status == 200 and "frontdesk_build_info" in text and "s3cret" not in text


@pytest.mark.parametrize("value", [None, ""])
async def test_a_token_that_is_not_there_stops_the_start(desk, monkeypatch, value):
    if value is None:
        monkeypatch.delenv("METRICS_TOKEN", raising=False)
    else:
        monkeypatch.setenv("METRICS_TOKEN", value)
    with pytest.raises(StartupError, match="METRICS_TOKEN"):
        async with desk(server={"metrics": {"token": {"env": "METRICS_TOKEN"}}}):
            pass


def test_a_token_may_hold_any_letters():
    assert allows("khoá", "203.0.113.9", {"authorization": "bearer khoá"})
    assert not allows("khoá", "127.0.0.1", {"authorization": "bearer khóa"})

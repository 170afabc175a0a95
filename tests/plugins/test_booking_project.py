"""The booking plugin of tests/plugins/projects, which the tests from end to end stand on: in process, and as a project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from frontdesk import ModelReply, ToolCall
from frontdesk.config import Times
from frontdesk.plugins.rehearsal_llm import RehearsalLlm
from frontdesk.testing.clock import MovableClock
from frontdesk.testing.plugins import ScriptedModel

FOLDER = Path(__file__).parent / "projects" / "frontdesk-plugin-booking"
HANOI = {"clinic": {"name": "Nha khoa Hoa Sen", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi"}}


def asks(tool: str, **arguments: object) -> ModelReply:
    return ModelReply(tool_calls=(ToolCall(id=f"call-{tool}-{arguments}", name=tool, arguments=arguments),))


async def said_by(desk, *calls, tenants=None, journal=""):
    """What the tools answered, in the order of *calls*."""
    plugins = {"model": ScriptedModel, "booking": desk.booking}
    async with desk.start(plugins=plugins, tenants=tenants, settings={"booking": {"journal": journal}}) as server:
        lan = server.contact("Lan")
        await lan.says("Chào")
        await lan.hears()
        model = await server.plugin("model")
        model.script += [*calls, "Dạ."]
        await lan.says("Làm đi")
        await lan.hears()
        return [result for message in model.requests[-1].messages for result in message.tool_results]


@pytest.fixture
def with_booking(desk, booking_plugin):
    class With:
        start = staticmethod(desk)
        booking = booking_plugin

    return With


async def test_free_times_are_those_of_the_settings_in_the_tenants_zone(with_booking):
    (answer,) = await said_by(with_booking, asks("free_times", day="2026-11-24"), tenants=HANOI)
    labels = [line.split(" — ")[1] for line in answer.content.splitlines()]
    assert labels == [
        "09:00 thứ Ba, 24/11/2026",
        "10:30 thứ Ba, 24/11/2026",
        "15:00 thứ Ba, 24/11/2026",
    ]


async def test_what_is_past_is_not_free(with_booking):
    # The clock of the tests says 02:00 UTC, which is 09:00 in Hanoi.
    (answer,) = await said_by(with_booking, asks("free_times", day="2026-11-23"), tenants=HANOI)
    assert [line.split(" — ")[1][:5] for line in answer.content.splitlines()] == ["10:30", "15:00"]


async def test_a_slot_is_booked_once_listed_and_cancelled(desk, booking_plugin, tmp_path):
    journal = tmp_path / "journal.jsonl"
    plugins = {"model": ScriptedModel, "booking": booking_plugin}
    async with desk(plugins=plugins, settings={"booking": {"journal": str(journal)}}) as server:
        model, booking = await server.plugin("model"), await server.plugin("booking")
        slot = (await booking.free_times(datetime(2026, 11, 25, tzinfo=UTC).date())).split(" — ")[0]

        async def ask(contact, *calls):
            model.script += [*calls, "All right."]
            await contact.says("please")
            await contact.hears()
            return [r for m in model.requests[-1].messages for r in m.tool_results]

        lan, minh = server.contact("Lan"), server.contact("Minh")
        (booked,) = await ask(lan, asks("book", slot=slot, name="Lan"))
        assert booked.content == "You are booked for Wednesday 25/11/2026 at 09:00, Lan."
        (refused,) = await ask(minh, asks("book", slot=slot, name="Minh"))
        assert refused.error and "just been taken" in refused.content
        (own,) = await ask(lan, asks("my_bookings"))
        booking_id = own.content.split(" — ")[0]
        (foreign,) = await ask(minh, asks("cancel", booking=booking_id))
        assert foreign.error and "no such booking" in foreign.content
        (cancelled,) = await ask(lan, asks("cancel", booking=booking_id))
        assert cancelled.content == "Your booking for Wednesday 25/11/2026 at 09:00 is cancelled."
        (again,) = await ask(minh, asks("book", slot=slot, name="Minh"))
        assert not again.error
    assert [json.loads(line)["did"] for line in journal.read_text().splitlines()] == ["booked", "cancelled", "booked"]


@pytest.mark.parametrize(
    ("tenant", "says", "answers"),
    [
        (HANOI["clinic"], "Chào bạn, mình muốn đặt lịch hẹn ngày mai lúc 10:30, mình tên là Lan", ["có", "vâng ạ"]),
        ({"language": "en"}, "Hello, I would like to book a visit tomorrow at 10:30, my name is Lan", ["yes", "yes"]),
    ],
    ids=["vi", "en"],
)
async def test_the_offline_model_books_with_it(desk, booking_plugin, tmp_path, tenant, says, answers):
    journal = tmp_path / "journal.jsonl"
    async with desk(
        plugins={"rehearsal_llm": RehearsalLlm, "booking": booking_plugin},
        tenants={"clinic": tenant},
        settings={"booking": {"journal": str(journal)}},
    ) as server:
        lan = server.contact("Lan")
        await lan.says(says)
        heard = [await lan.hears()]
        for answer in answers:
            if journal.exists():
                break
            await lan.says(answer)
            heard.append(await lan.hears())
        assert journal.exists(), heard
        assert "10:30" in heard[-1] and "24/11/2026" in heard[-1]
        assert len(journal.read_text().splitlines()) == 1


async def test_slots_have_the_same_ids_in_every_process(desk, booking_plugin):
    ids = []
    for days in (0, 1):
        clock = MovableClock(datetime(2026, 11, 23, 2, tzinfo=UTC) + timedelta(days=days))
        async with desk(plugins={"model": ScriptedModel, "booking": booking_plugin}, clock=clock) as server:
            booking = await server.plugin("booking")
            ids.append(await booking.free_times(datetime(2026, 11, 25, tzinfo=UTC).date()))
    assert ids[0] == ids[1] != ""


def test_the_folder_on_the_path_is_an_installed_plugin():
    program = (
        "from frontdesk.registry import Registry; from frontdesk.config import Times; "
        "kind = Registry(Times()).load('booking'); print(kind.distribution, [t.spec.name for t in kind.tools])"
    )
    environment = {**os.environ, "PYTHONPATH": str(FOLDER)}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "frontdesk-plugin-booking 1.0 ['free_times', 'book', 'my_bookings', 'cancel']"


def test_what_the_folder_says_of_itself_is_what_an_installation_would_write():
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text("utf-8"))["project"]
    points = ConfigParser()
    points.read(FOLDER / "frontdesk_plugin_booking-1.0.dist-info" / "entry_points.txt")
    assert {name: dict(points[name]) for name in points.sections()} == project["entry-points"]
    metadata = (FOLDER / "frontdesk_plugin_booking-1.0.dist-info" / "METADATA").read_text("utf-8")
    assert f"Name: {project['name']}\nVersion: {project['version']}\n" in metadata


def test_it_passes_the_checks_of_the_registry(booking_plugin):
    from frontdesk.registry import Registry

    kind = Registry(Times()).register("booking", booking_plugin)
    schema = next(tool.spec.schema for tool in kind.tools if tool.spec.name == "book")
    assert schema["required"] == ["slot", "name"]
    assert "context" not in schema["properties"]

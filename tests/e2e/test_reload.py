"""The tenants file is edited while contacts write: nothing lost, nothing twice, and what is new is answered."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import Front, until
from .contacts import TENANT, echoed
from .load import Load

MakeFront = Callable[..., Front]
FACT = {
    "topic": "học phí IELTS",
    "questions": ["khóa ielts giá bao nhiêu", "học phí ielts"],
    "answer": "Khóa IELTS học phí 7.900.000đ.",
}


def edit(desk: Front, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the tenant in the file, as an editor does: a new file in the place of the old one."""
    data = yaml.safe_load(desk.file.read_text("utf-8"))
    change(data["tenants"][TENANT])
    scratch = desk.file.with_suffix(".new")
    scratch.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), "utf-8")
    scratch.rename(desk.file)


async def test_the_file_changes_under_load_a_bad_one_is_refused_and_a_new_fact_is_answered(
    front: MakeFront, parrot: dict[str, Any], quick: dict[str, Any]
) -> None:
    async with front(parrot, times=quick, reload_every=0.2) as desk:
        await desk.start()
        load = Load([desk], contacts=8, messages=6, halves=True)

        async def reloaded(times: int) -> Any:
            async def seen() -> bool:
                return len(desk.logged("reloaded")) >= times

            return await until(f"the file was adopted {times} times", seen)

        async with asyncio.TaskGroup() as group:
            writing = group.create_task(load.run())
            edit(desk, lambda tenant: tenant.update(name="Trung tâm Mới"))
            await reloaded(1)
            edit(desk, lambda tenant: tenant.update(time_zone="Asia/Hanoy"))

            async def refused() -> Any:
                return desk.logged("reload_refused")

            (entry,) = await until("the bad file was refused", refused)
            assert "time_zone" in entry["problems"][0] and str(desk.file) in entry["problems"][0]
            load.go_on.set()
            await writing
        assert {status for status, _ in load.answers} == {204}

        def other_plugins(tenant: dict[str, Any]) -> None:
            tenant.update(time_zone="Asia/Ho_Chi_Minh", facts=[FACT], plugins=[tenant["plugins"][0], "rehearsal_llm"])

        edit(desk, other_plugins)
        assert desk.process is not None
        desk.process.send_signal(signal.SIGHUP)
        await reloaded(2)
        await desk.quiet()
        assert echoed(desk.twilio) == {f"m{contact}x{n}": 1 for contact in range(8) for n in range(6)}
        assert "7.900.000đ" in await desk.phone("+84901234567").asks("khóa ielts giá bao nhiêu vậy em")
        assert desk.twilio.violations == []
        assert await desk.ready_status() == 200


async def test_what_is_written_to_a_suspended_tenant_after_a_restart_is_answered_when_it_is_back(
    front: MakeFront, parrot: dict[str, Any], quick: dict[str, Any]
) -> None:
    async with front(parrot, times=quick, reload_every=0.2) as desk:
        lan = desk.phone("+84901234567")
        whole = desk.file.read_text("utf-8")
        data = yaml.safe_load(whole)
        del data["tenants"][TENANT]["plugins"][0]
        data["tenants"] = {"another": data["tenants"][TENANT]}

        async def reloaded(times: int) -> Any:
            async def seen() -> Any:
                found = desk.logged("reloaded")
                return found if len(found) == times else None

            return await until(f"the file was adopted {times} times", seen)

        await desk.start()
        desk.file.write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
        (entry,) = await reloaded(1)
        assert entry["suspended"] == [TENANT]
        await desk.kill()
        await desk.start()
        await lan.says("m0x1")  # 204, or it raises
        desk.file.write_text(whole, "utf-8")
        await reloaded(2)
        # What waits is looked at every 30 s; another message does not wait for that.
        assert await lan.asks("m0x2") == "Echo m0x1 m0x2"


@pytest.mark.slow
async def test_an_object_in_s3_is_adopted_a_bad_one_refused_and_an_outage_told_once_while_contacts_are_answered(
    front: MakeFront, parrot: dict[str, Any], quick: dict[str, Any], bucket: Any, tmp_path: Path
) -> None:
    absolute = {"data_dir": f"{tmp_path}/data", "store": f"sqlite:///{tmp_path}/data/frontdesk.db"}
    async with front(parrot, times=quick, reload_every=0.2, **absolute) as desk:
        lan = desk.phone("+84901234567")

        async def logged(event: str) -> list[dict[str, Any]]:
            async def seen() -> list[dict[str, Any]]:
                return desk.logged(event)

            return list(await until(f"{event} was logged", seen))

        bucket.put(desk.file.read_text("utf-8"))
        desk.serves = bucket.address()
        await desk.start()
        edit(desk, lambda tenant: tenant.update(time_zone="Asia/Hanoy"))
        bucket.put(desk.file.read_text("utf-8"))
        assert await lan.asks("m0x1") == "Echo m0x1"
        (refused,) = await logged("reload_refused")
        assert f"s3://{bucket.name}/tenants.yaml:" in refused["problems"][0] and "time_zone" in refused["problems"][0]

        await asyncio.to_thread(bucket.service.stop)
        (away,) = await logged("tenants_file_away")
        assert "Could not connect" in away["reason"]
        assert await lan.asks("m0x2") == "Echo m0x2"
        bucket.service.start()
        await logged("tenants_file_back")
        assert desk.logged("reloaded") == []

        edit(desk, lambda tenant: tenant.update(time_zone="Asia/Ho_Chi_Minh", name="Trung tâm Mới"))
        bucket.put(desk.file.read_text("utf-8"))
        await logged("reloaded")
        assert await lan.asks("m0x3") == "Echo m0x3"
        assert [len(desk.logged(event)) for event in ("reload_refused", "tenants_file_away", "reloaded")] == [1, 1, 1]
        assert desk.twilio.violations == []
        assert await desk.ready_status() == 200

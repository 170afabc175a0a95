"""Who writes on WhatsApp is in HubSpot: a real server process, killed in the middle of telling it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from frontdesk.testing.fake_hubspot import FakeHubspot, Fault

from .conftest import Front, until
from .contacts import SETTLE

EXAMPLE = Path(__file__).parents[2] / "tenants.example.yaml"
SAID = {
    "lotus-school": ("+84901234567", "Nguyễn Thị Lan", "khóa ielts giá bao nhiêu tiền vậy em", "7.900.000đ", "Lan"),
    "riverside-dental": ("+447700900123", "Tom Baker", "how much is a cleaning?", "£72", "Tom"),
}


@pytest.fixture
async def hubspot() -> AsyncIterator[FakeHubspot]:
    async with FakeHubspot() as running:
        yield running
        assert not running.refused, "a request that HubSpot would refuse"


@pytest.mark.slow
@pytest.mark.parametrize("business", SAID)
async def test_a_contact_is_in_hubspot_once_though_the_server_was_killed_while_it_told_it(
    front: Callable[..., Front], hubspot: FakeHubspot, tmp_path: Path, business: str, quick: dict[str, Any]
) -> None:
    tenant: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text("utf-8"))["tenants"][business]
    tenant.pop("opening_hours", None)
    (tmp_path / "token").write_text(hubspot.account.token, "utf-8")
    crm = {"access_token": {"file": "token"}, "api_base_url": hubspot.url, "push_after": 0.5}
    number, name, asks, answer, first = SAID[business]
    # The contact is made, and its answer never comes.
    hubspot.faults.add(Fault(kind="hang_after", path="contacts/batch/upsert", seconds=30))
    async with front(
        {**tenant, "settle": SETTLE, "plugins": ["rehearsal_llm", {"crm_hubspot": crm}]}, times=quick
    ) as desk:
        await desk.start()
        phone = desk.phone(number, name)
        assert answer in await phone.asks(asks)

        async def made() -> bool:
            return bool(hubspot.account.all("contacts"))

        await until("the contact is made", made)
        await desk.kill()
        await desk.start()

        async def logged() -> bool:
            return bool(hubspot.account.all("communications"))

        await until("the conversation is there", logged, seconds=60)
        record, log = hubspot.account.one("contacts"), hubspot.account.one("communications")
        assert (record.properties["firstname"], record.properties["phone"]) == (first, number)
        assert asks in log.properties["hs_communication_body"] and answer in log.properties["hs_communication_body"]
        await until(
            "they are connected", lambda: _truth(hubspot.account.linked("contacts", record.id, "communications"))
        )


async def _truth(value: Any) -> bool:
    return bool(value)

"""Two server processes on one store: what an operator saves at one is in force at the other within seconds."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import aiohttp

from frontdesk.auth import Accounts
from frontdesk.clock import SystemClock
from frontdesk.config import load
from frontdesk.store.opening import open_store
from frontdesk.testing.process import ServerProcess

from .conftest import until

TENANTS: dict[str, Any] = {
    "school": {
        "name": "Hoa Sen",
        "time_zone": "Asia/Ho_Chi_Minh",
        "language": "vi",
        "persona": {"name": "Mai"},
        "plugins": ["simulator", "rehearsal_llm"],
    }
}


async def signed_in(file: Path) -> tuple[str, str]:
    """The cookie of a manager, and the token of their forms."""
    store = open_store(load(file).store_url(), SystemClock())
    await store.open()
    try:
        accounts = Accounts(store)
        lan = await accounts.create("lan@example.com", "Lan", "correct horse battery", roles={"school": "manager"})
        session, cookie = await accounts.open_session(lan.id)
    finally:
        await store.close()
    return cookie, session.csrf


async def test_another_process_has_a_change_within_five_seconds(tmp_path: Path) -> None:
    async with ServerProcess(tmp_path, TENANTS, name="one") as one, ServerProcess(tmp_path, TENANTS, name="two") as two:
        await one.start()
        await two.start()
        cookie, csrf = await signed_in(one.file)
        async with aiohttp.ClientSession(cookies={"frontdesk": cookie}) as http:

            async def phone(server: ServerProcess) -> str:
                """The phone's page of this process, which names the assistant."""
                async with http.get(f"{server.url}/plugins/simulator/school/") as answer:
                    return await answer.text()

            assert "Lan H" not in await phone(two)
            async with http.get(f"{one.url}/t/school/settings") as answer:
                seen = re.findall(r'name="seen" value="(\w+)"', await answer.text())[-1]
            form = {"csrf": csrf, "seen": seen, "f.persona.name": "Lan Hương"}
            async with http.post(f"{one.url}/t/school/settings", data=form, allow_redirects=False) as answer:
                assert answer.status == 303, await answer.text()
            began = time.monotonic()

            async def there() -> bool:
                return "Lan H" in await phone(two)

            await until("the other process has the change", there)
            assert time.monotonic() - began < 5
            # Who still has the page of before, at whichever process, is told and overwrites nothing.
            async with http.post(f"{two.url}/t/school/settings", data={**form, "f.persona.name": "Bích"}) as answer:
                assert answer.status == 409

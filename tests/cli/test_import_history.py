"""`frontdesk import-history`: what can be imported is, and the rest is told with its place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frontdesk.cli import main
from frontdesk.clock import SystemClock
from frontdesk.keys import signing_key
from frontdesk.people import People
from frontdesk.store.collections import CONVERSATIONS, MESSAGES
from frontdesk.store.opening import open_store

TENANT = "lotus-school"
ACCOUNT = {"account_sid": "AC" + "0" * 32, "auth_token": {"env": "NONE_NEEDED"}, "numbers": ["whatsapp:+14155238886"]}
HISTORY = {
    "whatsapp:+84901234567": [
        {"role": "system", "content": "You are a receptionist."},
        {"role": "user", "content": "Chào, còn lớp không?"},
        {"role": "assistant", "content": "Dạ còn ạ."},
        {"role": "narrator", "content": "x"},
    ],
    "0901234567": [{"role": "user", "content": "Cảm ơn"}],
    "+44 7700 900123": [{"role": "user", "content": "Hello"}],
    "test-session": [{"role": "user", "content": "Hi"}],
}

Import = Callable[..., "tuple[int, str, list[str]]"]


@pytest.fixture
def imports(
    example: dict[str, Any],
    write: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Import:
    """`imports(history)`: exit code, the last line, and what was told on standard error."""
    monkeypatch.chdir(tmp_path)
    example["tenants"][TENANT]["plugins"].append({"twilio_whatsapp": ACCOUNT})
    write(example)

    def run(history: Any, *options: str, tenant: str = TENANT) -> tuple[int, str, list[str]]:
        Path("history.json").write_text(json.dumps(history), "utf-8")
        code = main(["import-history", "history.json", tenant, *options])
        said = capsys.readouterr()
        return code, (said.out.splitlines() or [""])[-1], said.err.splitlines()

    return run


async def texts(folder: Path, external_id: str) -> list[str]:
    store = open_store(f"sqlite:///{folder}/data/frontdesk.db", SystemClock())
    await store.open()
    where = {"conversation": People(signing_key(None, folder / "data")).id_of(TENANT, "twilio_whatsapp", external_id)}
    found = await store.for_tenant(TENANT).find(MESSAGES, where, order_by="at", limit=100)
    due, conversations = await store.due.count(), await store.for_tenant(TENANT).count(CONVERSATIONS, {})
    await store.close()
    assert (due, conversations) == (0, 2)
    return [message.text for message in found]


def test_what_can_be_imported_is_and_the_rest_is_told(imports: Import, tmp_path: Path) -> None:
    code, line, told = imports(HISTORY)
    assert code == 0
    assert line == (
        "4 messages of 2 contacts imported; 0 were there already; 1 that no contact saw (system, tools) and 2 wrong "
        "entries left out"
    )
    assert [sentence.partition(": ")[0] for sentence in told] == ["whatsapp:+84901234567[3]", "test-session"]
    assert asyncio.run(texts(tmp_path, "whatsapp:+84901234567")) == ["Chào, còn lớp không?", "Dạ còn ạ.", "Cảm ơn"]
    assert asyncio.run(texts(tmp_path, "whatsapp:+447700900123")) == ["Hello"]
    assert imports(HISTORY)[1].startswith("0 messages of 2 contacts imported; 4 were there already")


def test_a_dry_run_tells_the_same_and_writes_nothing(imports: Import) -> None:
    assert imports(HISTORY, "--dry-run")[1].startswith("4 messages of 2 contacts would be imported; 0 were there")
    assert imports(HISTORY)[1].startswith("4 messages of 2 contacts imported; 0 were there")


def test_a_region_says_whose_national_numbers_they_are(imports: Import) -> None:
    british = {"07400 123456": [{"role": "user", "content": "Hello"}]}
    assert imports(british)[1].startswith("0 messages")
    assert imports(british, "--region", "gb")[1].startswith("1 messages of 1 contacts")


def test_a_tenant_without_such_a_channel_is_told_what_is_missing(imports: Import) -> None:
    code, _, told = imports(HISTORY, tenant="riverside-dental")
    assert code == 1 and "list one, such as twilio_whatsapp" in told[0]
    assert imports([])[0] == 1

"""`frontdesk conversations`, in a process of its own beside the running server."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from frontdesk.clock import SystemClock
from frontdesk.model import Contact, Conversation, Message
from frontdesk.store.collections import CONTACTS, CONVERSATIONS, MESSAGES
from frontdesk.store.sqlite import SqliteStore
from frontdesk.testing.process import ServerProcess

from .conftest import Run, until

TENANT = "lotus-school"


@pytest.fixture
async def store(tmp_path: Path, example: dict[str, Any]) -> AsyncIterator[SqliteStore]:
    """The store of a running server."""
    async with ServerProcess(tmp_path, example["tenants"]) as process:
        await process.start()
        store = SqliteStore(tmp_path / "data/frontdesk.db", SystemClock())
        await store.open()
        yield store
        await store.close()


async def test_an_operator_takes_over_writes_and_gives_back(store: SqliteStore, frontdesk: Run) -> None:
    run = _in_thread(frontdesk)
    await run("chat", TENANT, stdin="Xin chào\n")
    (id,) = re.findall(r"\b[0-9a-f]{24}\b", (await run("conversations")).stdout)

    refused = await run("conversations", "say", id, "Chào", "bạn", "--tenant", TENANT, "--as", "lan")
    assert (refused.returncode, refused.stderr) == (
        1,
        "frontdesk conversations say: bot answers this conversation; take it first\n",
    )

    assert (await run("conversations", "take", id, "--tenant", TENANT, "--as", "lan")).returncode == 0
    said = await run("conversations", "say", id, "Em là Lan đây ạ", "--tenant", TENANT, "--as", "lan")
    message = await _sent(store, said.stdout.split()[-1])
    assert (message.text, message.author) == ("Em là Lan đây ạ", "operator:lan")

    await _told_why(run, id)
    await _shown_the_prompt(run, id)

    chatted = await run("chat", TENANT, stdin="Cảm ơn em. Học phí bao nhiêu một khóa?\n")
    assert "(lan answers from now on; the bot is quiet until" in chatted.stdout
    assert "Sen:" not in chatted.stdout, "the bot keeps quiet while a person answers"
    listed = (await run("conversations", "list", "--tenant", TENANT)).stdout
    assert re.search(rf"{id}  operator:lan +\d+ s ", listed), listed

    released = await run("conversations", "release", id, "--tenant", TENANT)
    assert released.stdout == f"the bot answers {id} again\n"

    async def answered() -> str:
        listed: str = (await run("conversations")).stdout
        return listed if "bot: " in listed else ""

    assert "4.200." in await until(answered, 15), "what came in while a person answered is answered now"


async def test_the_beginning_of_an_id_is_enough_unless_there_are_two(store: SqliteStore, frontdesk: Run) -> None:
    run = _in_thread(frontdesk)
    ids = [f"abc{end}".ljust(24, "0") for end in "12"]
    for id in ids:
        fields = {"contact": id, "channel": "simulator", "created_at": store.now()}
        assert await store.for_tenant(TENANT).insert(CONVERSATIONS, Conversation(id=id, **fields))
    several = await run("conversations", "take", "abc", "--tenant", TENANT, "--as", "lan")
    assert (several.returncode, several.stderr) == (
        2,
        f"frontdesk conversations take: 'abc' begins several conversations: {ids[0]}, {ids[1]}; "
        "write more of the one you mean\n",
    )
    assert f"answers {ids[1]} now" in (await run("conversations", "take", "abc2", "--tenant", TENANT)).stdout
    listed = (await run("conversations", "list", "abc2")).stdout
    assert ids[1] in listed and ids[0] not in listed
    assert "begins with 'xyz'" in (await run("conversations", "list", "xyz")).stdout


async def test_giving_back_what_the_bot_has_changes_nothing_and_says_so(store: SqliteStore, frontdesk: Run) -> None:
    run = _in_thread(frontdesk)
    await run("chat", TENANT, stdin="Xin chào\n")
    (before,) = await store.for_tenant(TENANT).find(CONVERSATIONS, {})
    released = await run("conversations", "release", before.id, "--tenant", TENANT)
    assert released.stdout == f"the bot answers {before.id} already; nothing was changed\n"
    after = await store.for_tenant(TENANT).get(CONVERSATIONS, before.id)
    # (The lane may still give its lease back meanwhile: the version is no measure.)
    assert after is not None and (after.owner, after.owner_epoch) == (before.owner, before.owner_epoch)
    assert after.owner_since == before.owner_since


async def test_an_unknown_conversation_is_one_line(store: SqliteStore, frontdesk: Run) -> None:
    done = await _in_thread(frontdesk)("conversations", "take", "nope", "--tenant", TENANT)
    assert done.returncode == 1
    assert done.stderr == (
        "frontdesk conversations take: there is no conversation nope at this tenant; `frontdesk conversations` lists them\n"
    )


async def test_who_has_neither_name_nor_number_is_told_by_what_the_channel_calls_them(
    store: SqliteStore, frontdesk: Run
) -> None:
    repository, now = store.for_tenant(TENANT), store.now()
    await repository.insert(CONTACTS, Contact(id="c" * 24, created_at=now))
    user = "whatsapp:US.13491208655302741918"
    asked = Conversation(
        id="c" * 24, contact="c" * 24, channel="twilio_whatsapp", external_id=user, last_inbound_at=now, created_at=now
    )
    await repository.insert(CONVERSATIONS, asked)
    listed = (await _in_thread(frontdesk)("conversations")).stdout
    assert "whatsapp:US.13…1918 (twilio_whatsapp)" in listed and user not in listed and "unknown" not in listed


def test_with_several_tenants_one_has_to_be_named(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    write(example)
    done = frontdesk("conversations", "take", "x")
    assert done.returncode == 2
    assert "which tenant? Add --tenant and one of lotus-school, riverside-dental" in done.stderr
    assert frontdesk("conversations").stdout == "Nobody has written yet.\n"


def _in_thread(frontdesk: Run) -> Callable[..., Any]:
    async def run(*arguments: str, **more: Any) -> Any:
        return await asyncio.to_thread(frontdesk, *arguments, **more)

    return run


async def _sent(store: SqliteStore, id: str) -> Message:
    """The message, once the running server has sent it."""

    async def sent() -> Message | None:
        message = await store.for_tenant(TENANT).get(MESSAGES, id)
        return message if message and message.state in ("accepted", "sent", "delivered") else None

    message: Message = await until(sent, 5)
    return message


async def _shown_the_prompt(run: Any, id: str) -> None:
    shown = await run("prompt", TENANT, id[:6])
    told = json.loads(shown.stdout)
    assert "88 phố Láng Hạ" in told["rules"] and "Xin chào" in told["messages"][-1]["text"]
    offered = [tool["name"] for tool in told["tools"]]
    assert offered[0] == "find_slots" and offered[-3:] == ["call_a_person", "offer_choices", "remember"]
    assert "no plugin of this tenant shows" in shown.stderr
    missing = await run("prompt", TENANT, "ffff")
    assert (missing.returncode, missing.stderr) == (
        1,
        "frontdesk prompt: there is no conversation ffff at this tenant; `frontdesk conversations` lists them\n",
    )


async def _told_why(run: Callable[..., Any], id: str) -> None:
    """Of the turn that answered `Xin chào`: in words of either language, and as data."""
    arguments = ("conversations", "why", id[:8], "--tenant", TENANT)
    lines = (await run(*arguments)).stdout.splitlines()
    assert lines[0].startswith(f"{id}.1: committed, begun ")
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}  The contact sent a text: “Xin chào”", lines[1])
    assert any(" rehearsal_llm " in line and " answered in " in line for line in lines)
    assert "Khách gửi tin nhắn: “Xin chào”" in (await run(*arguments, "--language", "vi")).stdout
    told = json.loads((await run(*arguments, "--json", "--turn", "1")).stdout)
    assert (told["no"], told["steps"][0]["data"]["text"]) == (1, "Xin chào")
    missing = await run(*arguments, "--turn", "7")
    assert (missing.returncode, missing.stderr) == (
        1,
        f"frontdesk conversations why: {id} has no turn 7; operator:lan answers it\n",
    )


async def test_who_answered_until_now_is_named_and_empty_names_and_ids_are_refused(
    store: SqliteStore, frontdesk: Run
) -> None:
    run = _in_thread(frontdesk)
    await run("chat", TENANT, stdin="Xin chào\n")
    (found,) = await store.for_tenant(TENANT).find(CONVERSATIONS, {})
    id = found.id
    await run("conversations", "take", id, "--tenant", TENANT, "--as", "lan")
    taken = await run("conversations", "take", id, "--tenant", TENANT, "--as", "minh")
    assert taken.stdout.startswith("until now lan answered it; tell them\nminh answers")
    for bad in ((id, "--as", ""), ("",)):
        refused = await run("conversations", "take", *bad, "--tenant", TENANT)
        assert refused.returncode == 2 and "empty" in refused.stderr

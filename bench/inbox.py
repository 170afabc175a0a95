"""What the inbox costs with many conversations stored: `python bench/inbox.py 100000 10` (conversations, messages of each).

The server's time of a page is that of its view in process, with gate, services and template, without the socket. What a
browser loads for it is added up compressed, as it is sent.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import yaml

from frontdesk.app import create_server
from frontdesk.clock import SystemClock
from frontdesk.model import Contact, Conversation, Message
from frontdesk.store import Insert
from frontdesk.store.collections import CONTACTS, CONVERSATIONS, MESSAGES
from frontdesk.store.sqlite import SqliteStore

NOW = datetime(2026, 11, 28, 6, 0, tzinfo=UTC)
FAMILIES = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Phan", "Vũ", "Đặng", "Bùi", "Đỗ")
GIVEN = ("Hằng", "Lâm", "Bảo", "Ánh", "Nhung", "Minh", "Linh", "Khánh", "Hương", "Đạt")
COMMON = "dạ em muốn đặt lịch khám răng học phí bao nhiêu tiền một buổi sáng thứ bảy chiều nay được không ạ".split()
RARE = [f"{first}{second}{third}" for first in "bcdghklmnpt" for second in "aeiou" for third in range(100)]
PAGES = {
    "first view": "",
    "owner: bot": "?owner=bot",
    "nobody, unanswered": "?owner=nobody&unanswered=1",
    "hot": "?temperature=hot",
    "failed": "?failed=1",
    "search, a common word": "?q=lich",
    "search, two common words": "?q=dat+lich",
    "search, a rare word": "?q=ba42",
    "search, a name": "?q=nguyen+hang",
    "search, digits of a number": "?q=0901+234",
}
ROUNDS = 15


def _writes(number: int, each: int, chance: random.Random) -> list[Insert[Any]]:
    id, at = f"c{number:07}", NOW - timedelta(minutes=number)
    waits = chance.random() < 0.01
    owner = chance.choices(("bot", "nobody", "operator:lan"), (95, 3, 2))[0]
    name = f"{chance.choice(FAMILIES)} {chance.choice(GIVEN)} {chance.choice(GIVEN)}"
    said = [
        Message(
            id=f"{id}.{place}",
            conversation=id,
            direction="outbound" if place % 2 else "inbound",
            state=("failed" if chance.random() < 0.01 else "read") if place % 2 else "answered",
            text=" ".join([*chance.choices(COMMON, k=9), chance.choice(RARE)]),
            author="bot" if place % 2 else "contact",
            at=at - timedelta(seconds=10 * (each - place)),
        )
        for place in range(each)
    ]
    conversation = Conversation(
        id=id,
        contact=id,
        channel="twilio_whatsapp",
        owner=owner,
        owner_since=at,
        temperature=chance.choices(("", "hot", "warm", "cold"), (70, 5, 10, 15))[0],
        last_inbound_at=at,
        unanswered_since=at if waits else None,
        created_at=at,
    )
    contact = Contact(id=id, name=name, phone=f"+849{number:08}", created_at=at)
    return [*(Insert(MESSAGES, one) for one in said), Insert(CONTACTS, contact), Insert(CONVERSATIONS, conversation)]


async def fill(path: Path, count: int, each: int) -> float:
    """Seconds that it takes to write them."""
    chance, began = random.Random(1), perf_counter()
    store = SqliteStore(path, SystemClock())
    await store.open()
    try:
        for first in range(0, count, 50):
            writes = [_writes(number, each, chance) for number in range(first, min(first + 50, count))]
            await asyncio.gather(*(store.for_tenant("clinic").write(*one) for one in writes))
    finally:
        await store.close()
    return perf_counter() - began


async def measure(folder: Path, count: int, each: int) -> None:
    plugins = ["rehearsal_llm", "simulator"]
    file = {
        "tenants": {"clinic": {"name": "Clinic", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi", "plugins": plugins}}
    }
    (folder / "tenants.yaml").write_text(yaml.safe_dump(file), "utf-8")
    server = create_server(folder / "tenants.yaml")
    seconds = await fill(Path(server.file.store_url().removeprefix("sqlite:///")), count, each)
    print(f"{count:,} conversations, {count * each:,} messages, written in {seconds:.0f} s\n")
    print("| page | ms | slowest |\n|---|---|---|")
    async with server.running():
        accounts = server.office.accounts
        operator = await accounts.create(
            "lan@example.com", "Lan", "correct horse battery staple", roles={"clinic": "agent"}
        )
        _, cookie = await accounts.open_session(operator.id)
        client = server.quart.test_client()
        client.set_cookie("localhost", "frontdesk", cookie)
        for name, query in PAGES.items():
            times = []
            for _ in range(ROUNDS):
                began = perf_counter()
                answer = await client.get(f"/t/clinic/inbox{query}")
                html = await answer.get_data(as_text=True)
                times.append(1000 * (perf_counter() - began))
                assert answer.status_code == 200, answer.status_code
            rows = html.count('data-id="')
            print(f"| {name} ({rows} rows) | {median(times):.0f} | {max(times):.0f} |")
        print(f"\nfirst view with all it loads, compressed: {await _weight(client) / 1000:.0f} kB")


async def _weight(client: Any) -> int:
    answer = await client.get("/t/clinic/inbox")
    html = await answer.get_data(as_text=True)
    total = len(html)  # pages themselves are not compressed by this server
    for address in set(re.findall(r'(?:src|href)="(/static/[^"]+)"', html)):
        part = await client.get(address, headers={"Accept-Encoding": "gzip"})
        total += len(await part.get_data(as_text=False))
    return total


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        asyncio.run(measure(Path(folder), int(sys.argv[1]), int(sys.argv[2])))


if __name__ == "__main__":
    main()

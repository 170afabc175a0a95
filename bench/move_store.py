"""How long `frontdesk move-store` takes from SQLite to SQLite: `python bench/move_store.py 100000`."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from frontdesk.clock import SystemClock
from frontdesk.model import Message
from frontdesk.store import Insert
from frontdesk.store.collections import MESSAGES
from frontdesk.store.opening import open_store

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TEXT = "Dạ em muốn đặt lịch học thử vào chiều thứ bảy ạ, số"
CONVERSATIONS = 500


async def fill(url: str, count: int) -> None:
    """Put *count* messages of one tenant into the store at *url*."""
    store = open_store(url, SystemClock())
    await store.open()
    for begin in range(0, count, 1000):
        messages = (
            Message(
                id=f"m{n:07}",
                conversation=f"c{n % CONVERSATIONS}",
                direction="inbound",
                state="answered",
                text=f"{TEXT} {n}",
                at=AT,
            )
            for n in range(begin, min(begin + 1000, count))
        )
        await store.for_tenant("acme").write(*(Insert(MESSAGES, each) for each in messages))
    await store.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(fill(f"sqlite:///{folder}/old.db", int(sys.argv[1])))
        began = perf_counter()
        command = [str(Path(sys.executable).with_name("frontdesk")), "move-store"]
        subprocess.run([*command, "sqlite:///old.db", "sqlite:///new.db"], cwd=folder, check=True)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(
            f"{perf_counter() - began:.0f} s, CPU {used.ru_utime + used.ru_stime:.0f} s, {used.ru_maxrss // 1000} MB, "
            f"file of {Path(folder, 'old.db').stat().st_size // 1_000_000} MB"
        )


if __name__ == "__main__":
    main()

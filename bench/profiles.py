"""Where the time of an acknowledgement and of a reply goes: Frontdesk under py-spy, as one list of functions."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import candidates
from candidates import Candidate
from conversations import everybody_writes
from goals import CONNECTIONS
from loadgen import closed_loop
from sink import Sink

SECONDS = 8
LOADS = ("ack", "replies")


async def profile(what: str) -> str:
    """Samples of the event loop's thread while it is loaded: per function of ours its share, with all it called."""
    sampler = shutil.which("py-spy", path=str(Path(sys.executable).parent))
    if sampler is None:
        raise SystemExit("py-spy is not installed: pip install -r bench/requirements.txt")
    async with Sink() as sink:
        settle = candidates.LATER if what == "ack" else candidates.AT_ONCE
        async with candidates.frontdesk(twilio=sink.url, settle=settle) as server:
            await _load(server, sink, what)
            with tempfile.NamedTemporaryFile(suffix=".txt") as file:
                options = ("--format", "raw", "--rate", "500", "--duration", str(SECONDS), "--gil", "--threads")
                sampling = await asyncio.create_subprocess_exec(
                    sampler, "record", *options, "--output", file.name, "--pid", str(server.pid)
                )
                while sampling.returncode is None:
                    await _load(server, sink, what)
                    await asyncio.sleep(0)
                return "\n".join(_report(file.read().decode().splitlines()))


async def _load(server: Candidate, sink: Sink, what: str) -> None:
    """One piece of the load."""
    if what == "ack":
        await closed_loop(server.port, [server.webhook(number) for number in range(2_000)], CONNECTIONS)
    else:
        await everybody_writes(server, sink, range(2_000), connections=CONNECTIONS, at_once=128)


def _report(stacks: list[str]) -> list[str]:
    """Of stacks with their counts: the share of each thread, and of each function with everything it called."""
    threads: Counter[str] = Counter()
    inclusive: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        thread, *frames = stack.split(";")
        threads[thread.rpartition(": ")[2]] += int(count)
        names = [frame.rpartition(":")[0] or frame for frame in frames]
        for name in set(names):
            inclusive[name] += int(count)
        alone[names[-1] if names else thread] += int(count)
    whole = sum(threads.values())
    lines = [f"{whole} samples while some thread held the interpreter"]
    for title, counted, most in (("thread", threads, 8), ("with callees", inclusive, 90), ("alone", alone, 50)):
        lines += ["", title, *(f"{100 * count / whole:6.1f} %  {name}" for name, count in counted.most_common(most))]
    return lines

"""What is measured for each goal of docs/explanation/performance.md: one round, its candidates one after the other."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import aiohttp
import candidates
import history
import loadgen
import yaml
from candidates import Candidate
from conversations import everybody_writes
from figures import Figures
from processes import processes
from sink import Sink
from workload import contact

T = TypeVar("T")
Round = Callable[[Figures, int], Awaitable[None]]
CONNECTIONS = 32
EXAMPLE = Path(__file__).parent.parent / "tenants.example.yaml"


async def ack(figures: Figures, number: int) -> None:
    """Goal 1: acknowledgements at 32 connections; no turn begins meanwhile."""
    count = 6_000
    both = [candidates.frontdesk(settle=candidates.LATER), candidates.baseline("quart_validator")]
    runs: dict[str, loadgen.Run] = {}
    fresh: dict[str, loadgen.Run] = {}
    spent: dict[str, float] = {}
    for candidate in _alternating(both, number):
        async with candidate:
            # Everybody writes for the first time (which makes contact, conversation, identity), then again.
            fresh[candidate.name] = await _all_204(candidate, [candidate.webhook(n) for n in range(2_000)])
            again = [candidate.webhook(n % 2_000) for n in range(count)]
            cpu = candidate.cpu_seconds()
            runs[candidate.name] = await _all_204(candidate, again)
            spent[candidate.name] = 1e6 * (candidate.cpu_seconds() - cpu) / count
    ours, theirs = runs["frontdesk"], runs["quart_validator"]
    figures.note("Quart + RequestValidator, nothing stored", theirs.per_second, "/s")
    figures.note("Quart: p99", 1000 * theirs.percentile(99), "ms")
    figures.note("Quart: CPU of one", spent["quart_validator"], "µs")
    figures.note("Frontdesk, durable", ours.per_second, "/s")
    figures.note("Frontdesk: p99", 1000 * ours.percentile(99), "ms")
    figures.note("Frontdesk: CPU of one, all threads", spent["frontdesk"], "µs")
    figures.note("Frontdesk against Quart", ours.per_second / theirs.per_second, "x", "> 1.0")
    first = fresh["frontdesk"].per_second / fresh["quart_validator"].per_second
    figures.note("the same, contacts who write for the first time", first, "x")


async def replies(figures: Figures, number: int) -> None:
    """Goal 2: webhook in, reply at Twilio; 128 contacts wait for theirs at any time."""
    async with Sink() as sink:
        both = [candidates.frontdesk(twilio=sink.url), candidates.baseline("fastapi_background", twilio=sink.url)]
        per_second: dict[str, list[float]] = {}
        for candidate in _alternating(both, number):
            async with candidate:
                # Three rounds of everybody: one for the first time, one to warm up on known contacts, one that counts.
                rounds = []
                for _ in range(3):
                    cpu = candidate.cpu_seconds()
                    heard = await everybody_writes(candidate, sink, range(1_500), connections=CONNECTIONS, at_once=128)
                    rounds.append(heard.per_second)
                per_second[candidate.name] = rounds
                figures.note(f"{candidate.name}", heard.per_second, "replies/s")
                milliseconds = 1000 * (candidate.cpu_seconds() - cpu) / len(heard.replies)
                figures.note(f"{candidate.name}: CPU of a message", milliseconds, "ms")
                figures.note(f"{candidate.name}: answered twice", heard.twice)
    ours, theirs = per_second["frontdesk"], per_second["fastapi_background"]
    figures.note("Frontdesk against FastAPI", ours[2] / theirs[2], "x", "> 1.0")
    figures.note("the same, contacts who write for the first time", ours[0] / theirs[0], "x")


async def turn(figures: Figures, number: int) -> None:
    """Goal 4: from a webhook's acknowledgement to the arrival of its reply at Twilio, at 50 messages/s."""
    count = 500
    async with Sink() as sink, candidates.frontdesk(twilio=sink.url) as server:
        await everybody_writes(server, sink, range(count), connections=CONNECTIONS, at_once=64)
        arrived: dict[str, float] = {}
        done: dict[str, tuple[float, float]] = {}
        complete = asyncio.Event()

        def heard(to: str, at: float) -> None:
            arrived[to] = at
            if len(arrived) == count:
                complete.set()

        sink.heard = heard
        webhooks = [server.webhook(number) for number in range(count)]
        await asyncio.sleep(1.5)  # the lane lets a second pass between two messages whose first Twilio has not sent yet
        await loadgen.open_loop(
            server.port, webhooks, CONNECTIONS, 50, lambda n, due, ended: done.update({contact(n): (due, ended)})
        )
        await asyncio.wait_for(complete.wait(), 30)
    after_acknowledgement = [1000 * (arrived[who] - ended) for who, (_, ended) in done.items()]
    in_all = [1000 * (arrived[who] - due) for who, (due, _) in done.items()]
    figures.note("turn, p50", loadgen.percentile(after_acknowledgement, 50), "ms", "< 10")
    figures.note("turn, p99", loadgen.percentile(after_acknowledgement, 99), "ms", "< 30")
    figures.note("webhook and turn, p50", loadgen.percentile(in_all, 50), "ms")
    figures.note("webhook and turn, p99", loadgen.percentile(in_all, 99), "ms")


async def memory(figures: Figures, number: int) -> None:
    """Goal 6: idle, per unused tenant, per idle conversation."""
    figures.note("idle, both example tenants", await _example_megabytes(), "MB", "< 120")
    one, many = await _with_tenants(1), await _with_tenants(2_001)
    figures.note("an unused tenant of 850 bytes of YAML", 1024 * (many - one) / 2_000, "kB", "< 10")
    async with Sink() as sink, candidates.frontdesk(twilio=sink.url) as server:
        before = server.megabytes()
        held = []
        for first in range(0, 15_000, 5_000):
            people = range(first, first + 5_000)
            await everybody_writes(server, sink, people, connections=CONNECTIONS, at_once=128)
            await asyncio.sleep(2)
            held.append(server.megabytes())
    figures.note("the first 5,000 conversations (and all caches)", held[0] - before, "MB")
    figures.note("an idle conversation, the 5,001st to the 15,000th", 1024 * (held[-1] - held[0]) / 10_000, "kB")


async def start(figures: Figures, number: int) -> None:
    """Goal 7: from the start of the process to /readyz with 1,000,000 stored messages."""
    store = await _million()
    if number == 0:
        figures.note("the store", store.stat().st_size / 1e6, "MB")
    empty = candidates.frontdesk()
    async with empty:
        figures.note("with an empty store", empty.to_ready, "s")
        figures.note("its CPU", empty.cpu_seconds(), "s")
    full = candidates.frontdesk(store=f"sqlite:///{store}")
    async with full:
        figures.note("with 1,000,000 messages", full.to_ready, "s", "< 2")
        figures.note("its CPU, 1,000,000 messages", full.cpu_seconds(), "s")
    _forget(store)
    cold = candidates.frontdesk(store=f"sqlite:///{store}")
    async with cold:
        figures.note("the same, nothing of the file in memory", cold.to_ready, "s", "< 2")


async def reload(figures: Figures, number: int) -> None:
    """Goals 3 and 5: acknowledgements beside 9,960 more tenants that nobody writes to, and while all of those change."""
    few, many = candidates.frontdesk(settle=candidates.LATER), candidates.frontdesk(settle=candidates.LATER)
    _write_shops(many, "Shop")
    per_second: dict[str, float] = {}
    for name, candidate in _alternating([("few", few), ("many", many)], number):
        async with candidate:
            again = [candidate.webhook(n % 2_000) for n in range(4_000)]
            await _all_204(candidate, again[:2_000])
            per_second[name] = (await _all_204(candidate, again)).per_second
            if name == "few":
                continue
            figures.note("start with 10,000 tenants", candidate.to_ready, "s")
            rate = per_second["many"] / 2
            calm = await _open(candidate, rate)
            _write_shops(candidate, "Store")
            began, runs = perf_counter(), []
            while await _reloads(candidate) == 0:
                runs.append(await _open(candidate, rate, seconds=1))
            figures.note("from the change to its adoption", perf_counter() - began, "s")
            figures.note("p99 at half the maximum load, calm", 1000 * calm.percentile(99), "ms")
            figures.note("the same against its median", calm.percentile(99) / calm.percentile(50), "x", "< 3")
            latencies = [latency for run in runs for latency in run.latencies]
            figures.note("p99 while 10,000 reload", 1000 * loadgen.percentile(latencies, 99), "ms", "< 100")
            figures.note("the longest of them", 1000 * max(latencies), "ms")
    figures.note("40 tenants", per_second["few"], "/s")
    figures.note("10,000 tenants", per_second["many"], "/s")
    figures.note("10,000 tenants against 40", per_second["many"] / per_second["few"], "x", "> 0.9")


async def _open(candidate: Candidate, rate: float, seconds: int = 5) -> loadgen.Run:
    webhooks = [candidate.webhook(n % 2_000) for n in range(int(rate * seconds))]
    return await loadgen.open_loop(candidate.port, webhooks, CONNECTIONS, rate)


def _write_shops(candidate: Candidate, word: str) -> None:
    """The file of the unused tenants in tenants.d, all of them called *word*."""
    shops = {f"shop-{n}": {**_shop(n), "name": f"{word} {n}"} for n in range(10_000 - candidates.TENANTS)}
    folder = candidate.folder / "tenants.d"
    folder.mkdir(exist_ok=True)
    with (folder / "shops.new").open("w", encoding="utf-8") as stream:
        yaml.dump({"tenants": shops}, stream, Dumper=yaml.CSafeDumper, sort_keys=False)
    (folder / "shops.new").rename(folder / "shops.yaml")


async def _reloads(candidate: Candidate) -> int:
    async with aiohttp.ClientSession() as http, http.get(f"http://localhost:{candidate.port}/metrics") as page:
        lines = (await page.text()).splitlines()
    counts = {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if "frontdesk_reloads" in line[:17]
    }
    if counts['frontdesk_reloads_total{outcome="refused"}']:
        raise RuntimeError(f"the reload was refused: {candidate.log()}")
    return int(counts['frontdesk_reloads_total{outcome="taken"}'])


def _alternating(both: list[T], number: int) -> list[T]:
    """Now one first, now the other: a machine that slows down hits both."""
    return both if number % 2 == 0 else both[::-1]


async def _all_204(candidate: Candidate, webhooks: list[bytes]) -> loadgen.Run:
    run = await loadgen.closed_loop(candidate.port, webhooks, CONNECTIONS)
    if set(run.statuses) != {204}:
        raise RuntimeError(f"{candidate.name} answered {dict(run.statuses)}: {candidate.log()}")
    return run


async def _example_megabytes() -> float:
    """After somebody has looked at the start page and at both tenants' simulators, so that their plugins run."""
    example = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    server = candidates.frontdesk(tenants=example["tenants"])
    async with server:
        for page in ("/", *(f"/plugins/simulator/{tenant}/" for tenant in example["tenants"])):
            status = await candidates.get(server.port, page)
            if status >= 400:
                raise RuntimeError(f"{page} answered {status}")
        await asyncio.sleep(2)
        return server.megabytes()


async def _with_tenants(count: int) -> float:
    """Memory with *count* tenants that nobody has written to."""
    async with candidates.frontdesk(tenants={f"shop-{n}": _shop(n) for n in range(count)}) as server:
        await asyncio.sleep(2)
        return server.megabytes()


def _shop(number: int) -> dict[str, object]:
    """About 850 bytes of YAML."""
    fact = {
        "id": "hours",
        "topic": "opening hours",
        "questions": ["When are you open?", "Are you open on Sundays?", "When do you close?"],
        "answer": f"Shop {number} is open from Monday to Friday from 9:00 to 18:00, and on Saturdays until 13:00.",
    }
    place = {
        "id": "address",
        "topic": "where we are",
        "questions": ["Where are you?", "What is your address?"],
        "answer": f"We are at {number} Station Road, five minutes on foot from the railway station.",
    }
    return {
        "name": f"Shop {number}",
        "time_zone": "Europe/London",
        "language": "en",
        "opening_hours": {day: ["09:00-18:00"] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")},
        "persona": {"name": "Alex", "role": "receptionist", "tone": {"notes": "Short and kind."}},
        "facts": [fact, place],
        "plugins": ["simulator", "rehearsal_llm"],
    }


_MILLION = Path(tempfile.gettempdir()) / "frontdesk-bench-million"


async def _million() -> Path:
    """Made by the first round, used by the others; the caller of the last one removes it."""
    path = _MILLION / "frontdesk.db"
    if not path.exists():
        _MILLION.mkdir(exist_ok=True)
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        await history.make(part, 1_000_000)
        part.rename(path)
    return path


def _forget(path: Path) -> None:
    """Have the kernel drop what it has of the file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def tidy_up() -> None:
    """Remove what the rounds left for each other."""
    shutil.rmtree(_MILLION, ignore_errors=True)


GOALS: dict[str, Round] = {
    "ack": ack,
    "replies": replies,
    "turn": turn,
    "memory": memory,
    "start": start,
    "reload": reload,
    "processes": processes,
}

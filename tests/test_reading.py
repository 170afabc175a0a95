"""A tenants file read in another process: what comes back is what a start would have made of it."""

from __future__ import annotations

import asyncio
import os
import pickle
from pathlib import Path

import pytest

from frontdesk import reading
from frontdesk.config import Times, load_env
from frontdesk.reading import ReadingFailed, parts, read_apart, read_here, unpacked
from frontdesk.registry import Registry
from frontdesk.sources import location
from frontdesk.tenants import read_tenants

EXAMPLE = Path(__file__).parents[1] / "tenants.example.yaml"


@pytest.fixture
def registry() -> Registry:
    return Registry(Times())


async def test_it_is_the_same_as_read_here_with_the_plugins_of_this_process(registry):
    found = await read_apart(EXAMPLE, registry)
    file, declared, _ = read_tenants(EXAMPLE, registry)
    assert found.problems == () and found.declared is not None and file is not None
    assert found.server == file.server
    assert dict(found.declared) == dict(declared)
    assert found.declared.addresses == declared.addresses
    assert set(found.plugins) == {"simulator", "rehearsal_llm", "gcal_scheduler"}
    assert found.declared["lotus-school"].plugins[0][0] is registry.load("simulator")


async def test_others_have_their_turn_between_the_pieces_of_what_was_read(registry):
    said = read_here(EXAMPLE)
    pieces = [pickle.dumps(part) for part in parts(said, 1)]
    assert len(pieces) == 1 + len(said.declared)
    turns = 0

    async def others():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        beside = group.create_task(others())
        found = await unpacked(b"".join(pieces), registry)
        beside.cancel()
    assert turns >= len(said.declared)
    for id, tenant in said.declared.items():
        there = found.declared[id]
        assert there.tenant == tenant.tenant
        # What a model may give to a tool is a class that each registry makes for itself.
        assert [(kind.cls, given) for kind, given in there.plugins] == [
            (kind.cls, given) for kind, given in tenant.plugins
        ]
    assert found.declared.addresses == said.declared.addresses
    assert list(found.declared) == list(said.declared)


async def test_a_file_without_tenants_comes_back_as_one(tmp_path, registry):
    path = tmp_path / "tenants.yaml"
    path.write_text("tenants: {}\n", "utf-8")
    here, found = read_here(path), await read_apart(path, registry)
    assert here.problems == found.problems
    assert (here.declared is None) == (found.declared is None)


async def test_problems_come_back_each_with_its_line(tmp_path, registry):
    path = tmp_path / "tenants.yaml"
    path.write_text("tenants:\n  a: {name: A, time_zone: Hanoi, language: en, plugins: [nobody]}\n", "utf-8")
    found = await read_apart(path, registry)
    assert found.declared is None
    assert [(problem.line, problem.key) for problem in found.problems] == [(2, "time_zone"), (2, "plugins[0]")]


async def test_it_reads_the_env_file_as_a_start_does_and_not_what_this_process_had_of_it(
    tmp_path, registry, monkeypatch
):
    monkeypatch.setattr(os, "environ", {**os.environ})
    (tmp_path / "tenants.yaml").write_text(
        "server: {signing_key: {env: FD_KEY}}\ntenants: {a: {name: A, time_zone: Europe/London, language: en}}", "utf-8"
    )
    (tmp_path / ".env").write_text("FD_KEY=x")
    assert (await read_apart(tmp_path / "tenants.yaml", registry)).missing == ()
    load_env(tmp_path)
    (tmp_path / ".env").write_text("OTHER=x")
    assert len((await read_apart(tmp_path / "tenants.yaml", registry)).missing) == 1
    (tmp_path / ".env").write_text("FD_KEY")
    found = await read_apart(tmp_path / "tenants.yaml", registry)
    assert [problem.file for problem in found.problems] == [str(tmp_path / ".env")]


async def test_a_process_that_cannot_be_had_dies_takes_too_long_or_says_nonsense_is_told(
    tmp_path, registry, monkeypatch
):
    monkeypatch.setattr(reading.sys, "executable", "/bin/false")
    with pytest.raises(ReadingFailed, match="ended with 1"):
        await read_apart(EXAMPLE, registry)
    sleeper = tmp_path / "sleeper"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(reading.sys, "executable", str(sleeper))
    monkeypatch.setattr(reading, "LONGEST", 0.05)
    with pytest.raises(ReadingFailed, match=r"longer than 0\.05 s"):
        await read_apart(EXAMPLE, registry)
    monkeypatch.setattr(reading, "LONGEST", 10)
    sleeper.write_text("#!/bin/sh\necho nonsense\n")
    with pytest.raises(ReadingFailed, match="answer of the process that read it is broken: "):
        await read_apart(EXAMPLE, registry)
    monkeypatch.setattr(reading.sys, "executable", str(tmp_path / "nobody"))
    with pytest.raises(ReadingFailed, match="no process could be started to read it: No such file"):
        await read_apart(EXAMPLE, registry)


async def test_an_object_in_s3_that_is_not_there_is_a_problem_and_no_answer_about_it_is_none(
    bucket, registry, unused_tcp_port
):
    found = await read_apart(location(bucket.address()), registry)
    assert found.declared is None
    assert [str(problem).partition(";")[0] for problem in found.problems] == [
        f"s3://{bucket.name}/tenants.yaml: no such object"
    ]
    nowhere = location(bucket.address().replace(bucket.service.url, f"http://127.0.0.1:{unused_tcp_port}"))
    with pytest.raises(ReadingFailed, match=r"^Could not connect"):
        await read_apart(nowhere, registry)

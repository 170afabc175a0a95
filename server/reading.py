"""Reads a tenants file in a process of its own: 10,000 tenants take seconds, and the serving loop none of them.

What comes back is packed: the server keeps bytes. `python -m frontdesk.reading FILE` is that process; it does what a start
does with the file, beginning with `.env`, in the same environment.
"""

from __future__ import annotations

import asyncio
import io
import os
import pickle
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace

from frontdesk.config import ConfigError, Problem, ServerConfig, environment_from_outside, load_env

from .registry import Registry
from .sources import Location, SourceAway, fetch, home, location
from .tenants import Declared, MissingSecret, missing_secrets, read_tenants

LONGEST = 600.0
"""Seconds a reading may take: a machine that is busy serving gives it little."""
SLICE = 500
"""Tenants that are unpacked before the loop has its turn: some milliseconds."""
PATIENCE = 19
"""How nice it is to the process that serves (0 to 19)."""


@dataclass(frozen=True)
class Reading:
    """A tenants file in which nothing is wrong, or what is."""

    problems: tuple[Problem, ...] = ()
    """In the order of the file; if there is one, the rest is empty."""
    server: ServerConfig = field(default_factory=ServerConfig)
    declared: Declared | None = None
    plugins: tuple[str, ...] = ()
    """What its tenants list."""
    missing: tuple[MissingSecret, ...] = ()


class ReadingFailed(Exception):
    """There is no answer about the file, and another attempt may have one; the message says why."""


def read_here(path: Location, registry: Registry | None = None) -> Reading:
    """Read the file in this process. It blocks.

    Raises ReadingFailed if it is elsewhere and there is no answer, ConfigError if it is not there.
    """
    try:
        found = fetch(path)
    except SourceAway as err:
        raise ReadingFailed(str(err)) from err
    file, declared, problems = read_tenants(found, registry)
    if file is None:
        return Reading(tuple(problems))
    missing = tuple(missing_secrets(file, declared, remote=False))
    return Reading((), file.server, declared, tuple(kind.name for kind in declared.registry.loaded()), missing)


Read = Callable[[Location], Awaitable[Reading]]
"""One of the next two, with its registry."""


async def read_beside(path: Location, registry: Registry) -> Reading:
    """Read the file in a thread: for tests, whose plugins are in *registry* and nowhere else."""
    return await asyncio.to_thread(read_here, path, registry)


async def read_apart(path: Location, registry: Registry) -> Reading:
    """Read the file in another process. What is declared looks its plugins up in *registry*.

    Raises ReadingFailed, also if it took longer than LONGEST.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "frontdesk.reading", str(path)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            env=environment_from_outside(),
        )
    except OSError as err:
        raise ReadingFailed(f"no process could be started to read it: {err.strerror or err}") from err
    try:
        async with asyncio.timeout(LONGEST):
            packed, _ = await process.communicate()
    except TimeoutError as err:
        raise ReadingFailed(f"it took longer than {LONGEST:g} s") from err
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise ReadingFailed(f"the process that read it ended with {process.returncode}; it said why on standard error")
    try:
        return await unpacked(packed, registry)
    except (pickle.UnpicklingError, EOFError, LookupError, AttributeError, ImportError, TypeError, ValueError) as err:
        raise ReadingFailed(f"the answer of the process that read it is broken: {type(err).__name__}") from err


def parts(said: Reading | ReadingFailed, size: int = SLICE) -> Iterator[object]:
    """What was read, in pieces: all but the tenants, and then *size* of these at a time."""
    if isinstance(said, ReadingFailed) or said.declared is None:
        yield said
    else:
        yield replace(said, declared=None)
        yield from said.declared.slices(size)


async def unpacked(packed: bytes, registry: Registry) -> Reading:
    """What was read from its `parts`, one pickle after the other; others have their turn between two of them.

    Raises ReadingFailed if that is what they say.
    """
    stream = io.BytesIO(packed)
    reading: Reading | ReadingFailed = pickle.load(stream)  # noqa: S301  of our own process, through a pipe of ours
    if isinstance(reading, ReadingFailed):
        raise reading
    slices: list[Declared] = []
    while stream.tell() < len(packed):
        await asyncio.sleep(0)
        slices.append(pickle.load(stream))  # noqa: S301  as above
        slices[-1].registry = registry
    if not slices:
        return reading
    await asyncio.sleep(0)
    return replace(reading, declared=slices[0].joined(*slices[1:]))


def _main(path: Location) -> None:
    # Plugins are imported, and may print: the pipe is for the answer alone.
    with os.fdopen(os.dup(1), "wb") as answer:
        os.dup2(2, 1)
        os.nice(PATIENCE)
        said: Reading | ReadingFailed
        try:
            load_env(home(path))
            said = read_here(path)
        except ConfigError as err:
            said = Reading(err.problems)
        except ReadingFailed as err:
            said = err
        for part in parts(said):
            pickle.dump(part, answer)


if __name__ == "__main__":
    # As the module that the server imports, so that what is pickled is of its classes.
    from frontdesk.reading import _main as main

    main(location(sys.argv[1]))

"""The tenants file, with the files of its folder, or as it was fetched: checked as a whole, every problem told at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from .files import MAIN, Files, Remote, files_of, home_of
from .one_file import OneFile, read_one, read_remote
from .packed import Packed
from .problems import ConfigError, Place, Problem
from .server import ServerConfig, relative_path
from .tenant import PluginEntry, TenantConfig
from .times import Times


@dataclass(frozen=True, slots=True)
class TenantsFile:
    """A tenants file in which nothing is wrong, except perhaps the plugins' own settings: those are checked later, with
    `validate_settings(settings_class, entry.settings, entry.place)`."""

    path: Path | Remote
    """What was read; of what was fetched, without the content."""
    server: ServerConfig
    tenants: Packed[TenantConfig]
    """By id, in the order of the file. Packed: each look makes a new one."""

    @property
    def folder(self) -> Path:
        """Where `.env` is (absolute)."""
        return home_of(self.path)

    @property
    def anchor(self) -> Path | None:
        """Where relative paths begin (absolute): at the file's folder. None: there is no file, and none are allowed."""
        return self.folder if isinstance(self.path, Path) else None

    @property
    def data_dir(self) -> Path:
        """`server.data_dir`, absolute."""
        return self.folder / self.server.data_dir

    def store_url(self) -> str:
        """`server.store`, revealed, with the path of a SQLite file made absolute (`sqlite:////srv/data/frontdesk.db`).

        Raises what `ServerConfig.store_url` raises, also for a path that has no folder to start from.
        """
        url = self.server.store_url()
        if not (path := relative_path(url)):
            return url
        if self.anchor is None:
            raise ValueError(f"{self.server.store} holds a relative path; behind sqlite:/// write an absolute one")
        return f"sqlite:///{quote(str(self.anchor))}/{path}"


def load(path: str | Path | Remote) -> TenantsFile:
    """The tenants file at *path*. Raises ConfigError with every problem that it has."""
    tenants_file, problems = read(path)
    if tenants_file is None:
        raise ConfigError(problems)
    return tenants_file


def read(path: str | Path | Remote) -> tuple[TenantsFile | None, list[Problem]]:
    """The tenants file at *path*, or None and every problem that it has, in the order of the file.

    Never raises for what the file holds. It blocks: a reload calls it outside the event loop.
    """
    found = survey(path)
    return found.file, found.problems


@dataclass(frozen=True, slots=True)
class Survey:
    """What can be read of a tenants file, though something is wrong with it: good for finding more that is."""

    problems: list[Problem]
    """In the order of the files."""
    file: TenantsFile | None = None
    """None if there is a problem."""
    times: Times = field(default_factory=Times)
    """The file's table of times; the default one if it cannot be read."""
    plugins: Mapping[str, tuple[PluginEntry, ...]] = field(default_factory=dict)
    """Every tenant's readable plugins, by its id; also those of a tenant with which something is wrong."""
    files: tuple[Path | Remote, ...] = ()
    """What was read, in this order."""

    def in_order(self, problems: Iterable[Problem]) -> list[Problem]:
        """*problems* in the order of the files and of their lines."""
        order = {str(file): number for number, file in enumerate(self.files)}
        return sorted(problems, key=lambda problem: (order.get(problem.file, -1), problem.line))


def survey(path: str | Path | Remote) -> Survey:
    """As `read`, with what can be read of files that have problems."""
    if isinstance(path, Remote):
        one, origin = read_remote(path), path.emptied()
        return _joined(origin, one, [one], one.problems, (origin,))
    path = Path(path)
    try:
        files = files_of(path)
    except OSError as error:
        place = Place(str(error.filename or path))
        return Survey([place.problem(f"cannot be read ({error.strerror})", "let the server's user read it")])
    ones = [read_one(file, main=file == files.main, alone=len(files.all) == 1) for file in files.all]
    problems = [problem for one in ones for problem in one.problems]
    problems += _of_the_folder(files, ones) + _twice(ones)
    main = ones[0] if files.main else OneFile(Place(), [], ServerConfig())
    return _joined(path, main, ones, problems, files.all)


def _joined(
    path: Path | Remote, main: OneFile, ones: list[OneFile], problems: list[Problem], files: tuple[Path | Remote, ...]
) -> Survey:
    found = Survey(
        problems,
        times=main.times,
        plugins={id: entries for one in reversed(ones) for id, entries in one.plugins.items()},
        files=files,
    )
    problems[:] = found.in_order(problems)
    if problems or main.server is None:
        return found
    tenants = {id: tenant for one in ones for id, tenant in one.tenants.items()}
    return replace(found, file=TenantsFile(path, main.server, Packed(tenants)))


def _of_the_folder(files: Files, ones: list[OneFile]) -> list[Problem]:
    problems = [Place(str(file)).problem("is not read", f"name it {file.stem}.yaml") for file in files.misnamed]
    if not ones:
        right = f"write tenants into a file in it, e.g. {files.folder / 'shop.yaml'}, or name a file such as {MAIN}"
        problems.append(Place(str(files.folder)).problem("no file NAME.yaml is in this folder", right))
    elif len(ones) > 1 and not any(one.tenants or one.problems for one in ones):
        problems.append(ones[0].place.problem("no tenant is there", f"write some here or into {files.folder}"))
    return problems


def _twice(ones: list[OneFile]) -> list[Problem]:
    """A tenant's id in two files; twice in one is a flaw of its YAML."""
    first: dict[str, Place] = {}
    problems = []
    for one in ones:
        for id in one.place.mark.children["tenants"].children if "tenants" in one.place.mark.children else ():
            place = one.place_of(str(id))
            other = first.setdefault(str(id), place)
            if other is not place:
                where = f"{other.file}:{other.mark.line}"
                problems.append(place.problem(f"is there already, at {where}", "keep one of the two, or rename one"))
    return problems

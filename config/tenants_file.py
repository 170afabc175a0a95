"""The tenants file: read, checked as a whole, every problem told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from . import yaml_positions
from .packed import Packed
from .problems import ConfigError, Key, Place, Problem, shown
from .server import ServerConfig
from .tenant import PluginEntry, TenantConfig, plugin_entries
from .times import Times
from .validation import unknown_key, validate_settings

_TOP = ("server", "tenants")


@dataclass(frozen=True, slots=True)
class TenantsFile:
    """A tenants file in which nothing is wrong, except perhaps the plugins' own settings: those are checked later, with
    `validate_settings(settings_class, entry.settings, entry.place)`."""

    path: Path
    server: ServerConfig
    tenants: Packed[TenantConfig]
    """By id, in the order of the file. Packed: each look makes a new one."""

    @property
    def folder(self) -> Path:
        """The folder of the file (absolute): relative paths in it, and `.env`, are looked up there."""
        return self.path.absolute().parent

    @property
    def data_dir(self) -> Path:
        """`server.data_dir`, absolute."""
        return self.folder / self.server.data_dir

    def store_url(self) -> str:
        """`server.store`, revealed, with the path of a SQLite file made absolute (`sqlite:////srv/data/frontdesk.db`).

        Raises what `ServerConfig.store_url` raises.
        """
        url = self.server.store_url()
        path = url.removeprefix("sqlite:///")
        if path == url or path.startswith("/"):
            return url
        return f"sqlite:///{quote(str(self.folder))}/{path}"


def load(path: str | Path) -> TenantsFile:
    """The tenants file at *path*. Raises ConfigError with every problem that it has."""
    tenants_file, problems = read(path)
    if tenants_file is None:
        raise ConfigError(problems)
    return tenants_file


def read(path: str | Path) -> tuple[TenantsFile | None, list[Problem]]:
    """The tenants file at *path*, or None and every problem that it has, in the order of the file.

    Never raises for what the file holds. It blocks: a reload calls it outside the event loop.
    """
    found = survey(path)
    return found.file, found.problems


@dataclass(frozen=True, slots=True)
class Survey:
    """What can be read of a tenants file, though something is wrong with it: good for finding more that is."""

    problems: list[Problem]
    """In the order of the file."""
    file: TenantsFile | None = None
    """None if there is a problem."""
    times: Times = field(default_factory=Times)
    """The file's table of times; the default one if it cannot be read."""
    plugins: Mapping[str, tuple[PluginEntry, ...]] = field(default_factory=dict)
    """Every tenant's readable plugins, by its id; also those of a tenant with which something is wrong."""


def survey(path: str | Path) -> Survey:
    """As `read`, with what can be read of a file that has problems."""
    path = Path(path)
    place = Place(file=str(path), folder=path.absolute().parent)
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return Survey([Problem(str(path), line, "", "", "a byte that is not UTF-8", "save the file as UTF-8")])
    except OSError as error:
        return Survey([_unreadable(path, place, error)])
    document = yaml_positions.parse(text)
    place = Place(place.file, place.folder, mark=document.mark)
    problems = [_flaw(place, flaw) for flaw in document.flaws]
    told = {(problem.line, problem.tenant, problem.key) for problem in problems}
    if document.data is None and problems:
        return Survey(problems)
    server, tenants, more = _sections(document.data, place)
    problems += [problem for problem in more if (problem.line, problem.tenant, problem.key) not in told]
    return Survey(
        sorted(problems, key=lambda problem: problem.line),
        TenantsFile(path, server, Packed(tenants)) if server is not None and not problems else None,
        _times(document.data, server),
        _plugins(document.data, place),
    )


def _times(data: Any, server: ServerConfig | None) -> Times:
    if server is not None:
        return server.times
    section = data.get("server") if isinstance(data, dict) else None
    written = section.get("times") if isinstance(section, dict) else None
    return validate_settings(Times, written, Place())[0] or Times()


def _plugins(data: Any, place: Place) -> dict[str, tuple[PluginEntry, ...]]:
    tenants = data.get("tenants") if isinstance(data, dict) else None
    return {
        id: plugin_entries(raw.get("plugins"), place.at("tenants", id).of_tenant(id))[0]
        for id, raw in (tenants.items() if isinstance(tenants, dict) else ())
        if isinstance(raw, dict)
    }


def _unreadable(path: Path, place: Place, error: OSError) -> Problem:
    if isinstance(error, FileNotFoundError):
        return place.problem("no such file", "`frontdesk init` writes one to start from")
    if isinstance(error, IsADirectoryError):
        return place.problem("is a folder", f"give the file in it, e.g. {path / 'tenants.yaml'}")
    return place.problem(f"cannot be read ({error.strerror})", "let the server's user read it")


def _flaw(place: Place, flaw: yaml_positions.Flaw) -> Problem:
    match flaw.path:
        case ("tenants", str(tenant), *rest):
            here = place.of_tenant(tenant).at(*rest)
        case _:
            here = place.at(*flaw.path)
    return Problem(here.file, flaw.line, here.tenant, here.key, flaw.found, flaw.right)


def _sections(data: Any, place: Place) -> tuple[ServerConfig | None, dict[str, TenantConfig], list[Problem]]:
    right = "write `tenants:`, and below it each business by its id; `frontdesk init` writes an example"
    if data is None:
        return None, {}, [place.problem("the file is empty", right)]
    if not isinstance(data, dict):
        return None, {}, [place.problem(f"found {shown(data)}", right)]
    problems = [unknown_key(place, key, _TOP) for key in data if key not in _TOP]
    server, more = validate_settings(ServerConfig, data.get("server"), place.at("server"))
    problems += more
    raw, here = data.get("tenants"), place.at("tenants")
    tenants: dict[str, TenantConfig] = {}
    if "tenants" not in data:
        problems.append(here.problem("missing", right))
    elif raw is not None and not isinstance(raw, dict):
        problems.append(here.problem(f"found {shown(raw)}", "write each business by its id, indented below"))
    elif not raw:
        problems.append(here.problem("no tenant is there", "write each business by its id, indented below"))
    else:
        for id, settings in raw.items():
            tenant, more = _tenant(id, settings, here.at(id).of_tenant(id))
            problems += more
            if tenant:
                tenants[id] = tenant
    return server, tenants, problems


def _tenant(id: str, raw: Any, place: Place) -> tuple[TenantConfig | None, list[Problem]]:
    if raw is not None and not isinstance(raw, dict):
        return None, [place.problem(f"found {shown(raw)}", "write its settings as `key: value` lines, indented below")]
    settings: dict[Key, Any] = {**(raw or {}), "id": id}
    tenant, problems = validate_settings(TenantConfig, settings, place)
    if raw and "id" in raw:
        problems.append(place.at("id").problem("unknown key", "remove it; the id is the key above, under `tenants:`"))
    return tenant, problems

"""One file of a configuration, read and checked by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import yaml_positions
from .files import Remote
from .problems import Key, Place, Problem, shown
from .server import ServerConfig, relative_path
from .tenant import PluginEntry, TenantConfig, plugin_entries
from .times import Times
from .validation import unknown_key, validate_settings

_TOP = ("server", "tenants")
_RIGHT = "write `tenants:`, and below it each business by its id; `frontdesk init` writes an example"


@dataclass(frozen=True, slots=True)
class OneFile:
    """What can be read of a file, though something is wrong with it."""

    place: Place
    problems: list[Problem]
    """In the order of the file."""
    server: ServerConfig | None = None
    """None if it cannot be read; the default one of a file that has none."""
    times: Times = field(default_factory=Times)
    """Its table of times; the default one if it cannot be read."""
    tenants: Mapping[str, TenantConfig] = field(default_factory=dict)
    """Those with which nothing is wrong."""
    plugins: Mapping[str, tuple[PluginEntry, ...]] = field(default_factory=dict)
    """Every tenant's readable plugins, by its id; also those of a tenant with which something is wrong."""

    def place_of(self, tenant: str) -> Place:
        return self.place.at("tenants", tenant).of_tenant(tenant)


def read_one(path: Path, *, main: bool, alone: bool) -> OneFile:
    """*main*: it may hold `server:`. *alone*: no other file has tenants, so it must."""
    place = Place(file=str(path), folder=path.absolute().parent)
    try:
        content = path.read_bytes()
    except OSError as error:
        return OneFile(place, [_unreadable(place, error)])
    return check_content(content, place, main=main, alone=alone)


def read_remote(remote: Remote) -> OneFile:
    """What is kept elsewhere. Each relative path in it is a problem: it would start wherever somebody happens to be."""
    one = check_content(remote.content, Place(remote.name, folder=None), main=True, alone=True)
    if one.server is not None:
        one.problems.extend(_relative(one.server, one.place.at("server")))
    return one


def check_content(content: bytes, place: Place, *, main: bool, alone: bool) -> OneFile:
    """See `read_one`. *place*: whose content it is."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return OneFile(place, [Problem(place.file, line, "", "", "a byte that is not UTF-8", "save the file as UTF-8")])
    document = yaml_positions.parse(text)
    place = Place(place.file, place.folder, mark=document.mark)
    problems = [_flaw(place, flaw) for flaw in document.flaws]
    told = {(problem.line, problem.tenant, problem.key) for problem in problems}
    data = document.data
    if data is None and problems:
        return OneFile(place, problems)
    if not isinstance(data, dict):
        found = "the file is empty" if data is None else f"found {shown(data)}"
        return OneFile(place, [*problems, place.problem(found, _RIGHT)])
    server, more = _server(data, place, main)
    tenants, most = _tenants(data, place, alone)
    problems += [problem for problem in (*more, *most) if (problem.line, problem.tenant, problem.key) not in told]
    problems.sort(key=lambda problem: problem.line)
    return OneFile(place, problems, server, _times(data, server), tenants, _plugins(data, place))


def _server(data: dict[str, Any], place: Place, main: bool) -> tuple[ServerConfig | None, list[Problem]]:
    problems = [unknown_key(place, key, _TOP) for key in data if key not in _TOP]
    if "server" in data and not main:
        right = "write it into the main file (tenants.yaml, beside the folder)"
        return None, [*problems, place.at("server").problem("this file is one of several", right)]
    server, more = validate_settings(ServerConfig, data.get("server"), place.at("server"))
    return server, problems + more


def _tenants(data: dict[str, Any], place: Place, alone: bool) -> tuple[dict[str, TenantConfig], list[Problem]]:
    raw, here = data.get("tenants"), place.at("tenants")
    tenants: dict[str, TenantConfig] = {}
    problems: list[Problem] = []
    if raw is not None and not isinstance(raw, dict):
        problems.append(here.problem(f"found {shown(raw)}", "write each business by its id, indented below"))
    elif raw:
        for id, settings in raw.items():
            tenant, more = _tenant(id, settings, here.at(id).of_tenant(id))
            problems += more
            if tenant:
                tenants[id] = tenant
    elif alone and "tenants" not in data:
        problems.append(here.problem("missing", _RIGHT))
    elif alone:
        problems.append(here.problem("no tenant is there", "write each business by its id, indented below"))
    return tenants, problems


def _times(data: dict[str, Any], server: ServerConfig | None) -> Times:
    if server is not None:
        return server.times
    section = data.get("server")
    written = section.get("times") if isinstance(section, dict) else None
    return validate_settings(Times, written, Place())[0] or Times()


def _plugins(data: dict[str, Any], place: Place) -> dict[str, tuple[PluginEntry, ...]]:
    tenants = data.get("tenants")
    return {
        id: plugin_entries(raw.get("plugins"), place.at("tenants", id).of_tenant(id))[0]
        for id, raw in (tenants.items() if isinstance(tenants, dict) else ())
        if isinstance(raw, dict)
    }


def _relative(server: ServerConfig, place: Place) -> Iterator[Problem]:
    found = f"is a relative path, and {place.file} has no folder that it could start from"
    if not Path(server.data_dir).is_absolute():
        right = "write an absolute one, e.g. /var/lib/frontdesk"
        yield place.at("data_dir").problem(f"{shown(server.data_dir)} {found}", right)
    if isinstance(server.store, str) and relative_path(server.store):
        right = "write four slashes, e.g. sqlite:////var/lib/frontdesk/frontdesk.db, or the URL of a database server"
        yield place.at("store").problem(f"{shown(server.store)} {found}", right)


def _unreadable(place: Place, error: OSError) -> Problem:
    if isinstance(error, FileNotFoundError):
        return place.problem("no such file", "`frontdesk init` writes one to start from")
    return place.problem(f"cannot be read ({error.strerror})", "let the server's user read it")


def _flaw(place: Place, flaw: yaml_positions.Flaw) -> Problem:
    match flaw.path:
        case ("tenants", str(tenant), *rest):
            here = place.of_tenant(tenant).at(*rest)
        case _:
            here = place.at(*flaw.path)
    return Problem(here.file, flaw.line, here.tenant, here.key, flaw.found, flaw.right)


def _tenant(id: str, raw: Any, place: Place) -> tuple[TenantConfig | None, list[Problem]]:
    if raw is not None and not isinstance(raw, dict):
        return None, [place.problem(f"found {shown(raw)}", "write its settings as `key: value` lines, indented below")]
    settings: dict[Key, Any] = {**(raw or {}), "id": id}
    tenant, problems = validate_settings(TenantConfig, settings, place)
    if raw and "id" in raw:
        problems.append(place.at("id").problem("unknown key", "remove it; the id is the key above, under `tenants:`"))
    return tenant, problems

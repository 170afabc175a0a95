"""The house: what setup.cfg packs is what is there, imports go the directions they may, files stay readable."""

from __future__ import annotations

import ast
import configparser
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from frontdesk.crashpoints import POINTS

ROOT = Path(__file__).parents[1]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", "utf-8")
ROOMS = dict(line.split(" = ") for line in SETUP["options"]["package_dir"].split("\n") if line)
"""Package → folder: frontdesk is server/."""
FOLDERS = {ROOT / folder: package for package, folder in ROOMS.items()}
LONGEST = 500


def lines(section: str, key: str) -> list[str]:
    return [line for line in SETUP[section][key].split("\n") if line]


def package_of(folder: Path) -> str:
    """The dotted name of a folder of ours."""
    for root, package in FOLDERS.items():
        if folder == root or root in folder.parents:
            return ".".join([package, *folder.relative_to(root).parts])
    raise AssertionError(folder)


def files(*roots: str, suffix: str = ".py") -> list[Path]:
    found = [path for root in roots for path in (ROOT / root).rglob(f"*{suffix}")]
    return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)


OURS = files(*ROOMS.values())
PUBLIC = {
    alias.asname or alias.name
    for node in ast.parse((ROOT / "server" / "__init__.py").read_text("utf-8")).body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
}
"""The plugin API: what `from frontdesk import …` is meant to give."""


def test_every_package_is_listed_and_every_listed_package_is_there():
    there = {package_of(path.parent) for path in OURS}
    assert sorted(there) == lines("options", "packages")
    missing = [package_of(path.parent) for path in OURS if not (path.parent / "__init__.py").exists()]
    assert not missing, "a folder without __init__.py is found by some ways of installing only"


def test_every_file_that_is_no_module_is_packed():
    patterns = {package: lines("options.package_data", package) for package in SETUP["options.package_data"]}
    listed = set(lines("options", "packages"))
    unpacked = []
    for path in (path for path in files(*ROOMS.values(), suffix="") if path.suffix not in (".py", ".pyc")):
        owner = next(folder for folder in path.parents if package_of(folder) in listed)
        inside = path.relative_to(owner)
        # Globs of package_data: `static/*` is one level.
        if not any(
            inside.match(p) and len(Path(p).parts) == len(inside.parts) for p in patterns.get(package_of(owner), ())
        ):
            unpacked.append(str(path.relative_to(ROOT)))
    assert not unpacked, "setup.cfg, [options.package_data]: these would be missing from a wheel"


@pytest.mark.parametrize("package", [package for package in ROOMS if "." in package])
def test_nothing_hides_a_mapped_folder(package):
    name = package.rpartition(".")[2]
    assert not (ROOT / "server" / f"{name}.py").exists()
    assert not (ROOT / "server" / name).exists()


def test_pytest_cannot_import_the_folders_as_a_second_copy():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]
    assert "--import-mode=importlib" in options["addopts"]
    assert not (ROOT / "tests" / "__init__.py").exists()
    assert not (ROOT / "__init__.py").exists()


def imports(path: Path) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """(line, absolute module, names) of every import, also of those for type checkers and inside functions."""
    package = package_of(path.parent) if path in OURS else ""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*parts, *([node.module] if node.module else [])])
            yield node.lineno, module, tuple(alias.name for alias in node.names)


def room(module: str) -> str:
    """Which of our packages a module is in; empty for everybody else's."""
    if module.split(".")[0] != "frontdesk":
        return ""
    deeper = [
        package for package in ROOMS if "." in package and (module == package or module.startswith(f"{package}."))
    ]
    return deeper[0] if deeper else "frontdesk"


def allowed(path: Path, module: str, names: tuple[str, ...]) -> bool:
    """Whether a file of ours may import this of ours."""
    here, there = room(package_of(path.parent)), room(module)
    if not there:
        return True
    match here:
        case "frontdesk.config":
            return there == "frontdesk.config"
        case "frontdesk":
            only_app = there == "frontdesk.admin_ui" and path == ROOT / "server" / "app.py"
            return there in ("frontdesk", "frontdesk.config") or only_app
        case "frontdesk.plugins":
            own = ".".join(package_of(path.parent).split(".")[:3])
            public = module == "frontdesk" and set(names) <= PUBLIC
            return public or (len(own.split(".")) == 3 and (module == own or module.startswith(f"{own}.")))
        case "frontdesk.admin_ui":
            return there == "frontdesk.admin_ui" or module.startswith(("frontdesk.services", "frontdesk.auth"))
    raise AssertionError(here)


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_the_directions_they_may(path):
    wrong = [
        f"line {line}: {module} {', '.join(names)}"
        for line, module, names in imports(path)
        if not allowed(path, module, names)
    ]
    assert not wrong, (
        "config imports nothing of ours; server only config (app.py also admin_ui); a plugin `from frontdesk import …` "
        "and its own folder; admin_ui only frontdesk.services and frontdesk.auth"
    )


def test_the_rule_of_imports_sees_what_is_forbidden():
    plugin, core = ROOT / "plugins/simulator/pages.py", ROOT / "server/inbox.py"
    assert not allowed(plugin, "frontdesk.store", ("Store",))
    assert not allowed(plugin, "frontdesk", ("store",))
    assert not allowed(plugin, "frontdesk.plugins.twilio_whatsapp", ())
    assert allowed(plugin, "frontdesk", ("Plugin", "hookimpl")) and allowed(
        plugin, "frontdesk.plugins.simulator.gate", ()
    )
    assert not allowed(core, "frontdesk.plugins.simulator", ())
    assert not allowed(core, "frontdesk.admin_ui", ("blueprint",))
    assert not allowed(ROOT / "config/tenant.py", "frontdesk.model", ())
    assert not allowed(ROOT / "admin_ui/__init__.py", "frontdesk.store", ())


@pytest.mark.parametrize("folder", ["bench", "deploy"])
def test_nobody_imports_a_plugin_but_by_its_entry_point(folder):
    assert not [
        f"{path}:{line}"
        for path in files(folder)
        for line, module, _ in imports(path)
        if module.startswith("frontdesk.plugins")
    ]


@pytest.mark.parametrize("root", [*ROOMS.values(), "tests", "bench"])
def test_no_file_is_too_long_to_be_read(root):
    long = {str(path): count for path in files(root) if (count := len(path.read_text("utf-8").splitlines())) > LONGEST}
    assert not long


def test_tasks_have_owners():
    """`asyncio.create_task` forgets; a loop's own is called in one place. A TaskGroup is an owner, too: `group`."""
    found = [
        str(path.relative_to(ROOT))
        for path in OURS
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in ("create_task", "ensure_future")
        and not (isinstance(node.value, ast.Name) and node.value.id == "group")
    ]
    assert found == ["server/tasks.py"], "use frontdesk.tasks.Owner.start"


def test_every_crash_point_is_reached_somewhere_and_every_one_reached_is_listed():
    reached = set()
    for path in files("server"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reached":
                (point,) = node.args
                assert isinstance(point, ast.Constant), f"{path}:{node.lineno}: write the point's name out"
                reached.add(point.value)
    assert reached == set(POINTS)


def test_every_entry_point_leads_somewhere():
    for group in SETUP["options.entry_points"]:
        for line in lines("options.entry_points", group):
            module, _, name = line.split(" = ")[1].partition(":")
            parts = module.split(".")
            package = max((p for p in ROOMS if module == p or module.startswith(f"{p}.")), key=len)
            folder = ROOT / ROOMS[package] / Path(*parts[len(package.split(".")) :])
            path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
            assert path.exists(), line
            assert not name or name in path.read_text("utf-8"), line


TESTED_BY_OTHERS = {
    "cards": "shapes only; tests/services/test_cards.py",
    "channel": "shapes only; tests/test_dispatch.py checks answers against them",
    "consent_words": "tests/test_consent.py",
    "core_tasks": "tests/services: each task is done there",
    "findings": "shapes only",
    "hookspecs": "tests/test_hooks.py",
    "mind": "shapes only",
    "model": "shapes only; tests/store reads and writes them",
    "plugin": "tests/test_registry.py and tests/test_runtime.py",
    "plugin_data": "shapes only; tests/services/test_for_plugins.py",
    "quarantine": "tests/test_watchdog.py",
    "step": "tests/test_dispatch.py",
    "speech": "shapes only; tests/turn/test_hear.py and test_speak.py",
    "records": "shapes only; tests/services/test_leads.py and test_appointments.py",
    "stored_erasures": "shapes only; tests/store reads and writes them",
    "stored_figures": "shapes only; tests/services/test_figures.py",
    "stored_events": "shapes only; tests/store reads and writes them",
    "stored_operators": "shapes only; tests/auth reads and writes them",
    "stored_onlookers": "shapes only; tests/services/test_onlookers.py reads and writes them",
    "pushes": "shapes only; tests/services/test_pushing.py",
    "stored_syncs": "shapes only; tests/services/test_pushing.py",
    "stored_settings": "shapes only; tests/store reads and writes them",
    "version": "one constant",
    "work": "shapes only",
    "__main__": "tests/e2e starts it",
}
"""Modules of server/ without a test file of their own name, and where they are tested. No line more than needed."""


def test_every_module_of_the_core_has_its_tests():
    modules = {path.stem for path in (ROOT / "server").glob("*.py")} - {"__init__"}
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}
    assert modules - tested - {"app"} == set(TESTED_BY_OTHERS)

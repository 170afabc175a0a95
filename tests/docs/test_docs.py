"""What holds for every page: links lead somewhere, examples load, names exist, figures have a source."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import yaml

from frontdesk import model
from frontdesk.config import Problem
from frontdesk.crashpoints import POINTS
from frontdesk.tenants import read_tenants

from .conftest import DOCS, ROOT, Page

PAGES = [Page(path) for path in [ROOT / "README.md", ROOT / "deploy/ec2/README.md", *sorted(DOCS.rglob("*.md"))]]
IDS = [str(page.path.relative_to(ROOT)) for page in PAGES]
TENANT: dict[str, Any] = {"name": "Lan", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi"}
every_page = pytest.mark.parametrize("page", PAGES, ids=IDS)


def anchors(path: Path) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", Page(path).prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@every_page
def test_every_link_leads_somewhere(page: Page) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.prose):
        if re.match(r"[a-z]+://", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.path.parent / name).resolve() if name else page.path
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert not broken


@every_page
def test_every_file_that_is_named_is_there(page: Page) -> None:
    named = re.findall(r"`((?:tests|server|config|plugins|deploy|bench|docs)/[\w./-]+)`", page.prose)
    assert not [name for name in named if not (ROOT / name).exists()]


def examples() -> list[Any]:
    return [
        pytest.param(block.body, id=f"{page.path.name}-{number}")
        for page in PAGES
        for number, block in enumerate(page.blocks("yaml"))
        if not block.mark.startswith("append")  # the tutorial's test appends it to a file and loads that
    ]


@pytest.mark.parametrize("example", examples())
def test_every_example_of_a_tenants_file_loads(example: str, tmp_path: Path) -> None:
    problems = load(example, tmp_path)
    assert not problems, "\n".join(map(str, problems))


def load(example: str, folder: Path) -> list[Problem]:
    """The problems of a whole file, of a `server:` section, or of what stands under a tenant."""
    data = yaml.safe_load(example)
    if "tenants" not in data and "server" not in data:
        data = {"tenants": {"lan": {**TENANT, **data}}}
    data.setdefault("tenants", {"lan": TENANT})
    path = folder / "tenants.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
    return read_tenants(path)[2]


def test_an_example_with_a_wrong_key_would_be_found(tmp_path: Path) -> None:
    assert load("plugins:\n  - simulator:\n      open_too: everyone\n", tmp_path)


@every_page
def test_a_measured_figure_has_its_source_in_its_section(page: Page) -> None:
    """Rates and shares are measured by some run on some machine: the section that tells one says by which."""
    figure = re.compile(r"\d\s?%|\d (?:requests|messages|replies|commits)(?:/s| a second)")
    source = re.compile(r"[Ss]ource: |`(?:tests|bench)/")
    sections = re.split(r"^(?=#)", page.prose, flags=re.MULTILINE)
    assert not [part for part in sections if figure.search(part) and not source.search(part)]


@every_page
def test_nobody_shouts(page: Page) -> None:
    assert not re.search(r"\w!(?:\s|$)", page.prose)


def test_the_map_leads_to_every_page() -> None:
    links = re.findall(r"\]\(([^)#\s]+)\)", Page(DOCS / "README.md").prose)
    mapped = {(DOCS / link).resolve() for link in links}
    assert set(DOCS.rglob("*.md")) - {DOCS / "README.md"} <= mapped


def test_the_map_fits_on_a_screen() -> None:
    assert len(Page(DOCS / "README.md").text.splitlines()) <= 60


def test_the_way_of_a_message_passes_every_crash_point(page: Callable[[str], Page]) -> None:
    stops = re.findall(r"^\| `(\w+\.\w+)` \|", page("explanation/the-way-of-a-message.md").text, re.MULTILINE)
    assert sorted(stops) == sorted(POINTS)


def documents() -> list[type[Any]]:
    return [each for _, each in inspect.getmembers(model, dataclasses.is_dataclass) if isinstance(each, type)]


@pytest.mark.parametrize("document", documents(), ids=lambda document: document.__name__)
def test_every_class_of_the_model_has_its_word(document: type[Any], page: Callable[[str], Page]) -> None:
    words = page("explanation/words.md").text
    missing = [document.__name__] if f"`{document.__name__}`" not in words else []
    for name, hint in get_type_hints(document).items():
        if name in ("state", "kind", "direction"):
            missing += [value for value in values(hint) if f"`{value}`" not in words]
    assert not missing, f"docs/explanation/words.md: explain {missing}"


def values(hint: Any) -> set[str]:
    """What a Literal, or a union of them, allows."""
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    return {value for inner in get_args(hint) for value in values(inner)}

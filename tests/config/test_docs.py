"""docs/reference/configuration.md names every key there is, and no key there is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from frontdesk.config import (
    Dialogue,
    Fact,
    Log,
    MediaLimits,
    MetricsAccess,
    OpeningHours,
    OptOut,
    Persona,
    Retention,
    ServerConfig,
    Settings,
    Settle,
    SignInProvider,
    Spending,
    TenantConfig,
    Times,
    Tone,
    TracesTarget,
    Words,
)

PAGE = (Path(__file__).parents[2] / "docs/reference/configuration.md").read_text(encoding="utf-8")

SECTIONS: dict[str, type[Settings]] = {
    "server:": ServerConfig,
    "server.media:": MediaLimits,
    "server.log:": Log,
    "server.metrics:": MetricsAccess,
    "server.traces:": TracesTarget,
    "server.sign_in:": SignInProvider,
    "server.times:": Times,
    "tenants:": TenantConfig,
    "persona:": Persona,
    "opt_out:": OptOut,
    "persona.tone:": Tone,
    "persona.tone.samples:": Dialogue,
    "facts:": Fact,
    "opening_hours:": OpeningHours,
    "words:": Words,
    "spending:": Spending,
    "settle:": Settle,
    "retention:": Retention,
}


def section(title: str) -> str:
    """The text below the heading *title*, up to the next heading."""
    match = re.search(rf"^##+ `{re.escape(title)}`\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert match, f"no heading `{title}` in the page"
    return match[1]


@pytest.mark.parametrize("title", SECTIONS)
def test_every_key_is_described_under_its_heading(title: str) -> None:
    missing = [name for name in SECTIONS[title].model_fields if f"`{name}`" not in section(title)]
    assert not missing, f"docs/reference/configuration.md, `{title}`: describe {missing}"


@pytest.mark.parametrize("title", SECTIONS)
def test_every_key_that_is_described_exists(title: str) -> None:
    described = re.findall(r"^\| `(\w+)` \|", section(title), re.MULTILINE)
    unknown = [name for name in described if name not in SECTIONS[title].model_fields]
    assert not unknown, f"docs/reference/configuration.md, `{title}`: {unknown} does not exist"


@pytest.mark.parametrize("title", ["server.times:", "settle:"])
def test_defaults_are_those_of_the_code(title: str) -> None:
    described = dict(re.findall(r"^\| `(\w+)` \| ([0-9.]+) \|", section(title), re.MULTILINE))
    defaults = {name: f"{field.default:g}" for name, field in SECTIONS[title].model_fields.items()}
    assert described == defaults


@pytest.mark.parametrize("model", SECTIONS.values())
def test_every_key_says_what_it_does_where_forms_and_errors_can_read_it(model: type[Settings]) -> None:
    silent = [name for name, field in model.model_fields.items() if not field.description]
    assert not silent

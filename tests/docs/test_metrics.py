"""docs/reference/metrics.md names what a server exposes; the snippets of operate.md use names that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from frontdesk.app import Server, create_server

from .conftest import ROOT, Page, rows

ReadPage = Callable[[str], Page]
Described = dict[str, tuple[str, tuple[str, ...], str]]
SECTIONS = ("What the process counts", "How it is at the moment", "What waits, as the store knows it", "The process")


@pytest.fixture
def server(tmp_path: Path) -> Server:
    path = tmp_path / "tenants.yaml"
    data = yaml.safe_load((ROOT / "tenants.example.yaml").read_text("utf-8"))
    data.setdefault("server", {})["metrics"] = {"tenant_label": True}
    path.write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
    return create_server(path)


@pytest.fixture
def described(page: ReadPage) -> Described:
    """Name → type, labels (with the tenant, where the star says so), what it is."""
    found: Described = {}
    for section in SECTIONS:
        for name, kind, labels, what in rows(page("reference/metrics.md").section(section)):
            tenant = ("tenant",) if name.endswith("*") else ()
            found[name.split("`")[1]] = (kind, (*tenant, *re.findall(r"`(\w+)`", labels)), what)
    return found


def test_every_family_is_described_as_it_is_exposed(server: Server, described: Described) -> None:
    ours = {name: (kind, labels) for name, (kind, labels, _) in described.items() if name.startswith("frontdesk_")}
    assert ours == {family.name: (family.kind, family.labels) for family in server.metrics.families}


def test_every_description_begins_with_the_help_that_is_exposed(server: Server, described: Described) -> None:
    differing = [
        family.name for family in server.metrics.families if not described[family.name][2].startswith(family.help)
    ]
    assert not differing


def test_the_page_has_these_families_and_no_other(server: Server, described: Described) -> None:
    exposed = {
        (f"{family.name}_total" if family.type == "counter" else family.name, family.type)
        for family in text_string_to_metric_families(server.metrics.page().decode())
    }
    assert exposed == {(name, kind) for name, (kind, _, _) in described.items()}


def test_what_operators_are_told_to_watch_is_there(page: ReadPage, described: Described) -> None:
    named = re.findall(r"\b(?:frontdesk|process)_[a-z_]+", page("how-to/operate.md").section("Metrics"))
    assert named and set(named) <= set(described)


def test_the_agent_is_given_series_it_can_keep(page: ReadPage, described: Described) -> None:
    (block,) = [block for block in page("how-to/operate.md").blocks("json") if block.mark == "cloudwatch"]
    prometheus = json.loads(block.body)["logs"]["metrics_collected"]["prometheus"]
    for declaration in prometheus["emf_processor"]["metric_declaration"]:
        for selector in declaration["metric_selectors"]:
            kind, labels, _ = described[selector.strip("^$")]
            assert kind != "histogram", "the agent drops histograms"
            assert [["job", *(label for label in labels if label != "tenant")]] == declaration["dimensions"]
    (job,) = [block for block in page("how-to/operate.md").blocks("text") if block.mark == "prometheus"]
    assert yaml.safe_load(job.body)["scrape_configs"][0]["job_name"] == "frontdesk"

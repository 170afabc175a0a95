"""The tenants file joined with the plugins: every problem at once, each with its line and what would be right."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from frontdesk import Channel, Settings
from frontdesk.config import Problem, Times, survey
from frontdesk.registry import Registry
from frontdesk.tenants import read_tenants

TENANT = "name: X, time_zone: Europe/London, language: en"


class LineSettings(Settings):
    """One line of a telephone."""

    numbers: tuple[str, ...] = ()
    """Its numbers."""


class Line(Channel):
    settings: LineSettings

    @classmethod
    def addresses(cls, settings: LineSettings) -> tuple[str, ...]:
        return tuple({"broken": 1 // 0}[number] if number == "broken" else number for number in settings.numbers)


@pytest.fixture
def registry(sample) -> Registry:
    registry = Registry(Times())
    registry.register("line", Line)
    registry.register("weather", sample("weather"))
    registry.register("weather_again", sample("weather_again"))
    return registry


def problems(tmp_path: Path, text: str, registry: Registry) -> list[Problem]:
    path = tmp_path / "tenants.yaml"
    path.write_text(textwrap.dedent(text), "utf-8")
    return read_tenants(path, registry)[2]


def test_a_good_file_gives_each_tenant_its_checked_plugins_in_order(tmp_path, registry):
    path = tmp_path / "tenants.yaml"
    path.write_text(f"tenants: {{a: {{{TENANT}, plugins: [weather: {{city: Huế}}, line]}}, b: {{{TENANT}}}}}", "utf-8")
    file, declared, found = read_tenants(path, registry)
    assert file is not None and found == []
    assert [(kind.name, getattr(settings, "city", "")) for kind, settings in declared["a"].plugins] == [
        ("weather", "Huế"),
        ("line", ""),
    ]
    assert declared["b"].plugins == ()


def test_settings_of_plugins_are_checked_with_their_lines(tmp_path, registry):
    found = problems(
        tmp_path,
        """
        tenants:
          a:
            name: A
            time_zone: Europe/London
            language: en
            plugins:
              - weather:
                  city: 17
                  api_key: plain-text-secret
              - line:
                  number: ["1"]
        """,
        registry,
    )
    assert [(problem.line, problem.tenant, problem.key) for problem in found] == [
        (9, "a", "plugins[0].weather.city"),
        (10, "a", "plugins[0].weather.api_key"),
        (12, "a", "plugins[1].line.number"),
    ]
    assert "did you mean numbers?" in str(found[2])
    assert "plain-text-secret" not in "".join(map(str, found))


def test_an_unknown_plugin_and_a_problem_of_the_file_are_told_together(tmp_path, registry):
    found = problems(
        tmp_path,
        """
        tenants:
          a:
            name: A
            time_zone: Europe/London
            language: en
            plugins:
              - wether
          b:
            name: B
            time_zone: Europe/Londn
            language: en
        """,
        registry,
    )
    assert [problem.line for problem in found] == [8, 11]
    assert str(found[0]).endswith("tenant a: plugins[0]: plugin wether is not installed; did you mean weather?")


def test_two_plugins_of_one_tenant_cannot_offer_tools_of_one_name(tmp_path, registry):
    (found,) = problems(tmp_path, f"tenants: {{a: {{{TENANT}, plugins: [weather, weather_again]}}}}", registry)
    assert "the tool forecast of weather_again has the name of one of weather" in str(found)
    assert "list one of the two plugins" in str(found)
    of_two_tenants = f"tenants: {{a: {{{TENANT}, plugins: [weather]}}, b: {{{TENANT}, plugins: [weather_again]}}}}"
    assert problems(tmp_path, of_two_tenants, registry) == []


def test_two_tenants_cannot_claim_one_number(tmp_path, registry):
    found = problems(
        tmp_path,
        f"""
        tenants:
          a: {{{TENANT}, plugins: [line: {{numbers: ["1", "2"]}}]}}
          b: {{{TENANT}, plugins: [line: {{numbers: ["3", "2"]}}]}}
        """,
        registry,
    )
    assert [str(problem) for problem in found] == [
        f"{tmp_path / 'tenants.yaml'}:4: tenant b: plugins[0].line: 2 is claimed by tenant a too; "
        "a number belongs to one tenant; change one"
    ]


def test_a_file_with_problems_of_every_kind_tells_them_all_in_one_run(tmp_path, registry):
    """Shape, values that contradict each other, plugins' settings: nothing waits for something else to be mended."""
    found = problems(
        tmp_path,
        f"""
        server:
          bnd: x
          times:
            loop_exit: 1
        tenants:
          a:
            name: A
            time_zone: Europe/Londn
            language: en
            plugins:
              - line:
                  numbers: ["1"]
              - wether
              - Line
          b: {{{TENANT}, plugins: [line: {{numbers: ["1"]}}, weather: {{city: 17}}]}}
        """,
        registry,
    )
    assert [(problem.line, problem.tenant, problem.key) for problem in found] == [
        (3, "", "server.bnd"),
        (5, "", "server.times.loop_exit"),
        (9, "a", "time_zone"),
        (14, "a", "plugins[1]"),
        (15, "a", "plugins[2]"),
        (16, "b", "plugins[1].weather.city"),
        (16, "b", "plugins[0].line"),
    ]


def test_a_plugins_sdk_is_judged_by_the_files_times_though_the_file_is_wrong_elsewhere(tmp_path):
    path = tmp_path / "tenants.yaml"
    path.write_text("server: {bnd: x, times: {hook_deadline: 30}}\ntenants: {a: {}}", "utf-8")
    assert survey(path).times.hook_deadline == 30


def test_a_plugin_that_cannot_say_its_addresses_is_one_problem_and_no_traceback(tmp_path, registry):
    (found,) = problems(tmp_path, f"tenants: {{a: {{{TENANT}, plugins: [line: {{numbers: [broken]}}]}}}}", registry)
    assert "Line.addresses failed: ZeroDivisionError" in str(found)


def test_addresses_lead_to_their_tenants(tmp_path, registry):
    path = tmp_path / "tenants.yaml"
    path.write_text(
        f"tenants: {{a: {{{TENANT}, plugins: [line: {{numbers: ['1', '2']}}]}}, "
        f"b: {{{TENANT}, plugins: [weather, line: {{numbers: ['3']}}]}}}}",
        "utf-8",
    )
    _, declared, found = read_tenants(path, registry)
    assert found == []
    assert declared.addresses == {("line", "1"): "a", ("line", "2"): "a", ("line", "3"): "b"}


def test_a_file_that_is_no_yaml_is_its_problem_and_no_tenant(tmp_path, registry):
    path = tmp_path / "tenants.yaml"
    path.write_text("tenants: [", "utf-8")
    file, declared, found = read_tenants(path, registry)
    assert (file, declared) == (None, {})
    assert len(found) == 1

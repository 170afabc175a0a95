"""Plugin classes are checked once; what is wrong with one is told with its name and what would be right."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from frontdesk import Plugin, tool
from frontdesk.config import Times
from frontdesk.hookspecs import CHANNEL_HOOKS, SYNC_HOOKS, Hooks
from frontdesk.inbox import inbound_id
from frontdesk.plugin import CORE, RESERVED_NAMES
from frontdesk.registry import PluginRefused, Registry
from frontdesk.tools import RESERVED
from frontdesk.turn.offer import OFFER_CHOICES
from frontdesk.turn.remember import REMEMBER
from frontdesk.turn.tools import CALL_A_PERSON
from frontdesk.turn.wish import ANSWER_BY

REFUSED = {
    "channel_hook_without_channel": r"ChannelHookWithoutChannel\.send is a hook of channels: derive .* frontdesk\.Channel",
    "deed_without_lookup": r"deed DeedWithoutLookup\.order cannot be survived in a crash: give it lookup=",
    "lookup_of_other_arguments": r"look-up LookupOfOtherArguments\.find_order must take what .*order takes: self, dish",
    "misspelt_argument": r"MisspeltArgument\.on_handoff: takes `contct`, .* did you mean contact\?",
    "misspelt_hook": r"MisspeltHook\.on_hand_off: there is no hook of this name; did you mean on_handoff\?",
    "old_api": r"was written for plugin API 0, this is 1; install the version",
    "optional_hook": r"OptionalHook\.on_hand_off: .* write @hookimpl without options",
    "pages_of_an_instance": r"PagesOfAnInstance\.routes must be a class method and not async: write @classmethod",
    "patient_sdk": r"PatientSdk\.on_handoff: its SDK waits 60 s, .* deadline of 10 s or longer; make sdk_timeout shorter",
    "renamed_hook": r"RenamedHook\.tell_the_boss: .* write @hookimpl without options",
    "settings_of_no_class": r"`settings` is annotated with dict.*, which is not a subclass of frontdesk\.Settings",
    "sync_hook": r"SyncHook\.on_handoff is not async: write `async def on_handoff",
    "tool_without_annotation": r"tool ToolWithoutAnnotation\.opening_hours: parameter day has no annotation",
    "tool_without_docstring": r"tool ToolWithoutDocstring\.opening_hours has no docstring: the model chooses tools by it",
    "unmarked_hook": r"UnmarkedHook\.on_handoff has the name of a hook .* write @hookimpl above it, or give it another",
    "wants_to_be_first": r"WantsToBeFirst\.on_handoff: .* in the order of the tenant's plugins list.* without options",
    "wraps_hook": r"WrapsHook\.on_handoff: .* without options",
}


@pytest.fixture
def registry() -> Registry:
    return Registry(Times())


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_class_is_refused_by_name_with_what_would_be_right(registry, sample, name):
    with pytest.raises(PluginRefused, match=REFUSED[name]) as refused:
        registry.register(name, sample(name))
    assert str(refused.value).startswith(f"plugin {name}")
    assert registry.loaded() == []


def test_what_is_no_plugin_class_is_refused(registry):
    with pytest.raises(PluginRefused, match=r"plugin thing: .* is not a subclass of frontdesk\.Plugin"):
        registry.register("thing", object())


@pytest.mark.parametrize("name", ["a/b", "Weather", "thời_tiết", "a-b", ""])
def test_a_name_that_cannot_stand_in_urls_and_keys_is_refused(registry, sample, name):
    with pytest.raises(PluginRefused, match="its name stands in URLs and keys"):
        registry.register(name, sample("weather"))


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_a_name_that_the_cores_own_ids_begin_with_is_refused(registry, sample, name):
    with pytest.raises(PluginRefused, match=f"plugin {name}: its name is reserved: .* give it another name"):
        registry.register(name, sample("weather"))


async def test_the_cores_own_ids_begin_with_reserved_names_alone(desk):
    async with desk() as server:
        lan = server.contact("Lan")
        await lan.says("Chào")
        await lan.hears()
        await server.server.ownership.take("clinic", lan.id, "an")
        written = await server.server.ownership.say("clinic", lan.id, "an", "Chào chị")
        begins = {inbound_id("phone", "1").partition("-")[0], written.id.partition("-")[0], CORE}
        assert begins == RESERVED_NAMES


def test_a_tool_cannot_take_the_name_of_the_cores_own(registry):
    class Impostor(Plugin):
        @tool
        async def call_a_person(self, reason: str) -> str:
            """Pretend to."""
            return "done"

    assert {CALL_A_PERSON.name, OFFER_CHOICES.name, REMEMBER.name, ANSWER_BY.name} == RESERVED
    with pytest.raises(PluginRefused, match="has the name of a tool of the core"):
        registry.register("impostor", Impostor)


def test_a_good_class_is_kept_with_its_hooks_their_arguments_and_its_tools(registry, sample):
    kind = registry.register("hangs", sample("hangs_awaiting"))
    assert kind.hooks == {"prompt_section": (), "think": ()}
    kind = registry.register("weather", sample("weather"))
    assert [tool.spec.name for tool in kind.tools] == ["forecast"]
    assert registry.loaded()[1] is registry.load("weather") is kind


def test_arguments_are_those_the_implementation_takes(registry):
    from frontdesk.testing.plugins import Phone

    kind = registry.register("phone", Phone)
    assert kind.is_channel
    assert kind.hooks["find_sent"] == ("message", "since")
    assert kind.hooks["show_typing"] == ("message",)


def test_a_name_nobody_has_gets_the_nearest_that_is_installed(registry):
    with pytest.raises(PluginRefused, match=r"plugin simulater is not installed; did you mean simulator\?"):
        registry.load("simulater")
    with pytest.raises(PluginRefused, match=r"plugin zzz is not installed; installed are: .*twilio_whatsapp"):
        registry.load("zzz")


@pytest.mark.parametrize("name", ["rehearsal_llm", "simulator", "twilio_whatsapp"])
def test_the_bundled_plugins_come_through_the_door_of_everyone(registry, name):
    kind = registry.load(name)
    assert kind.distribution.startswith("frontdesk ")
    assert name in registry.names()


def with_projects(tmp_path: Path, points: dict[str, str], program: str) -> str:
    """What *program* prints with a distribution for each entry point (distribution → `name = value`) on the path."""
    samples = Path(__file__).parent / "plugins" / "samples"
    for distribution, point in points.items():
        info = tmp_path / f"{distribution}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[frontdesk.plugins]\n{point}\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(samples)])}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return run.stdout


LOAD = """
from frontdesk.config import Times
from frontdesk.inbox import inbound_id
from frontdesk.plugin import CORE, RESERVED_NAMES
from frontdesk.registry import PluginRefused, Registry
registry = Registry(Times())
for _ in range(2):
    try:
        print(registry.load("broken").distribution)
    except PluginRefused as err:
        print(err)
print(registry.load("weather").distribution)
"""


def test_a_plugin_that_raises_at_import_is_refused_and_the_others_load(tmp_path):
    points = {"bad": "broken = raises_at_import:Nothing", "good": "weather = weather:Weather"}
    first, again, good = with_projects(tmp_path, points, LOAD).splitlines()
    assert re.fullmatch(
        r"plugin broken cannot be imported from raises_at_import:Nothing: RuntimeError: the wheel .* machine", first
    )
    assert again == first
    assert good == "good 1.0"


def test_a_name_that_two_distributions_offer_is_refused(tmp_path):
    points = {"one": "broken = weather:Weather", "other": "broken = weather_again:WeatherAgain"}
    lines = with_projects(tmp_path, {**points, "good": "weather = weather:Weather"}, LOAD).splitlines()
    assert lines[0] == "plugin broken is offered by one 1.0 and other 1.0; uninstall all but one"


def test_the_sets_of_special_hooks_name_hooks_that_exist():
    assert set(vars(Hooks)) >= CHANNEL_HOOKS | SYNC_HOOKS

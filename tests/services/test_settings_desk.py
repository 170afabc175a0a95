"""Forms of settings: drawn from the models, checked like the file, saved through the overlay, secrets never told again."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any, Literal

import pytest
from cryptography.fernet import Fernet
from pydantic import Field

from frontdesk import Plugin, Secret, Settings, hookimpl
from frontdesk.auth import Principal
from frontdesk.config import Duration, Language, PhoneNumber, TenantConfig, TimeZone
from frontdesk.services import overlay
from frontdesk.services.overlay_keys import OverlayConflict
from frontdesk.services.settings_desk import FormRefused
from frontdesk.services.settings_form import fields_of, label_of, leaves
from frontdesk.services.settings_history import difference
from frontdesk.services.settings_values import posted, texts
from frontdesk.testing.desk import TENANT
from frontdesk.testing.plugins import ScriptedModel

LAN = Principal(id="1", name="lan", display_name="Lan")
AN = Principal(id="2", name="an", display_name="An")


class Season(Enum):
    DRY = "dry"
    WET = "wet"


class Room(Settings):
    name: str
    beds: int = 1


class Everything(Settings):
    """One of each type that a plugin may use."""

    text: str = Field(default="a", max_length=20)
    long: str = Field(default="", json_schema_extra={"form": "long"})
    number: float = Field(default=0.5, ge=0, le=1)
    whole: int = Field(default=3, gt=0)
    price: float | None = Field(default=None, json_schema_extra={"form": "money"})
    wait_seconds: float = 2
    duration: Duration = Field(default="30 min", validate_default=True)  # type: ignore[assignment]
    switch: bool = True
    choice: Literal["a", "b"] = "a"
    season: Season = Season.DRY
    words: tuple[str, ...] = ("x",)
    rooms: tuple[Room, ...] = ()
    codes: dict[str, int] = {}  # noqa: RUF012
    one: Room = Room(name="one")
    perhaps: Room | None = None
    either: int | Room = 1
    zone: TimeZone = "Asia/Ho_Chi_Minh"
    language: Language | Literal[""] = ""
    phone: PhoneNumber = "+84912345678"
    token: Secret | None = None


class Weather(Plugin):
    """Tells the weather."""

    class Account(Settings):
        city: str = Field(default="Hanoi", min_length=2)
        """The shop's city."""
        token: Secret | None = None
        """The key."""
        rooms: tuple[Room, ...] = ()

    settings: Account


Weather.__annotations__["settings"] = Weather.Account


class Needs(Plugin):
    """Needs an account."""

    class Account(Settings):
        account: str = Field(pattern="^AC[0-9]+$", examples=["AC1"])
        """The account."""

    settings: Account

    @hookimpl
    async def check_health(self) -> dict[str, Any]:
        return {"ok": False, "detail": "no account"}


Needs.__annotations__["settings"] = Needs.Account

PLUGINS = {"model": ScriptedModel, "weather": Weather, "needs": Needs}
CLINIC = {**TENANT, "plugins": ["phone", "model", {"weather": {"city": "Hà Nội", "token": {"env": "OURS"}}}]}
DESK = {"plugins": PLUGINS, "tenants": {"clinic": CLINIC}}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_SECRET_KEYS", Fernet.generate_key().decode())


def test_every_type_has_its_kind_and_limits() -> None:
    found = {each.key: each for each in leaves(fields_of(Everything))}
    assert {key: each.kind for key, each in found.items()} == {
        "text": "text", "long": "long", "number": "number", "whole": "whole", "price": "money", "wait_seconds": "number",
        "duration": "duration", "switch": "switch", "choice": "choice", "season": "choice", "words": "list",
        "rooms": "list", "codes": "mapping", "one.name": "text", "one.beds": "whole", "perhaps": "group",
        "either": "other", "zone": "zone", "language": "language", "phone": "phone", "token": "secret",
    }  # fmt: skip
    assert (found["number"].least, found["number"].most, found["text"].longest) == (0, 1, 20)
    assert (found["wait_seconds"].unit, found["price"].unit, found["price"].nullable) == ("s", "$", True)
    assert found["season"].options == ("dry", "wet") and found["duration"].default == "30 min"
    assert [each.key for each in found["rooms"].fields] == ["name", "beds"]
    assert label_of("account_sid") == "Account SID"


def test_every_setting_of_our_own_plugins_can_be_drawn(tmp_path: Any) -> None:
    from frontdesk.config import Times
    from frontdesk.registry import Registry

    registry = Registry(Times())
    models = [registry.load(name).cls.settings_class() for name in registry.names()]
    for model in [*models, TenantConfig]:
        for field in leaves(fields_of(model)):
            assert field.kind != "other", f"{model.__name__}.{field.key}"
            assert field.help or field.key.startswith("opening_hours"), f"{model.__name__}.{field.key}"


def test_what_is_typed_becomes_what_stands_in_a_file_and_back() -> None:
    fields = {each.key: each for each in leaves(fields_of(Everything))}
    form = {
        "f.number": ["0.25"], "f.whole": ["seven"], "f.price": [""], "f.switch": ["", "on"], "f.words": ["a\r\n\r\n b "],
        "f.codes": ["x: 1\ny: 2"], "f.rooms[2].name": ["Sen"], "f.rooms[2].beds": ["2"], "f.rooms[0].name": ["Mai"],
        "f.rooms[0].beds": ["1"], "f.rooms[5].name": [""], "f.perhaps.name": [""], "f.perhaps.beds": [""],
        "f.either": ["{name: a}"], "f.long": ["xin chào\r\n"],
    }  # fmt: skip
    found = {key: posted(field, form)[1] for key, field in fields.items() if posted(field, form)[0]}
    assert found == {
        "number": 0.25, "whole": "seven", "price": None, "switch": True, "words": ["a", "b"], "codes": {"x": 1, "y": 2},
        "rooms": [{"name": "Mai"}, {"name": "Sen", "beds": 2}], "perhaps": None, "either": {"name": "a"},
        "long": "xin chào",
    }  # fmt: skip
    assert texts(fields["codes"], found["codes"]) == "x: 1\ny: 2" and texts(fields["words"], ["a", "b"]) == "a\nb"
    assert json.dumps(posted(fields["either"], {"f.either": ["2026-01-01"]})[1])


def test_a_row_in_which_nothing_was_typed_is_none_whatever_its_fields() -> None:
    from frontdesk.config import Times
    from frontdesk.registry import Registry

    settings = Registry(Times()).load("bedrock_llm").cls.settings_class()
    models = leaves(fields_of(settings))[0]
    kinds = {each.name: each.kind for each in models.fields}
    assert kinds == {"id": "text", "sees": "choice", "caches": "choice", "price": "group"}
    row = {"id": "", "sees": "", "caches": "", "price.input": "", "price.output": ""}
    form = {f"f.models[0].{key}": [text] for key, text in {**row, "id": "a.b", "sees": "false"}.items()}
    form |= {f"f.models[1].{key}": [text] for key, text in row.items()}
    assert posted(models, form) == (True, [{"id": "a.b", "sees": False}])


def test_a_form_makes_no_value_that_no_machine_holds() -> None:
    """Ten lists of ten, each of ten of the one before: two hundred characters of YAML, and ten thousand million items."""
    lists = ["&a [" + ",".join("x" * 10) + "]"]
    for name, before in zip("bcdefghij", "abcdefghi", strict=True):
        lists.append(f"&{name} [" + ",".join([f"*{before}"] * 10) + "]")
    laugh = f"[{', '.join(lists)}]"
    (hours,) = (each for each in leaves(fields_of(TenantConfig)) if each.key == "opening_hours.monday")
    for typed in (laugh, "[" * 10_000, "[" + "1," * 100_000 + "]"):
        assert posted(hours, {"f.opening_hours.monday": [typed]})[1] in (typed, [typed]), "pydantic refuses it"
    many = "08:00-12:00\n" * 501
    assert posted(hours, {"f.opening_hours.monday": [many]})[1] == many


async def test_a_form_shows_the_file_beside_what_was_changed_and_saves_only_what_differs(desk: Any) -> None:
    async with desk(**DESK) as server:
        settings = server.server.office.settings
        form = await settings.form("clinic", "weather")
        city = form.entries[0]
        assert (city.value, city.declared, city.is_declared, city.change) == ("Hà Nội", "Hà Nội", True, None)
        assert city.place.startswith("tenants.yaml:") and city.field.help == "The shop's city."
        assert await settings.save("clinic", "weather", {"f.city": ["Huế"]}, form.seen, LAN) == ["plugins.weather.city"]
        assert (await server.plugin("weather")).settings.city == "Huế"  # this process has it at once
        form = await settings.form("clinic", "weather")
        assert form.entries[0].value == "Huế" and form.entries[0].declared == "Hà Nội"
        assert form.entries[0].change is not None and form.entries[0].change.by == "lan"
        assert await settings.save("clinic", "weather", {"f.city": ["Huế"]}, form.seen, LAN) == []
        await settings.save("clinic", "weather", {"f.city": ["Hà Nội"]}, form.seen, AN)
        assert await server.server.overlays.shadows(server.server.written, "clinic") == []
        (step, first) = await server.server.office.settings_history.steps("clinic")
        assert step.reverted and not step.revertible
        assert [(line.sign, line.text) for line in first.lines] == [("-", "Hà Nội"), ("+", "Huế")]
        entries = await server.server.office.audit.entries("clinic")
        assert {(each.who, each.what, each.about) for each in entries} == {
            ("an", "setting.changed", "weather"),
            ("lan", "setting.changed", "weather"),
        }
        assert "Hà Nội" in await server.server.office.settings_history.export("clinic")


async def test_a_change_is_shown_and_reverted_that_the_history_has_forgotten(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlay, "KEPT", 2)
    async with desk(**DESK) as server:
        settings, overlays = server.server.office.settings, server.server.overlays
        form = await settings.form("clinic", "weather")
        await settings.save("clinic", "weather", {"f.city": ["Huế"]}, form.seen, LAN)
        for number in range(2):
            await overlays.set(server.server.written, "clinic", "name", f"Hoa Sen {number}", "an")
        assert {each.key for each in await overlays.history("clinic")} == {"name"}
        form = await settings.form("clinic", "weather")
        assert form.changed and form.entries[0].change is not None and form.entries[0].change.by == "lan"
        await settings.save("clinic", "weather", {"f.city": ["Hà Nội"]}, form.seen, AN)
        assert [each.key for each in await overlays.shadows(server.server.written, "clinic")] == ["name"]


async def test_a_bad_value_is_told_at_its_field_and_cannot_be_saved(desk: Any) -> None:
    async with desk(**DESK) as server:
        settings = server.server.office.settings
        form = await settings.form("clinic", "weather")
        bad = {"f.city": ["H"], "f.rooms[0].name": ["Sen"], "f.rooms[0].beds": ["many"]}
        flaws = await settings.check("clinic", "weather", bad)
        assert {(each.key, each.right) for each in flaws} == {
            ("city", "write 2 character(s) or more"),
            ("rooms[0].beds", "write a whole number"),
        }
        with pytest.raises(FormRefused):
            await settings.save("clinic", "weather", bad, form.seen, LAN)
        assert await server.server.overlays.shadows(server.server.written, "clinic") == []
        own = await settings.check("clinic", "", {"f.time_zone": ["Europe/Lodon"], "f.settle.quiet_seconds": ["20"]})
        assert {each.key for each in own} == {"time_zone", "settle.quiet_seconds"}


async def test_of_two_who_save_at_once_the_second_is_told(desk: Any) -> None:
    async with desk(**DESK) as server:
        settings = server.server.office.settings
        seen = (await settings.form("clinic", "weather")).seen
        await settings.save("clinic", "weather", {"f.city": ["Huế"]}, seen, LAN)
        with pytest.raises(OverlayConflict) as refused:
            await settings.save("clinic", "weather", {"f.city": ["Đà Nẵng"]}, seen, AN)
        assert [(each.key, each.by) for each in refused.value.changes] == [("plugins.weather.city", "lan")]
        assert (await settings.form("clinic", "weather")).entries[0].value == "Huế"


async def test_a_secret_is_stored_encrypted_and_its_value_is_nowhere_again(desk: Any) -> None:
    async with desk(**DESK) as server:
        settings = server.server.office.settings
        form = await settings.form("clinic", "weather")
        assert form.entries[1].secret is not None and form.entries[1].secret.reference == "env: OURS"
        await settings.save("clinic", "weather", {"f.city": ["Hà Nội"], "f.token": ["s3cret-value"]}, form.seen, LAN)
        form = await settings.form("clinic", "weather")
        state = form.entries[1].secret
        assert state is not None and (state.stored, state.set_by) == (True, "lan") and state.set_at is not None
        everything = repr(form) + await server.server.office.settings_history.export("clinic")
        everything += repr(await server.server.office.settings_history.steps("clinic"))
        everything += repr(await server.server.office.audit.entries("clinic"))
        assert "s3cret-value" not in everything
        plugin = await server.plugin("weather")
        assert (
            await server.server.blocking.of("clinic", "weather", 5, 1)(plugin.settings.token.reveal) == "s3cret-value"
        )
        # Left empty it stays; typed anew it is another, under the same name.
        assert await settings.save("clinic", "weather", {"f.token": [""]}, form.seen, AN) == []
        assert await settings.save("clinic", "weather", {"f.token": ["other"]}, form.seen, AN) == [
            "plugins.weather.token"
        ]
        assert (await server.server.secrets.names("clinic"))[0][2] == "an"


async def test_without_keys_a_secret_is_refused_and_nothing_is_written(desk: Any, monkeypatch: Any) -> None:
    monkeypatch.delenv("FRONTDESK_SECRET_KEYS")
    async with desk(**DESK) as server:
        settings = server.server.office.settings
        form = await settings.form("clinic", "weather")
        with pytest.raises(FormRefused) as refused:
            await settings.save("clinic", "weather", {"f.city": ["Huế"], "f.token": ["s3cret"]}, form.seen, LAN)
        assert refused.value.flaws[0].key == "token" and "s3cret" not in str(refused.value)
        assert await server.server.overlays.shadows(server.server.written, "clinic") == []


async def test_a_plugin_is_added_with_its_settings_ordered_and_left_out(desk: Any) -> None:
    async with desk(**DESK) as server:
        settings, plugins = server.server.office.settings, server.server.office.plugins
        form = await settings.form("clinic", "needs")
        assert not form.listed
        with pytest.raises(FormRefused) as refused:
            await settings.save("clinic", "needs", {"f.account": [""]}, form.seen, LAN)
        assert [each.key for each in refused.value.flaws] == ["account"]
        await settings.save("clinic", "needs", {"f.account": ["AC1"]}, form.seen, LAN)
        names = [each.name for each in await plugins.lines("clinic") if each.listed]
        assert names == ["phone", "model", "weather", "needs"]
        seen = await settings.arrangement("clinic")
        assert await settings.arrange("clinic", ["needs", "phone", "model"], seen, LAN)
        with pytest.raises(OverlayConflict):
            await settings.arrange("clinic", ["phone"], seen, AN)
        await server.server.runtimes.get("clinic")
        await server.server.runtimes.tend()
        lines = {each.name: each for each in await plugins.lines("clinic")}
        assert not lines["weather"].listed and lines["weather"].declared
        assert (lines["needs"].state, lines["needs"].why) == ("not well", "no account")
        assert (lines["phone"].state, lines["phone"].channel) == ("ok", True)
        (finding,) = await plugins.examine("clinic", "needs")
        assert (finding.level, finding.what) == ("problem", "no account")


async def test_a_quarantined_plugin_is_shown_and_released(desk: Any) -> None:
    async with desk(**DESK) as server:
        server.server.quarantine.add("clinic", "weather", "blocked the server")
        await server.server.runtimes.get("clinic")
        line = await server.server.office.plugins.line("clinic", "weather")
        assert (line.state, line.why) == ("quarantined", "blocked the server")
        assert server.server.office.plugins.release("clinic", "weather")
        assert "weather" in (await server.server.runtimes.get("clinic")).plugins
        assert not server.server.office.plugins.release("clinic", "weather")


def test_a_difference_leaves_out_what_is_the_same_far_away() -> None:
    old = [{"topic": str(no)} for no in range(30)]
    new = [*old[:15], {"topic": "x"}, *old[16:]]
    lines = difference(old, new)
    assert [line.text for line in lines if line.sign == "+"] == ["- topic: x"]
    assert len(lines) < 10 and lines[0].sign == "…" == lines[-1].sign

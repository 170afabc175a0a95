"""The JSON Schema of a tenants file: what `frontdesk check` takes it takes, and a misspelt key it does not."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from frontdesk import Secret, Settings
from frontdesk.config import Times
from frontdesk.registry import Registry
from frontdesk.schema import tenants_schema

EXAMPLE = Path(__file__).parents[1] / "tenants.example.yaml"


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    registry = Registry(Times())
    schema = tenants_schema({name: registry.load(name).cls.settings_class() for name in registry.names()})
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(json.loads(json.dumps(schema)))


def tenant(**more: Any) -> dict[str, Any]:
    return {"tenants": {"shop": {"name": "Shop", "time_zone": "Europe/London", "language": "en", **more}}}


TWILIO = {"account_sid": "AC" + "0" * 32, "auth_token": {"env": "TOKEN"}, "numbers": ["whatsapp:+14155238886"]}


def errors(validator: Draft202012Validator, data: Any) -> list[str]:
    return [each.message for each in validator.iter_errors(data)]


@pytest.mark.parametrize(
    "text",
    [EXAMPLE.read_text("utf-8"), files("frontdesk.config").joinpath("tenants.init.yaml").read_text("utf-8")],
    ids=["example", "init"],
)
def test_the_files_we_give_away_pass(validator: Draft202012Validator, text: str) -> None:
    assert errors(validator, yaml.safe_load(text)) == []


@pytest.mark.parametrize(
    "more",
    [
        {"plugins": ["simulator", {"twilio_whatsapp": TWILIO}, {"rehearsal_llm": None}]},
        {"plugins": [{"twilio_whatsapp": {**TWILIO, "auth_token": {"aws_secret": "a/b#token"}}}]},
        {"plugins": [{"twilio_whatsapp": {**TWILIO, "auth_token": {"stored": "TOKEN"}}}]},
        {"facts": [{"topic": "a", "questions": "one?", "answer": "b"}]},
        {"opening_hours": {"monday": "08:00-17:30", "tuesday": ["08:00-12:00", "13:00-17:00"]}},
        {"words": {"greeting": "Chào bạn!"}, "settle": {"quiet_seconds": 0}},
        {"staff": ["+447700900123"], "return_to_bot_after": "30 min"},
    ],
)
def test_what_the_server_takes_the_schema_takes(validator: Draft202012Validator, more: dict[str, Any]) -> None:
    assert errors(validator, tenant(**more)) == []


@pytest.mark.parametrize(
    "data",
    [
        tenant(time_zon="x"),
        tenant(id="shop"),
        tenant(persona={"nam": "x"}),
        tenant(plugins=["simulatr"]),
        tenant(plugins=[{"twilio_whatsapp": {**TWILIO, "auth_tokn": {"env": "A"}}}]),
        tenant(plugins=[{"twilio_whatsapp": {**TWILIO, "auth_token": "the token itself"}}]),
        tenant(plugins=[{"simulator": None, "rehearsal_llm": None}]),
        tenant(words={"greetin": "x"}),
        {**tenant(), "servr": {}},
        {**tenant(), "server": {"bnd": "x"}},
        {"server": {}},
    ],
)
def test_what_is_misspelt_fails(validator: Draft202012Validator, data: dict[str, Any]) -> None:
    assert errors(validator, data) != []


def test_two_plugins_whose_settings_have_one_name_are_both_described() -> None:
    def made(field: str) -> type[Settings]:
        return type("Account", (Settings,), {"__annotations__": {field: Secret}, "__module__": field})

    schema = tenants_schema({"one": made("a"), "two": made("b")})
    check = Draft202012Validator(schema)
    assert errors(check, tenant(plugins=[{"one": {"a": {"env": "A"}}}, {"two": {"b": {"env": "B"}}}])) == []
    assert errors(check, tenant(plugins=[{"one": {"b": {"env": "A"}}}])) != []

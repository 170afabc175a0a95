"""The JSON Schema of a tenants file, for editors: with the settings of the plugins that are installed here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

from frontdesk.config import ServerConfig, Settings, TenantConfig, Words

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def tenants_schema(plugins: Mapping[str, type[Settings]]) -> dict[str, Any]:
    """The schema of the whole file; *plugins*: what each installed plugin is set by."""
    models: list[type[Settings]] = [ServerConfig, TenantConfig, Words, *plugins.values()]
    places, whole = models_json_schema([(model, "validation") for model in models], ref_template="#/$defs/{model}")
    definitions = whole["$defs"]
    of_model = {model: place for (model, _), place in places.items()}
    del definitions[_name(of_model[Words])]["required"]  # in Vietnamese and English all have defaults
    _finish_tenant(definitions[_name(of_model[TenantConfig])], {n: of_model[each] for n, each in plugins.items()})
    return {
        "$schema": DIALECT,
        "title": "Frontdesk: a tenants file",
        "type": "object",
        "properties": {
            "server": _or_nothing(of_model[ServerConfig]),
            "tenants": {"type": "object", "minProperties": 1, "additionalProperties": of_model[TenantConfig]},
        },
        "required": ["tenants"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _finish_tenant(schema: dict[str, Any], plugins: Mapping[str, Any]) -> None:
    """As it stands in the file: the id is the key above, a plugin is its name or its name with its settings."""
    del schema["properties"]["id"]
    schema["required"].remove("id")
    with_settings = {name: _or_nothing(settings) for name, settings in plugins.items()}
    schema["properties"]["plugins"] |= {
        "type": "array",
        "items": {
            "anyOf": [
                {"enum": sorted(plugins)},
                {
                    "type": "object",
                    "properties": with_settings,
                    "additionalProperties": False,
                    "minProperties": 1,
                    "maxProperties": 1,
                },
            ]
        },
    }


def _or_nothing(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A section of which nothing is written is one of which every key is left out."""
    return {"anyOf": [dict(schema), {"type": "null"}]}


def _name(place: Mapping[str, Any]) -> str:
    return str(place["$ref"]).rpartition("/")[2]

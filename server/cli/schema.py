"""`frontdesk schema`: what editors need to complete and check a tenants file."""

from __future__ import annotations

import json

import click

from frontdesk.config import Times

from ..registry import PluginRefused, Registry
from ..schema import tenants_schema


@click.command()
def schema() -> None:
    """Print the JSON Schema of a tenants file, with the settings of every installed plugin: for editors."""
    registry = Registry(Times())
    plugins = {}
    for name in registry.names():
        try:
            plugins[name] = registry.load(name).cls.settings_class()
        except PluginRefused as err:
            click.echo(f"left out: {err}", err=True)
    click.echo(json.dumps(tenants_schema(plugins), indent=2, ensure_ascii=False))

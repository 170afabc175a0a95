"""Reads the plugin's own YAML files: its words and sentences are data, so that they can be read and mended as such."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def load(name: str) -> Any:
    """The content of *name* in this folder."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.CSafeLoader)

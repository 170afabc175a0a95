"""Reads the plugin's own YAML files: its words and sentences are data, so that they can be read and mended as such."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import yaml


def load(name: str) -> Any:
    """The content of *name* in this folder."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.CSafeLoader)


def expanded(written: Iterable[str]) -> Iterator[str]:
    """Every phrase that is *written*: several with commas between, `want|need a|- person` for each choice of words.

    A choice of `-` is no word; one of several words has `_` between them.
    """
    for phrase in ",".join(written).split(","):
        choices = [place.split("|") for place in phrase.split()]
        for chosen in product(*choices) if choices else ():
            yield " ".join(word.replace("_", " ") for word in chosen if word != "-")

"""The patterns of patterns.yaml, made once when they are first needed."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from .words import bare

Language = Literal["en", "vi", "bare"]
"""`bare`: Vietnamese without diacritics."""


LANGUAGES: tuple[Language, ...] = ("en", "vi", "bare")
_preparing = threading.Lock()
_PART = re.compile(r"(?<!\?P)<(\w+)>")


@dataclass(frozen=True, slots=True)
class Frame:
    """A form in which a deed's verb is a claim; the group that matched is the kind. The rest is as in patterns.yaml."""

    expression: re.Pattern[str]
    new: bool
    ours: bool = False
    after: bool = False
    saying: bool = False
    """What matched is a whole saying, and no verb."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """Of one language. `negated`, `negated_behind`: it is no claim after all."""

    frames: tuple[Frame, ...]
    something: re.Pattern[str]
    negated: re.Pattern[str]
    negated_behind: re.Pattern[str]


def prepare() -> None:
    """Make what `of` and `no_claim` give: it takes a good part of a second, so not on the loop."""
    with _preparing:
        for language in LANGUAGES:
            of(language)


def prepared() -> bool:
    """Whether that was done."""
    return of.cache_info().currsize == len(LANGUAGES)


@lru_cache(maxsize=3)
def of(language: Language) -> Patterns:
    """Everything that is looked for in a clause of this language."""
    written = "en" if language == "en" else "vi"
    make: Callable[[str], str] = bare if language == "bare" else str
    frames = tuple(
        Frame(
            re.compile(make(_filled(each["form"], written))),
            each["new"],
            ours=each.get("ours", False),
            after=each.get("after", False),
            saying=each["form"] == "<is>",
        )
        for each in _file()["frames"][written]
    )
    return Patterns(
        frames,
        re.compile(make(_filled(_file()["something"][written], written))),
        *(_negation(key, language) for key in ("negated", "negated_behind")),
    )


@lru_cache(maxsize=16)
def no_claim(name: str) -> re.Pattern[str]:
    """One of the patterns under `no_claim`."""
    return re.compile(_filled(_file()["no_claim"][name]))


@lru_cache(maxsize=1)
def tools() -> Mapping[str, re.Pattern[str]]:
    """Kind → how a tool of it is called or described."""
    return {kind: re.compile(each["tool"]) for kind, each in _file()["kinds"].items() if "tool" in each}


@lru_cache(maxsize=16)
def verbs(kind: str) -> re.Pattern[str]:
    """The verbs of a kind in both languages, in whatever form they stand."""
    each = _file()["kinds"][kind]
    return re.compile("|".join(rf"\b(?:{_joined(each[name]['did'])})" for name in ("en", "vi") if "did" in each[name]))


def _negation(key: str, language: Language) -> re.Pattern[str]:
    """Of both languages in one; what is typed without diacritics is looked for in a text of that kind only."""
    text = _filled(_file()["no_claim"][key])
    return re.compile(f"{text}|{bare(text)}" if language == "bare" else text)


def _filled(text: str, language: str = "") -> str:
    """*text* with its parts in place, and with what the kinds say in *language*."""
    parts = _parts(language)
    return _PART.sub(lambda part: _filled(parts[part[1]], language), _joined(text))


@lru_cache(maxsize=3)
def _parts(language: str) -> Mapping[str, str]:
    parts = {name: _joined(text) for name, text in _file()["parts"].items()}
    if not language:
        return parts
    kinds = {kind: each.get(language, {}) for kind, each in _file()["kinds"].items()}
    did = {kind: f"(?P<{kind}>{_joined(each['did'])})" for kind, each in kinds.items() if "did" in each}
    sayings = [f"(?P<{kind}>{_joined(each['is'])})" for kind, each in kinds.items() if "is" in each]
    not_told = "|".join(verb for kind, verb in did.items() if kind != "tell")
    return {**parts, "did": "|".join(did.values()), "did_not_told": not_told, "is": "|".join(sayings)}


def _joined(text: str) -> str:
    return text.replace("|\n", "|").replace("\n", " ")


@lru_cache(maxsize=1)
def _file() -> Mapping[str, Any]:
    text = files(__package__).joinpath("patterns.yaml").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return loaded

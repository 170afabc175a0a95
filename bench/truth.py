"""How often the truth check (server/truth) is right: `bench/truth.py [SET]` prints misses and false alarms.

A file is a list of replies (tests/truth/*.yaml; desk.yaml has the businesses and tools they rest on):

    language: en or vi
    business: of desk.yaml; without it the one that is named like the language
    contact:  what the contact wrote last
    said:     what was said before, oldest first: {bot|operator|contact: words}
    before:   deeds of earlier turns, oldest first: {tool: its result}
    done:     deeds of this turn
    read:     look-ups of this turn
    person:   whether a person was called in this turn
    reply:    what the model wants to say
    honest:   whether it may be said
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from frontdesk.config import TenantConfig
from frontdesk.truth import Known, Problem, Shown, problems
from frontdesk.turn.truth import facts_of

FOLDER = Path(__file__).parents[1] / "tests" / "truth"
SETS = ("tuned", "held_out", "unseen")
Case = Mapping[str, Any]


def cases(name: str) -> list[Case]:
    """The replies of one of SETS."""
    return list(yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8")))


def judged(case: Case) -> list[Problem]:
    """What the check finds wrong with a reply."""
    return problems(case["reply"], known(case))


def known(case: Case) -> Known:
    """What the reply may rest on."""
    said = [(who, words) for each in case.get("said", ()) for who, words in each.items()]
    return Known(
        today=_desk()["now"].date(),
        done=[*_shown(case, "done")],
        read=[*_shown(case, "read")],
        earlier=[*_shown(case, "before")],
        people=[words for who, words in said if who == "operator"],
        person=case.get("person", False),
        asked=case["contact"],
        facts=facts_of(_business(case.get("business", case["language"]))),
        said=[words for _, words in said],
    )


def _shown(case: Case, key: str) -> Iterator[Shown]:
    for each in case.get(key, ()):
        for tool, result in each.items():
            yield Shown(tool=tool, description=_desk()["tools"][tool]["description"], told=[result])


@lru_cache
def _desk() -> Mapping[str, Any]:
    desk: Mapping[str, Any] = yaml.safe_load((FOLDER / "desk.yaml").read_text("utf-8"))
    assert isinstance(desk["now"], datetime)
    return desk


@lru_cache
def _business(name: str) -> TenantConfig:
    return TenantConfig.model_validate({"id": name, **_desk()["businesses"][name]})


def report(name: str) -> None:
    """Print what the check missed and what it took for untrue, and how many of how many."""
    replies = cases(name)
    began = time.perf_counter()
    found = [judged(case) for case in replies]
    took = (time.perf_counter() - began) / len(replies)
    for language in ("en", "vi"):
        of = [(case, said) for case, said in zip(replies, found, strict=True) if case["language"] == language]
        missed = [case for case, said in of if not case["honest"] and not said]
        alarms = [(case, said) for case, said in of if case["honest"] and said]
        untrue, true = sum(not case["honest"] for case, _ in of), sum(case["honest"] for case, _ in of)
        print(f"{name} {language}: missed {len(missed)} of {untrue} untrue; {len(alarms)} false alarms of {true} true")
        for case in missed:
            print(f"  missed: {case['reply']}")
        for case, said in alarms:
            print(f"  false alarm: {case['reply']}\n    {'; '.join(problem.what for problem in said)}")
    print(f"{name}: {took * 1e3:.2f} ms a reply")


if __name__ == "__main__":
    for chosen in sys.argv[1:] or SETS:
        report(chosen)

"""Figures of several rounds: medians with their spread, judged against their goals, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).parent / "results"


@dataclass
class Figure:
    """One figure, measured once a round. A goal is `> 1.0` or `< 120`; without one it is for information."""

    name: str
    unit: str = ""
    goal: str = ""
    rounds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return median(self.rounds)

    @property
    def reached(self) -> bool | None:
        """Whether the median reaches the goal; None without a goal."""
        if not self.goal:
            return None
        sign, limit = self.goal.split()
        return self.median > float(limit) if sign == ">" else self.median < float(limit)


class Figures:
    """The figures of one goal, in the order in which they were first noted."""

    def __init__(self, goal: str) -> None:
        self.goal = goal
        self._figures: dict[str, Figure] = {}

    def note(self, name: str, value: float, unit: str = "", goal: str = "") -> None:
        """One round's value."""
        self._figures.setdefault(name, Figure(name, unit, goal)).rounds.append(value)

    def save(self) -> Path:
        """Write them to bench/results/GOAL.json."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.goal}.json"
        path.write_text(json.dumps([asdict(figure) for figure in self._figures.values()], indent=1), "utf-8")
        return path

    def table(self) -> Iterable[str]:
        """Markdown: the median, the smallest and the largest of the rounds, the goal and whether it is reached."""
        yield f"| {self.goal} | median | rounds | goal |"
        yield "|---|---|---|---|"
        for figure in self._figures.values():
            verdict = {None: "", True: f"{figure.goal}: yes", False: f"{figure.goal}: **no**"}[figure.reached]
            spread = f"{_shown(min(figure.rounds))} to {_shown(max(figure.rounds))}"
            yield f"| {figure.name} | {_shown(figure.median)} {figure.unit} | {spread} | {verdict} |"


def _shown(value: float) -> str:
    """Three digits that matter."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

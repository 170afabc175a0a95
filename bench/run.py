"""Measures Frontdesk against its goals; README.md says how to read the figures.

python bench/run.py ack|replies|turn|memory|start|reload|processes|all [--rounds 5]
python bench/run.py profile ack|replies          where the time goes (needs py-spy)
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from time import perf_counter

import profiles
from figures import Figures
from goals import GOALS, tidy_up


async def measure(goal: str, rounds: int) -> Figures:
    """All rounds of one goal."""
    figures = Figures(goal)
    for number in range(rounds):
        print(f"{goal}: round {number + 1} of {rounds}", file=sys.stderr)
        figures.note("(the machine: a fixed piece of Python)", _fixed_piece(), "ms")
        await GOALS[goal](figures, number)
    return figures


def _fixed_piece() -> float:
    """How long 2,000,000 additions take just now, for comparing rounds: others may be using the machine."""
    began = perf_counter()
    total = 0
    for number in range(2_000_000):
        total += number
    return 1000 * (perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("goal", choices=[*GOALS, "all", "profile"])
    parser.add_argument("what", nargs="?", choices=list(profiles.LOADS), default="ack", help="for profile")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    if given.goal == "profile":
        print(asyncio.run(profiles.profile(given.what)))
        return
    try:
        for goal in GOALS if given.goal == "all" else [given.goal]:
            figures = asyncio.run(measure(goal, given.rounds))
            print(*figures.table(), sep="\n")
            print(f"\n({figures.save()})\n")
    finally:
        tidy_up()


if __name__ == "__main__":
    main()

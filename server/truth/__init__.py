"""Promise 6: what a reply says was done is borne out by a deed or a record; its figures stand somewhere.

Pure functions over texts: turn/truth.py says what a turn has to show, and what happens to a reply that is not true.
"""

from __future__ import annotations

from . import patterns
from .claims import kinds_of_tool
from .evidence import Known, Problem, Shown, problems

__all__ = ["Known", "Problem", "Shown", "kinds_of_tool", "patterns", "problems"]

"""The file `.env` beside the tenants file: where a business that hosts itself keeps the secrets it refers to."""

from __future__ import annotations

import os
from pathlib import Path

from dotenv.parser import parse_stream

from .problems import ConfigError, Problem

_set_here: dict[str, str] = {}
"""What stands in the environment because a `.env` said so: the environment is the process's, and so is this."""


def load_env(folder: Path) -> Path | None:
    """Set the environment variables written in `.env` in *folder*; its path, or None if there is no such file.

    What is set from outside stays as it is; what an earlier call has set is as the file says now. `$` in a value is an
    ordinary character: passwords are not expanded. Raises ConfigError, without changing anything, if a line is not
    `NAME=value` or the file cannot be read.
    """
    path = folder / ".env"
    try:
        values = _read(path)
    except FileNotFoundError:
        _become({})
        return None
    _become(values)
    return path


def environment_from_outside() -> dict[str, str]:
    """The environment without what `load_env` has set: what a process is given that reads the file itself."""
    return {name: value for name, value in os.environ.items() if _set_here.get(name) != value}


def _become(values: dict[str, str]) -> None:
    outside = environment_from_outside()
    for name in [name for name, value in _set_here.items() if os.environ.get(name) == value and name not in values]:
        del os.environ[name]
    _set_here.clear()
    for name, value in values.items():
        if name not in outside:
            os.environ[name] = _set_here[name] = value


def _read(path: Path) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        why = (isinstance(error, OSError) and error.strerror) or "it is not UTF-8"
        right = "let the server's user read it; it is UTF-8 text"
        raise ConfigError([Problem(str(path), 0, "", "", f"cannot be read ({why})", right)]) from None
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for binding in bindings:
        if binding.error or (binding.key and (binding.value is None or "\0" in binding.value)):
            line = binding.original.line + _leading_newlines(binding.original.string)
            # The line is not shown: a secret is in it.
            problems.append(Problem(str(path), line, "", "", "a line that is not NAME=value", "one NAME=value a line"))
        elif binding.key and binding.value is not None:
            values[binding.key] = binding.value
    if problems:
        raise ConfigError(problems)
    return values


def _leading_newlines(text: str) -> int:
    return text[: len(text) - len(text.lstrip())].count("\n")

"""The file `.env` beside the tenants file: where a business that hosts itself keeps the secrets it refers to."""

from __future__ import annotations

import os
from pathlib import Path

from dotenv.parser import parse_stream

from .problems import ConfigError, Problem


def load_env(folder: Path) -> Path | None:
    """Set the environment variables written in `.env` in *folder*; its path, or None if there is no such file.

    What is set already stays as it is. `$` in a value is an ordinary character: passwords are not expanded. Raises
    ConfigError, without setting anything, if a line is not `NAME=value` or the file cannot be read.
    """
    path = folder / ".env"
    try:
        with path.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except FileNotFoundError:
        return None
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
    for name, value in values.items():
        os.environ.setdefault(name, value)
    return path


def _leading_newlines(text: str) -> int:
    return text[: len(text) - len(text.lstrip())].count("\n")

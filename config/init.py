"""What `frontdesk init` writes: a tenants file to start from, and `.env` for its secrets."""

from __future__ import annotations

import base64
import os
from importlib.resources import files
from pathlib import Path

from .problems import ConfigError, Problem

_FILES = {"tenants.yaml": ("tenants.init.yaml", 0o644), ".env": ("init.env", 0o600)}


def write_init(folder: Path, force: bool = False) -> list[Path]:
    """Write `tenants.yaml` and `.env` (readable by its owner only) into *folder*, which is made if it is missing.

    Returns the paths. If one is there already: raises ConfigError and writes nothing; with *force* the old one is kept
    beside it as `NAME.bak`. Raises OSError if the folder cannot be written.
    """
    paths = {folder / name: template for name, template in _FILES.items()}
    there = [path for path in paths if path.exists()]
    if there and not force:
        right = "move it away, or use --force, which keeps it as a .bak file"
        raise ConfigError(Problem(str(path), 0, "", "", "is there already", right) for path in there)
    folder.mkdir(parents=True, exist_ok=True)
    for path in there:
        path.replace(path.with_name(path.name + ".bak"))
    for path, (template, mode) in paths.items():
        text = files(__package__).joinpath(template).read_text(encoding="utf-8")
        # Created with its mode: there is no moment at which others could open it.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as stream:
            stream.write(text.replace("NEW_KEY", _new_key()))
    return list(paths)


def _new_key() -> str:
    """As Fernet makes them: 32 random bytes in URL-safe base64. Without importing cryptography, which takes a while."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()

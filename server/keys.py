"""The key that signs the server's own URLs: configured, or made once and kept in the data folder."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from frontdesk.config import Secret

from .errors import StartupError

MIN_BYTES = 16


def signing_key(configured: Secret | None, data_dir: Path) -> bytes:
    """The key's bytes. A made one is readable by the server's user only. Raises SecretUnavailable, StartupError."""
    if configured is not None:
        return configured.reveal(fresh=True).encode()
    path = data_dir / "signing.key"
    if not path.exists():
        _make(path)
    key = path.read_bytes()
    if len(key) < MIN_BYTES:
        raise StartupError(
            f"{path}: holds {len(key)} bytes, a signing key has {MIN_BYTES} or more; delete the file (URLs given out so "
            "far end), and the server makes a new one"
        )
    return key


def _make(path: Path) -> None:
    """Whole or not at all, and by one process only, however many start at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=".signing-")  # readable by its owner only
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(32).encode())
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(scratch, path)
    finally:
        os.unlink(scratch)  # noqa: PTH108  mkstemp gave a string

"""The key that signs the server's own URLs: configured, or made once and kept in the data folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from frontdesk.config import Secret


def signing_key(configured: Secret | None, data_dir: Path) -> bytes:
    """The key's bytes. A made one is readable by the server's user only. Raises SecretUnavailable."""
    if configured is not None:
        return configured.reveal().encode()
    path = data_dir / "signing.key"
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_hex(32).encode())
    return path.read_bytes()

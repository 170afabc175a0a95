"""Passwords, hashed with argon2id (RFC 9106, argon2-cffi's defaults) in a thread, a few at a time."""

from __future__ import annotations

import asyncio
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

SHORTEST = 12
"""Characters (NIST SP 800-63B asks for 8, and for 15 where nothing else is asked)."""
LONGEST = 1000
AT_ONCE = 2
"""Each takes 64 MiB and a processor."""
_HASHER = PasswordHasher()


@cache
def _nobody() -> str:
    return _HASHER.hash("whoever this is, it is nobody")


class Passwords:
    """Hashes and checks, for one event loop."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> str:
        """What is stored in place of the password."""
        async with self._turn:
            return await asyncio.to_thread(_HASHER.hash, composed(password))

    async def fits(self, hashed: str, password: str) -> bool:
        """Whether it is the password. It takes as long for who has none (empty *hashed*)."""
        async with self._turn:
            right = await asyncio.to_thread(_verify, hashed or _nobody(), composed(password[:LONGEST]))
        return right and bool(hashed)

    def outdated(self, hashed: str) -> bool:
        """Whether it was hashed with less than is asked for now."""
        return _HASHER.check_needs_rehash(hashed)


def composed(password: str) -> str:
    """The same password from every keyboard: `ộ` is one character on some and two on others (NIST SP 800-63B: normalise)."""
    return unicodedata.normalize("NFC", password)


def _verify(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerifyMismatchError, InvalidHashError):
        return False

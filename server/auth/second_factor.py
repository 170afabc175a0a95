"""The second factor: time-based codes (RFC 6238) by pyotp, each of which opens once, and codes for a lost phone."""

from __future__ import annotations

import base64
import hmac
import secrets
import unicodedata

import pyotp
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..clock import Clock
from ..stored_operators import Operator
from .accounts import Accounts, hashed

STEP = 30
"""Seconds of a code; the one before and the one after are taken, too."""
RECOVERY_CODES = 8
SCANNED_WITHIN = 900
"""Seconds from showing a secret to its first code."""


class SecondFactor:
    """Of each operator who wants one. Its secret is stored encrypted with a key that is made from the server's signing key:
    with another signing key it is asked for in vain, and `frontdesk operators` takes it away."""

    def __init__(self, accounts: Accounts, signing_key: bytes, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"frontdesk second factor").derive(signing_key)
        self._fernet = Fernet(base64.urlsafe_b64encode(derived))

    def new_secret(self) -> str:
        """A secret to be scanned; nothing is stored before a code of it was right."""
        return pyotp.random_base32()

    def sealed(self, secret: str, session: str) -> str:
        """The secret, for a cookie of this session: nobody else can make one up, or read it."""
        return self._fernet.encrypt(f"{session} {secret}".encode()).decode()

    def unsealed(self, cookie: str, session: str) -> str:
        """The secret in the cookie; empty: it is not of this session, or too old."""
        try:
            owner, _, secret = self._fernet.decrypt(cookie.encode(), ttl=SCANNED_WITHIN).decode().partition(" ")
        except InvalidToken:
            return ""
        return secret if hmac.compare_digest(owner, session) else ""

    def address(self, secret: str, operator: Operator) -> str:
        """What the QR code says: `otpauth://totp/…`."""
        return pyotp.TOTP(secret).provisioning_uri(name=operator.email, issuer_name="Frontdesk")

    async def begin(self, operator: Operator, secret: str, code: str) -> tuple[str, ...]:
        """Ask for it from now on, and the recovery codes, which are shown once; empty: the code is wrong."""
        step = self._step_of(secret, _typed(code))
        if not step:
            return ()
        codes = tuple(
            f"{secrets.token_hex(2)}-{secrets.token_hex(2)}-{secrets.token_hex(2)}" for _ in range(RECOVERY_CODES)
        )
        await self._accounts.change(
            operator.id,
            totp=self._fernet.encrypt(secret.encode()).decode(),
            totp_step=step,
            recovery=tuple(hashed(each) for each in codes),
        )
        return codes

    async def end(self, operator: str) -> None:
        """Ask for none any more."""
        await self._accounts.change(operator, totp="", totp_step=0, recovery=())

    async def opens(self, operator: Operator, code: str) -> bool:
        """Whether it is their code of this minute, or a recovery code; either opens once. Raises TooManyAttempts."""
        await self._accounts.count_code(operator)
        code = _typed(code)
        if hashed(code) in operator.recovery:
            left = tuple(each for each in operator.recovery if not hmac.compare_digest(each, hashed(code)))
            if await self._accounts.change_if(operator, recovery=left) is None:
                return False  # the code, or another one, was used at the same moment
        elif not await self._is_new(operator, code):
            return False
        await self._accounts.forget_codes(operator)
        return True

    async def _is_new(self, operator: Operator, code: str) -> bool:
        try:
            secret = self._fernet.decrypt(operator.totp.encode()).decode()
        except InvalidToken:
            return False
        step = self._step_of(secret, code)
        if step <= operator.totp_step:
            return False
        return await self._accounts.change_if(operator, totp_step=step) is not None

    def _step_of(self, secret: str, code: str) -> int:
        """The time step that *code* is of; 0: of none around now."""
        totp, now = pyotp.TOTP(secret), int(self._clock.now().timestamp()) // STEP
        for step in (now, now - 1, now + 1):
            if hmac.compare_digest(totp.at(step * STEP).encode(), code.encode()):
                return step
        return 0


def _typed(code: str) -> str:
    """*code* without blanks, its digits plain: a keyboard of Eastern Asia may write wide ones."""
    return "".join(unicodedata.normalize("NFKC", code).split()).lower()

"""Operators and their sessions."""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from ..store import Store
from ..store.collections import API_TOKENS, OPERATORS, SESSIONS
from ..stored_operators import ApiToken, Operator, Session
from .attempts import FROM_AN_ADDRESS, OF_AN_ACCOUNT, Counted
from .attempts import TooManyAttempts as TooManyAttempts
from .passwords import LONGEST, SHORTEST, Passwords, composed
from .principal import Principal, Role

IDLE = timedelta(days=7)
ABSOLUTE = timedelta(days=30)
CODE_WITHIN = timedelta(minutes=10)
"""How long a right password waits for its second factor."""
SEEN_EVERY = timedelta(minutes=1)
TOKEN_PREFIX = "fdk_"  # noqa: S105  how a token begins, so that scanners for leaked ones know it


class NotSignedIn(Exception):
    """E-mail or password is wrong; which of them is not said."""


class Refused(Exception):
    """What was asked for cannot be; says why, and what would be right."""


class Accounts:
    """Who there is, and who is signed in."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._passwords = Passwords()
        self._attempts = Counted(store)

    # Operators.

    async def create(
        self,
        email: str,
        display_name: str,
        password: str = "",
        *,
        admin: bool = False,
        roles: Mapping[str, Role] | None = None,
        language: str = "en",
        subject: str = "",
    ) -> Operator:
        """A new operator. Raises Refused for an e-mail that is taken or none, a name that is empty, a password that is
        too short (none is asked for with *subject*)."""
        email = _email(email)
        display_name = " ".join(unicodedata.normalize("NFC", display_name).split())
        if not display_name:
            raise Refused("the name is empty")
        if not subject:
            check_password(password)
        hashed = await self._passwords.hash(password) if password else ""
        for attempt in range(100):
            made = Operator(
                id=uuid.uuid4().hex,
                email=email,
                name=_handle(display_name, attempt),
                display_name=display_name[:100],
                password=hashed,
                admin=admin,
                roles=dict(roles or {}),
                language=language,
                subject=subject,
                created_at=self._store.now(),
            )
            if await self._store.shared.insert(OPERATORS, made):
                return made
            if await self.by_email(email) is not None:
                raise Refused(f"{email} has an account already")
        raise Refused(f"too many are called {display_name}")

    async def get(self, operator: str) -> Operator | None:
        """By id."""
        return await self._store.shared.get(OPERATORS, operator)

    async def by_email(self, email: str) -> Operator | None:
        """Whoever has this address, however it is written."""
        found = await self._store.shared.find(OPERATORS, {"email": email.strip().casefold()}, limit=1)
        return found[0] if found else None

    async def by_subject(self, subject: str) -> Operator | None:
        """Whoever an OpenID provider calls so (`issuer subject`)."""
        found = await self._store.shared.find(OPERATORS, {"subject": subject}, limit=1)
        return found[0] if found else None

    async def nobody_yet(self) -> bool:
        """Whether this server has no operator at all."""
        return not await self._store.shared.find(OPERATORS, {}, limit=1)

    async def everybody(self) -> list[Operator]:
        """All of them, by id."""
        found: list[Operator] = []
        while page := await self._store.shared.find(OPERATORS, {}, limit=500, after=found[-1] if found else None):
            found += page
        return found

    async def change(self, operator: str, **changes: object) -> Operator:
        """Set fields of an operator. Raises Refused if there is no such operator."""
        while (there := await self.get(operator)) is not None:
            if (changed := await self._store.shared.update(OPERATORS, there, **changes)) is not None:
                return changed
        raise Refused("there is no such operator any more")

    async def change_if(self, operator: Operator, **changes: object) -> Operator | None:
        """Set fields of an operator as it was read; None: somebody was quicker."""
        return await self._store.shared.update(OPERATORS, operator, **changes)

    async def set_role(self, operator: str, tenant: str, role: Role | None) -> Operator:
        """Give a role in a tenant, or take it (None)."""
        while (there := await self.get(operator)) is not None:
            roles = {**there.roles, tenant: role} if role else {k: v for k, v in there.roles.items() if k != tenant}
            if (changed := await self._store.shared.update(OPERATORS, there, roles=roles)) is not None:
                return changed
        raise Refused("there is no such operator any more")

    async def set_password(self, operator: str, password: str, *, keep: str = "") -> None:
        """A new password; every session but *keep* ends. Raises Refused for one that is too short."""
        check_password(password)
        await self.change(operator, password=await self._passwords.hash(password))
        await self.end_sessions(operator, keep=keep)

    async def is_password(self, operator: Operator, password: str) -> bool:
        """Whether it is theirs, for what must be confirmed by it; it counts as an attempt."""
        await self._attempts.count("account", operator.email, OF_AN_ACCOUNT)
        if not await self._passwords.fits(operator.password, password):
            return False
        await self._attempts.forget("account", operator.email)
        return True

    # Signing in.

    async def sign_in(self, email: str, password: str, *, peer: str = "", agent: str = "") -> tuple[Session, str]:
        """A new session, and what its cookie holds. With a second factor it waits for the code (`waits_for_code`).

        Raises NotSignedIn, TooManyAttempts.
        """
        email = email.strip().casefold()
        if peer:
            await self._attempts.count("peer", peer, FROM_AN_ADDRESS)
        await self._attempts.count("account", email, OF_AN_ACCOUNT)
        operator = await self.by_email(email)
        fits = await self._passwords.fits(operator.password if operator else "", password)
        if operator is None or not fits or operator.disabled:
            raise NotSignedIn
        if self._passwords.outdated(operator.password):
            await self.change(operator.id, password=await self._passwords.hash(password))
        if not operator.totp:
            await self._attempts.forget("account", email)
        return await self.open_session(operator.id, peer=peer, agent=agent, waits_for_code=bool(operator.totp))

    async def open_session(
        self, operator: str, *, peer: str = "", agent: str = "", waits_for_code: bool = False, method: str = "password"
    ) -> tuple[Session, str]:
        """A session of an operator, and what its cookie holds."""
        now = self._store.now()
        cookie = secrets.token_urlsafe(32)
        session = Session(
            id=hashed(cookie),
            operator=operator,
            csrf=secrets.token_urlsafe(32),
            created_at=now,
            seen_at=now,
            expires_at=now + (CODE_WITHIN if waits_for_code else ABSOLUTE),
            peer=peer[:64],
            agent=agent[:200],
            waits_for_code=waits_for_code,
            method=method,
        )
        await self._store.shared.insert(SESSIONS, session)
        if not waits_for_code:
            await self.change(operator, signed_in_at=now)
        return session, cookie

    async def session(self, cookie: str) -> Session | None:
        """The session of a cookie, also one that waits for its second factor; None: it has ended, or never was."""
        if not cookie or len(cookie) > 100:
            return None
        found = await self._store.shared.get(SESSIONS, hashed(cookie))
        now = self._store.now()
        if found is None or found.expires_at <= now or found.seen_at + IDLE <= now:
            return None
        if not found.waits_for_code and found.seen_at + SEEN_EVERY <= now:
            await self._store.shared.update(SESSIONS, found, seen_at=now)  # another request may have been quicker
        return found

    async def signed_in(self, cookie: str) -> Principal | None:
        """Who is signed in with this cookie."""
        session = await self.session(cookie)
        if session is None or session.waits_for_code:
            return None
        operator = await self.get(session.operator)
        if operator is None or operator.disabled:
            return None
        return principal_of(operator, session)

    async def pass_on(self, waiting: Session) -> tuple[Session, str]:
        """The second factor was right: a new session in place of the one that waited for it."""
        await self._store.shared.delete(SESSIONS, waiting)
        if (operator := await self.get(waiting.operator)) is not None:
            await self._attempts.forget("account", operator.email)
        return await self.open_session(waiting.operator, peer=waiting.peer, agent=waiting.agent)

    async def count_code(self, operator: Operator) -> None:
        """A second factor is tried: raises TooManyAttempts."""
        await self._attempts.count("code", operator.id, OF_AN_ACCOUNT)

    async def forget_codes(self, operator: Operator) -> None:
        """It was right."""
        await self._attempts.forget("code", operator.id)

    async def sessions(self, operator: str) -> list[Session]:
        """Where they are signed in, the last used first."""
        now = self._store.now()
        found = await self._store.shared.find(
            SESSIONS, {"operator": operator}, order_by="seen_at", descending=True, limit=100
        )
        return [each for each in found if each.expires_at > now and each.seen_at + IDLE > now]

    async def end_session(self, operator: str, session: str) -> bool:
        """End one of theirs; False: it is not, or not any more."""
        while (found := await self._store.shared.get(SESSIONS, session)) is not None and found.operator == operator:
            if await self._store.shared.delete(SESSIONS, found):
                return True
        return False

    async def end_sessions(self, operator: str, *, keep: str = "") -> None:
        """End all of theirs but *keep*."""
        while page := [
            each
            for each in await self._store.shared.find(SESSIONS, {"operator": operator}, order_by="seen_at", limit=100)
            if each.id != keep
        ]:
            for each in page:
                await self.end_session(operator, each.id)

    # Programs.

    async def make_token(
        self, tenant: str, name: str, role: Role, made_by: Principal, expires_at: datetime | None = None
    ) -> tuple[ApiToken, str]:
        """A token for a program, and its text, which is never shown again. Raises Refused for an empty name."""
        name = " ".join(unicodedata.normalize("NFC", name).split())[:100]
        if not name:
            raise Refused("the token's name is empty: write what it is for")
        text = TOKEN_PREFIX + secrets.token_urlsafe(32)
        token = ApiToken(
            id=hashed(text),
            tenant=tenant,
            name=name,
            role=role,
            hint=text[: len(TOKEN_PREFIX) + 4],
            made_by=made_by.name,
            made_at=self._store.now(),
            expires_at=expires_at,
        )
        await self._store.shared.insert(API_TOKENS, token)
        return token, text

    async def tokens(self, tenant: str) -> list[ApiToken]:
        """Those of a tenant, the newest first."""
        return await self._store.shared.find(
            API_TOKENS, {"tenant": tenant}, order_by="made_at", descending=True, limit=1000
        )

    async def end_token(self, tenant: str, token: str) -> bool:
        """End one; False: there is none of this id at the tenant."""
        while (found := await self._store.shared.get(API_TOKENS, token)) is not None and found.tenant == tenant:
            if await self._store.shared.delete(API_TOKENS, found):
                return True
        return False

    async def by_token(self, text: str) -> Principal | None:
        """The program that this token is of."""
        if not text.startswith(TOKEN_PREFIX) or len(text) > 100:
            return None
        found = await self._store.shared.get(API_TOKENS, hashed(text))
        now = self._store.now()
        if found is None or (found.expires_at is not None and found.expires_at <= now):
            return None
        if found.used_at is None or found.used_at + SEEN_EVERY <= now:
            await self._store.shared.update(API_TOKENS, found, used_at=now)
        name = f"token:{found.name}"
        roles: Mapping[str, Role] = {found.tenant: found.role}  # type: ignore[dict-item]  # `may` looks at it
        return Principal(id=f"token:{found.id}", name=name, display_name=found.name, roles=roles)


def principal_of(operator: Operator, session: Session | None = None) -> Principal:
    """What an operator may, as it is stored now."""
    return Principal(
        id=operator.id,
        name=operator.name,
        display_name=operator.display_name,
        language=operator.language,
        admin=operator.admin,
        roles=operator.roles,  # type: ignore[arg-type]  # `may` looks at them
        session=session.id if session else "",
        csrf=session.csrf if session else "",
    )


def hashed(secret: str) -> str:
    """What is stored of a cookie, a link or a token: they are random and long, so that no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _email(email: str) -> str:
    email = unicodedata.normalize("NFC", email).strip().casefold()
    if not re.fullmatch(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\"]+", email) or len(email) > 254:
        raise Refused(f"{email or 'nothing'!r} is no e-mail address; write it like lan@example.com")
    return email


def check_password(password: str) -> None:
    """Raises Refused for one that is too short, or longer than anybody types."""
    if not SHORTEST <= len(composed(password)) <= LONGEST:
        raise Refused(f"a password has {SHORTEST} characters or more; four words are a good one")


def _handle(display_name: str, attempt: int) -> str:
    """A name for logs, command lines and owners: `Nguyễn Thị Lan` → `nguyen-thi-lan`, the next one `nguyen-thi-lan-2`."""
    plain = unicodedata.normalize("NFKD", display_name.replace("đ", "d").replace("Đ", "D"))
    words = re.findall(r"[a-z0-9]+", plain.encode("ascii", "ignore").decode().lower())
    handle = "-".join(words)[:40] or "operator"
    return f"{handle}-{attempt + 1}" if attempt else handle

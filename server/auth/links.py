"""Links that open once: for the first owner, for who is invited, for a forgotten password."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ..store import Store
from ..store.collections import INVITATIONS
from ..stored_operators import Invitation, Operator
from .accounts import Accounts, Refused, check_password, hashed
from .principal import ROLES, Principal, Role

FIRST_RUN = timedelta(hours=24)
INVITED = timedelta(days=7)
RESET = timedelta(hours=2)


class LinkEnded(Exception):
    """The link was used, is too old, or never was."""


class Links:
    """Makes such links, and does what they are for."""

    def __init__(self, store: Store, accounts: Accounts) -> None:
        self._store = store
        self._accounts = accounts

    async def first_run(self) -> str:
        """What stands behind `/first-run/`, as long as nobody has an account; else nothing."""
        if not await self._accounts.nobody_yet():
            return ""
        return await self._make(Invitation(id="", purpose="first_run", admin=True, **self._times(FIRST_RUN)))

    async def invite(self, tenant: str, role: Role, made_by: Principal, email: str = "") -> str:
        """What stands behind `/invitation/`. Raises Refused for a role above the inviter's own."""
        if role not in ROLES or not made_by.may(tenant, role):
            raise Refused("nobody can give a role that is higher than their own")
        times = self._times(INVITED)
        invitation = Invitation(
            id="", purpose="invitation", tenant=tenant, role=role, email=email, made_by=made_by.name, **times
        )
        return await self._make(invitation)

    async def reset(self, operator: Operator, made_by: str, tenant: str = "") -> str:
        """What stands behind `/reset/`, by which a person sets a new password. *tenant*: it counts as long as they have
        rights there and nowhere else."""
        times = self._times(RESET)
        link = Invitation(id="", purpose="reset", operator=operator.id, made_by=made_by, tenant=tenant, **times)
        return await self._make(link)

    async def open(self, text: str, purpose: str) -> Invitation:
        """What a link is for. Raises LinkEnded."""
        if not 0 < len(text) < 200:
            raise LinkEnded
        found = await self._store.shared.get(INVITATIONS, hashed(text))
        if found is None or found.purpose != purpose or found.expires_at <= self._store.now():
            raise LinkEnded
        if purpose == "first_run" and not await self._accounts.nobody_yet():
            raise LinkEnded
        return found

    async def pending(self, tenant: str) -> list[Invitation]:
        """Invitations of a tenant that nobody has followed, the newest first."""
        found = await self._store.shared.find(
            INVITATIONS, {"tenant": tenant}, order_by="made_at", descending=True, limit=200
        )
        now = self._store.now()
        return [each for each in found if each.purpose == "invitation" and each.expires_at > now]

    async def withdraw(self, tenant: str, invitation: str) -> bool:
        """Have an invitation open nothing any more."""
        found = await self._store.shared.get(INVITATIONS, invitation)
        return found is not None and found.tenant == tenant and await self._store.shared.delete(INVITATIONS, found)

    async def make_account(
        self, invitation: Invitation, email: str, display_name: str, password: str, language: str
    ) -> Operator:
        """The account that a first run or an invitation is for. Raises Refused (the link still opens), LinkEnded."""
        roles: dict[str, Role] = {invitation.tenant: invitation.role} if invitation.tenant else {}  # type: ignore[dict-item]
        made = await self._accounts.create(
            email, display_name, password, admin=invitation.admin, roles=roles, language=language
        )
        if not await self._store.shared.delete(INVITATIONS, invitation):
            # Somebody was quicker with the same link.
            await self._accounts.change(made.id, disabled=True, roles={}, admin=False)
            raise LinkEnded
        return made

    async def join(self, invitation: Invitation, operator: str) -> None:
        """Give the invitation's role to who has an account already. Raises LinkEnded."""
        if not await self._store.shared.delete(INVITATIONS, invitation):
            raise LinkEnded
        there = await self._accounts.get(operator)
        held = there.roles.get(invitation.tenant, "") if there else ""
        if held not in ROLES or ROLES.index(invitation.role) > ROLES.index(held):
            await self._accounts.set_role(operator, invitation.tenant, invitation.role)  # type: ignore[arg-type]

    async def set_password(self, invitation: Invitation, password: str) -> None:
        """What a reset is for. Raises Refused (the link still opens), LinkEnded."""
        there = await self._accounts.get(invitation.operator)
        if there is None or there.subject:
            raise LinkEnded
        if invitation.tenant and (there.admin or set(there.roles) - {invitation.tenant}):
            raise LinkEnded  # since it was made they have rights elsewhere, which its maker must not come by
        check_password(password)
        # First: of two who follow it at once, one has set the password.
        if not await self._store.shared.delete(INVITATIONS, invitation):
            raise LinkEnded
        await self._accounts.set_password(invitation.operator, password)

    async def _make(self, invitation: Invitation) -> str:
        text = secrets.token_urlsafe(32)
        await self._store.shared.insert(INVITATIONS, replace(invitation, id=hashed(text)))
        return text

    def _times(self, lasts: timedelta) -> dict[str, Any]:
        now = self._store.now()
        return {"made_at": now, "expires_at": now + lasts}

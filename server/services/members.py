"""Who works for a tenant: roles, invitations, links for a forgotten password."""

from __future__ import annotations

from ..auth import Accounts, Audit, LinkEnded, Links, Principal, Refused, Role, at_least
from ..stored_operators import Operator


class LastOwner(Exception):
    """The tenant would have no owner any more."""


class NotAMember(Refused):
    """They do not work for the tenant, or there is no such person."""


class Members:
    """The people of each tenant."""

    def __init__(self, accounts: Accounts, links: Links, audit: Audit) -> None:
        self._accounts = accounts
        self._links = links
        self._audit = audit

    async def of(self, tenant: str) -> list[Operator]:
        """Who has a role there, by name."""
        everybody = await self._accounts.everybody()
        return sorted((each for each in everybody if tenant in each.roles), key=lambda each: each.display_name)

    async def invite(self, tenant: str, role: Role, who: Principal, email: str = "") -> str:
        """A link for somebody new. Raises Refused for a role above the inviter's; a manager invites viewers and agents."""
        if not who.may(tenant, "owner") and at_least(role, "manager"):
            raise Refused("an owner invites managers and owners")
        link = await self._links.invite(tenant, role, who, email.strip()[:254])
        await self._audit.wrote(tenant, who, "invitation.made", role=role)
        return link

    async def withdraw(self, tenant: str, invitation: str, who: Principal) -> None:
        """Have a link open nothing any more. Raises LinkEnded if it does not anyway, Refused if only an owner could have
        made it."""
        found = next((each for each in await self._links.pending(tenant) if each.id == invitation), None)
        if found is not None and not who.may(tenant, "owner") and at_least(found.role, "manager"):
            raise Refused("an owner invites managers and owners, and withdraws it")
        if not await self._links.withdraw(tenant, invitation):
            raise LinkEnded
        await self._audit.wrote(tenant, who, "invitation.withdrawn")

    async def set_role(self, tenant: str, operator: str, role: Role | None, who: Principal) -> None:
        """Give a role, or take it (None). Raises Refused if they do not work there, LastOwner."""
        there = await self._member(tenant, operator)
        if there.roles[tenant] == "owner" and role != "owner":
            if [each.id for each in await self._owners(tenant)] == [there.id]:
                raise LastOwner
        await self._accounts.set_role(operator, tenant, role)
        if there.roles[tenant] == "owner" and role != "owner" and not await self._owners(tenant):
            # Two owners have demoted each other at the same moment: neither has.
            await self._accounts.set_role(operator, tenant, "owner")
            raise LastOwner
        await self._audit.wrote(
            tenant, who, "member.role_changed", operator, before=there.roles[tenant], after=role or ""
        )

    async def reset(self, tenant: str, operator: str, who: Principal) -> str:
        """A link for a new password. Raises Refused for who does not work there, works for others too, or runs the server:
        with it their rights elsewhere would change hands."""
        there = await self._member(tenant, operator)
        if there.subject:
            raise Refused("they sign in at a provider, which knows their password")
        if there.admin or (set(there.roles) != {tenant} and not who.admin):
            raise Refused(
                "they have rights elsewhere: whoever runs the server makes the link (frontdesk operators link)"
            )
        link = await self._links.reset(there, who.name, tenant if not who.admin else "")
        await self._audit.wrote(tenant, who, "operator.reset_link_made", operator)
        return link

    async def _owners(self, tenant: str) -> list[Operator]:
        return [each for each in await self.of(tenant) if each.roles[tenant] == "owner" and not each.disabled]

    async def _member(self, tenant: str, operator: str) -> Operator:
        there = await self._accounts.get(operator)
        if there is None or tenant not in there.roles:
            raise NotAMember("they do not work here")
        return there

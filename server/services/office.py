"""Everything that the operators' screens and the API may do, in one place: each desk is one attribute."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from frontdesk.config import TenantConfig as TenantConfig

from ..auth import Accounts, Audit, Links, OpenIdConnect, Principal, SecondFactor
from ..model import Contact, Instance
from ..store import In
from ..store.collections import CONTACTS
from ..store.queries import MAX_IN
from ..tenants import gaps
from .cards import Cards
from .contact_desk import ContactDesk
from .conversation_desk import ConversationDesk
from .conversation_feed import ConversationFeed
from .conversation_list import ConversationList
from .failures import FailureDesk
from .insights import InsightDesk
from .instances import alive
from .overview import Overview
from .plugins_desk import PluginsDesk
from .record_desk import RecordDesk
from .server_desk import ServerDesk
from .settings_desk import SettingsDesk
from .settings_history import SettingsHistory
from .settings_keys import SettingsByKey
from .subscriptions import SubscriptionDesk
from .syncs import SyncDesk
from .token_desk import TokenDesk
from .workshop import Workshop

if TYPE_CHECKING:
    from ..app import Server


class Office:
    """The desks of one server. They share its store, its runtimes and its clock."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.public_url = server.config.public_url
        self.overview = Overview(server.runtimes, server.registry, server.overlays)
        self.conversations = ConversationList(server.store, server.registry)
        self.conversation_feed = ConversationFeed(server.store, server.changes, server.clock, self.conversations)
        self.ownership = server.ownership
        self.parked = server.parked
        self.leads = server.leads
        self.appointments = server.appointments
        self.accounts = Accounts(server.store)
        self.links = Links(server.store, self.accounts)
        self.second_factor = SecondFactor(self.accounts, server.signing_key, server.clock)
        self.openid = OpenIdConnect(
            self.accounts, server.config.sign_in, self.public_url, server.signing_key, server.clock
        )
        self.audit = Audit(server.store)
        self.records = RecordDesk(self.leads, self.appointments, self.audit)
        self.talk = ConversationDesk(server, self.audit)
        self.cards = Cards(server.store, server.runtimes)
        self.plugins = PluginsDesk(server)
        self.settings = SettingsDesk(server)
        self.settings_history = SettingsHistory(server)
        self.workshop = Workshop(server)
        self.syncs = SyncDesk(server.store, server.pushing, self.audit)
        self.failures = FailureDesk(
            server.store, server.queue, server.parked, lambda: server.declared, self.audit, self.syncs
        )
        self.contacts = ContactDesk(server, self.audit, self.syncs)
        self.server = ServerDesk(server, self.audit)
        self.insights = InsightDesk(server.store, lambda: server.declared, server.clock)
        self.settings_keys = SettingsByKey(server, self.audit)
        self.subscriptions = SubscriptionDesk(server.store, server.secrets, server.deliveries, self.audit)
        self.tokens = TokenDesk(self.accounts, self.audit, server.store)

    async def people(self, tenant: str, contacts: Iterable[str]) -> dict[str, Contact]:
        """Contacts by id, for a page that names them; who has been erased is missing."""
        ids = list(dict.fromkeys(contacts))
        repository = self._server.store.for_tenant(tenant)
        found: dict[str, Contact] = {}
        for start in range(0, len(ids), MAX_IN):
            part = ids[start : start + MAX_IN]
            found |= {each.id: each for each in await repository.find(CONTACTS, {"id": In(part)}, limit=MAX_IN)}
        return found

    def now(self) -> datetime:
        """The store's time, by which everything is stamped."""
        return self._server.store.now()

    def tenant(self, id: str) -> TenantConfig | None:
        """A tenant that is served now, as it is in force."""
        declared = self._server.declared
        return declared[id].tenant if id in declared else None

    def some_tenant(self, who: Principal) -> tuple[str, ...]:
        """A tenant to begin with for an admin, who needs no role in any; for others none."""
        return tuple(islice(self._server.declared, 1)) if who.admin else ()

    def banner(self, tenant: str) -> str:
        """Why what is stored over the file is not in force, and what is; empty: it is."""
        return self._server.overlays.banners.get(tenant, "")

    def gaps(self) -> list[str]:
        """What is still missing for the businesses to work, in sentences, as `frontdesk check` tells it."""
        found = gaps(self._server.declared)
        return [*found, sentence] if (sentence := self._server.config.unnamed_proxy()) else found

    async def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether this process may be asked, and how store, queue and plugins are."""
        return await self._server.readiness.look()

    async def instances(self) -> list[Instance]:
        """The processes that share the store."""
        return await alive(self._server.store)

"""HubSpot's CRM on loopback for tests: objects, properties, associations, search, limits, webhooks. See server.py."""

from __future__ import annotations

from .account import Account, Record
from .faults import Fault
from .server import FakeHubspot
from .webhooks import event, signed

__all__ = ["Account", "FakeHubspot", "Fault", "Record", "event", "signed"]

"""Google on loopback for tests: Calendar v3, the token endpoint and the consent page. See server.py."""

from __future__ import annotations

from .faults import Fault
from .server import FakeGoogle

__all__ = ["FakeGoogle", "Fault"]

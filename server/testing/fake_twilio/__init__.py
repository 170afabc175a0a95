"""A fake Twilio that speaks Twilio's REST protocol and signs its webhooks with the vendor's own code."""

from __future__ import annotations

from .callbacks import FAILED as FAILED
from .callbacks import CallbackPlan as CallbackPlan
from .faults import Fault as Fault
from .inbound import InboundSpec as InboundSpec
from .messages import FakeMessage as FakeMessage
from .server import ACCOUNT_SID as ACCOUNT_SID
from .server import AUTH_TOKEN as AUTH_TOKEN
from .server import FakeTwilio as FakeTwilio
from .world import Answer as Answer

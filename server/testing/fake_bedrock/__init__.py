"""Bedrock's runtime on loopback for tests: what boto3's `converse` is answered by. See server.py."""

from __future__ import annotations

from .answers import Answer, Call
from .faults import Fault
from .server import FakeBedrock

__all__ = ["Answer", "Call", "FakeBedrock", "Fault"]

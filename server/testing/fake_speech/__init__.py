"""Amazon Transcribe and Polly on loopback for tests: what boto3's clients of both are answered by. See server.py."""

from __future__ import annotations

from .faults import Fault
from .jobs import Heard
from .server import FakeSpeech

__all__ = ["FakeSpeech", "Fault", "Heard"]

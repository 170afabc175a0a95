"""boto3's client of Bedrock's runtime. It takes a third of a second to import and to make: in a thread, one per key and
time-out."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

CONNECT_SECONDS = 2.0
POOL = 48
"""Connections: as many as calls may be in flight."""
STEP = 3
"""Seconds between two read time-outs, below it one: a client has one for all its calls, which have different times left, and
is kept."""


@dataclass(frozen=True)
class Access:
    """Which service, as whom. Empty: what boto3 finds by itself."""

    region: str = ""
    endpoint: str = ""
    key_id: str = ""
    secret: str = field(default="", repr=False)


def read_seconds(left: float) -> float:
    """The longest of the read time-outs (1, 2, 3, 6, 9 …) that ends before *left* seconds are over, if connecting takes as
    long as it may; the shortest if none does."""
    room = left - CONNECT_SECONDS
    return float(room // STEP * STEP) if room >= STEP else max(1.0, room // 1)


def make(access: Access, seconds: float) -> Any:
    """A client whose calls are tried once. Blocks. Raises what boto3 raises: no region, no such profile."""
    import boto3
    import botocore.session
    from botocore.config import Config

    session = botocore.session.Session()
    session.register_component("data_loader", _descriptions())
    return boto3.session.Session(botocore_session=session).client(
        "bedrock-runtime",
        region_name=access.region or _region(),
        endpoint_url=access.endpoint or None,
        aws_access_key_id=access.key_id or None,
        aws_secret_access_key=access.secret or None,
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=seconds,
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=POOL,
            tcp_keepalive=True,
        ),
    )


def _region() -> str | None:
    # boto3 itself reads AWS_DEFAULT_REGION alone; AWS's other SDKs and its own services set AWS_REGION.
    return os.environ.get("AWS_REGION") or None


@lru_cache
def _descriptions() -> Any:
    """Keeps what it has read of AWS's descriptions of its services."""
    from botocore.loaders import create_loader

    return create_loader()

"""boto3's clients of the services: made in a thread, one per service and access, with a role assumed where one is named."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

CONNECT_SECONDS = 2.0
READ_SECONDS = 6.0
POOL = 16


@dataclass(frozen=True)
class Access:
    """Which services, as whom. Empty: what boto3 finds by itself."""

    region: str = ""
    key_id: str = ""
    role: str = ""
    external_id: str = ""
    tenant: str = ""
    """Names the session of the role, for the account's CloudTrail."""
    endpoints: tuple[tuple[str, str], ...] = ()
    """Service → where it is."""
    secret: str = field(default="", repr=False)


def make(access: Access, service: str) -> Any:
    """A client whose calls are tried once. Blocks. Raises what boto3 raises: no region, no such profile."""
    import boto3
    import botocore.session
    from botocore.config import Config

    session = botocore.session.Session()
    session.register_component("data_loader", _descriptions())
    region = access.region or os.environ.get("AWS_REGION") or None
    endpoints = dict(access.endpoints)
    if access.key_id:
        session.set_credentials(access.key_id, access.secret)
    if access.role:
        _assume(session, access, region, endpoints.get("sts") or None)
    return boto3.session.Session(botocore_session=session).client(
        service,
        region_name=region,
        endpoint_url=endpoints.get(service) or None,
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=POOL,
            tcp_keepalive=True,
            s3={"addressing_style": "path"} if endpoints.get("s3") else None,
        ),
    )


def _assume(session: Any, access: Access, region: str | None, endpoint: str | None) -> None:
    """The role's credentials in place of the session's, fetched when they are needed and again before they expire."""
    from functools import partial

    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    arguments = {"RoleSessionName": f"frontdesk-{access.tenant}"[:64]}
    if access.external_id:
        arguments["ExternalId"] = access.external_id
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=partial(_sts, session, region, endpoint),
        source_credentials=session.get_credentials(),
        role_arn=access.role,
        extra_args=arguments,
    )
    assumed = DeferredRefreshableCredentials(method="assume-role", refresh_using=fetcher.fetch_credentials)
    session._credentials = assumed


def _sts(session: Any, region: str | None, endpoint: str | None, service: str, **given: Any) -> Any:
    return session.create_client(service, region_name=region, endpoint_url=endpoint, **given)


@lru_cache
def _descriptions() -> Any:
    """Keeps what it has read of AWS's descriptions of its services."""
    from botocore.loaders import create_loader

    return create_loader()

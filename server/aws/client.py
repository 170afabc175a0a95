"""Clients of AWS: every call has its time-outs, and what goes wrong is told in words that say what to do.

boto3 takes 0.3 s to import: only who has chosen an engine of AWS imports this module.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.loaders import Loader, create_loader

from ..errors import RetryLater, StartupError
from ..version import VERSION

CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
ATTEMPTS = 2
CALL_SECONDS = ATTEMPTS * (CONNECT_SECONDS + READ_SECONDS) + 6.0
"""The longest an ordinary call can take, with the pause between its attempts and the look for credentials."""

FAILURES = (BotoCoreError, ClientError, RetryLater, TimeoutError)
"""What a call in a thread of ours may raise, other than for a defect."""

_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
PERMISSION = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "KMS.AccessDeniedException", "403"}
)
_NOT_THERE = frozenset(
    {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "ParameterNotFound",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)
_HOW_TO_SIGN = (
    "give this machine a role that may use it, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
    "(docs/how-to/use-aws.md)"
)


def make_client(service: str, *, region: str = "", endpoint: str = "", **more: Any) -> Any:
    """A boto3 client that is safe to use from several threads. Blocks for a while.

    :param region: empty: what boto3 finds (AWS_REGION, the profile). :param endpoint: empty: the service's own.
    :param more: of botocore's Config, in place of ours.

    Raises StartupError if no region is known, or a profile is named that is not there.
    """
    config = Config(
        **{
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
            "user_agent_extra": f"frontdesk/{VERSION}",
            **more,
        }
    )
    try:
        # boto3 itself reads AWS_DEFAULT_REGION alone; AWS's other SDKs and its own services set AWS_REGION.
        session = botocore.session.Session()
        session.register_component("data_loader", _models())
        return boto3.session.Session(botocore_session=session).client(
            service,
            region_name=region or os.environ.get("AWS_REGION") or None,
            endpoint_url=endpoint or None,
            config=config,
        )
    except (NoRegionError, ProfileNotFound, ValueError) as err:
        raise StartupError(f"AWS {service}: {explain(err)}") from err


@lru_cache
def _models() -> Loader:
    """Keeps what it has read of AWS's descriptions of its services: a tenth of a second for each client."""
    return create_loader()


def needs_a_person(err: BaseException) -> bool:
    """Whether *err* stays until somebody changes something: credentials, a permission, a name."""
    if isinstance(err, NoCredentialsError | PartialCredentialsError | NoRegionError | ProfileNotFound):
        return True
    return code(err) in _CREDENTIALS | PERMISSION | _NOT_THERE


def explain(err: BaseException) -> str:
    """What went wrong and, where it is known, what would be right. AWS's own words hold no secret."""
    name, said = code(err), _said(err)
    if isinstance(err, NoCredentialsError | PartialCredentialsError):
        return f"no AWS credentials were found; {_HOW_TO_SIGN}"
    if isinstance(err, NoRegionError):
        return "no AWS region is known; write ?region=… behind the address, such as ?region=ap-southeast-1"
    if name in _CREDENTIALS:
        return f"AWS refused the credentials ({said}); {_HOW_TO_SIGN}"
    if name in PERMISSION:
        return f"AWS does not permit it ({said}); allow the actions of docs/how-to/use-aws.md to this machine's role"
    if name in _NOT_THERE:
        return f"it is not there ({said}); look at its name, account and region, or make it (docs/how-to/use-aws.md)"
    return said


def code(err: BaseException) -> str:
    """AWS's name of the error; empty for one that is not AWS's answer."""
    return str(err.response.get("Error", {}).get("Code", "")) if isinstance(err, ClientError) else ""


def _said(err: BaseException) -> str:
    if isinstance(err, ClientError):
        message = err.response.get("Error", {}).get("Message", "")
        return ": ".join(filter(None, (code(err), message))) or "an answer without an error code"
    return str(err) or type(err).__name__

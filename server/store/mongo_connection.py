"""The way to DocumentDB (or MongoDB): a client for a URL, what it is always told, and its errors in our words."""

from __future__ import annotations

import re
import ssl
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import errors

from . import StoreError, StoreFull, StoreUnavailable

DEFAULTS: dict[str, Any] = {
    "serverSelectionTimeoutMS": 5_000,
    "connectTimeoutMS": 5_000,
    "socketTimeoutMS": 10_000,
    "waitQueueTimeoutMS": 5_000,
    "maxPoolSize": 50,
    "maxIdleTimeMS": 300_000,
}
"""Used where the URL says nothing else."""

ALWAYS: dict[str, Any] = {
    "retryWrites": False,
    "w": "majority",
    "journal": True,
    "readPreference": "primary",
    "tz_aware": True,
}
"""Used whatever the URL says: without them an acknowledged write could be lost, or a read be stale."""


def connect(url: str) -> Any:
    """A client for *url*. Raises StoreError, without the URL (it holds the password), for one that can never work."""
    given = {name.lower(): values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
    if bundle := given.get("tlscafile"):
        _check_bundle(bundle)
    options = {name: value for name, value in DEFAULTS.items() if name.lower() not in given}
    try:
        # pymongo drops an option it cannot read with a warning; a store that is kept otherwise than written is no store.
        with warnings.catch_warnings(action="error", category=UserWarning):
            return AsyncIOMotorClient(url, **options, **ALWAYS)
    except (errors.ConfigurationError, UserWarning, ValueError, OSError) as error:
        raise StoreError(
            f"the store's URL: {error}. It looks like mongodb://user:password@host:27017/name?tls=true"
        ) from error


def _check_bundle(bundle: str) -> None:
    """Raises StoreError for a CA bundle that is not there, or holds no certificate (a page that says 404, say)."""
    if not Path(bundle).is_file():
        raise StoreError(f"tlsCAFile={bundle} of the store's URL (server.store) is not there; {_BUNDLE}")
    try:
        ssl.create_default_context(cafile=bundle)
    except OSError as error:
        raise StoreError(f"tlsCAFile={bundle} of the store's URL (server.store): {error}; {_BUNDLE}") from error


DUPLICATE_CODE = 11000
_BUNDLE = (
    "for DocumentDB it is the RDS global bundle, https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem "
    "(docs/how-to/use-documentdb.md)"
)
_NOT_BELIEVED = re.compile(r"certificate verify failed: ([^(]*[^( ])")
_FULL_CODES = {14031}
_CREDENTIALS_CODES = {13, 18, 8000}


def translated(error: errors.PyMongoError) -> StoreError:
    """The driver's error as the one that says what the caller can do (codes: MongoDB's error_codes.yml)."""
    code = error.code if isinstance(error, errors.OperationFailure) else None
    if code in _FULL_CODES:
        return StoreFull(f"the database's disk is full: {error}")
    if code in _CREDENTIALS_CODES:
        return StoreError(f"the database refuses us ({code}); check user, password and rights in the store's URL")
    if isinstance(error, errors.ConfigurationError):
        return StoreError(f"the store's URL: {error}")
    if isinstance(error, errors.ConnectionFailure) and (why := _NOT_BELIEVED.search(str(error))):
        return StoreError(
            f"the database's certificate is not believed ({why[1]}): tlsCAFile of the store's URL (server.store) must name "
            f"the bundle of who issued it; {_BUNDLE}"
        )
    if isinstance(error, errors.OperationFailure) and not isinstance(
        error, errors.ExecutionTimeout | errors.WriteConcernError
    ):
        return StoreError(
            f"the database refuses what was asked ({code}): {error.details and error.details.get('codeName')}"
        )
    return StoreUnavailable(f"the database cannot be reached or did not answer in time: {error}")

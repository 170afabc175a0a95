"""A tenants file in S3: one object, fetched whole, and looked at for a newer version.

Source of the shapes and the errors: botocore's model of s3 (GetObject, HeadObject). A delete marker is answered with 404; an
object that was written while its bucket kept no versions has none, or `null`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from frontdesk.config import ConfigError, Place, Remote

from ..errors import StartupError
from ..sources import Location, Mark, SourceAway
from .client import FAILURES, code, explain, make_client, needs_a_person
from .s3_address import S3Object, parse_object

log = structlog.get_logger(__name__)

_GONE = frozenset({"404", "NoSuchBucket", "NoSuchKey"})
NOTHING = "nothing is there"
"""The mark of an object that is not there."""


def fetch(object: S3Object) -> Remote:
    """The object, with its content. It blocks.

    Raises ConfigError if there is none, SourceAway if there is no answer.
    """
    client = _client(object)
    try:
        found = client.get_object(Bucket=object.bucket, Key=object.key)
        content = found["Body"].read()
    except FAILURES as err:
        if code(err) in _GONE:
            what = "no such bucket" if code(err) == "NoSuchBucket" else "no such object"
            right = (
                "look at the name, the account and the region, or put the tenants file there (docs/how-to/use-aws.md)"
            )
            raise ConfigError([Place(object.name).problem(what, right)]) from err
        raise SourceAway(explain(err), lasting=needs_a_person(err)) from err
    finally:
        client.close()
    return Remote(object.name, content, str(object), _mark(found))


class S3Source:
    """An object of which every change is a new version; without versions in the bucket, its ETag tells it from the last.

    Needs s3:GetObject on it, and s3:ListBucket on the bucket: without that, S3 answers 403 for an object that is not there.
    """

    every = 30.0

    def __init__(self, fetched: Remote) -> None:
        self._object = parse_object(fetched.address)
        self.path: Location = self._object
        self.mark = fetched.mark
        self._s3: Any = None
        self._warned = False

    async def look(self) -> Mark | None:
        return await asyncio.to_thread(self._look)

    def close(self) -> None:
        if self._s3 is not None:
            self._s3.close()

    def _look(self) -> Mark:
        try:
            self._s3 = self._s3 or _client(self._object)
            found = self._s3.head_object(Bucket=self._object.bucket, Key=self._object.key)
        except FAILURES as err:
            if code(err) in _GONE:
                return NOTHING
            raise SourceAway(explain(err)) from err
        if not _version(found) and not self._warned:
            self._warned = True
            log.warning("tenants_file_without_versions", file=self._object.name)
        return _mark(found)


def _client(object: S3Object) -> Any:
    try:
        return make_client("s3", region=object.region, endpoint=object.endpoint)
    except StartupError as err:
        raise SourceAway(str(err), lasting=True) from err


def _mark(found: Mapping[str, Any]) -> Mark:
    # Both: an older version that is put back has a new VersionId; without versions only the ETag changes.
    return _version(found), found["ETag"]


def _version(found: Mapping[str, Any]) -> str:
    version = str(found.get("VersionId", ""))
    return "" if version == "null" else version

"""Files of tenants in an S3 bucket: what several machines share. Given out only through our own signed URLs."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from ..errors import StartupError
from ..media import CHUNK, KEY, Medium, key_of, whole
from ..services.blocking import BlockingCalls
from .client import CALL_SECONDS, FAILURES, explain, make_client, needs_a_person
from .s3_address import S3Address, parse

T = TypeVar("T")

CONNECTIONS = 32
STOP_SECONDS = 2.0
DELETED_AT_ONCE = 1000
"""S3 takes no more in one call."""


class S3Media:
    """`server.media.store: s3://BUCKET/PREFIX`: one object per medium, `PREFIX/TENANT/KEY`, its type in the object's own.

    Needs s3:GetObject and s3:PutObject below the prefix (s3:DeleteObject, too, to purge a tenant), and s3:ListBucket on the
    bucket: without that, S3 answers 403 for a file that is not there.
    """

    def __init__(self, setting: str, max_bytes: int) -> None:
        self._address: S3Address = parse(setting)
        self._max_bytes = max_bytes
        self._calls = BlockingCalls()
        self._s3: Any = None

    async def start(self) -> None:
        """Raises StartupError for what a person must mend. A bucket that is away now may come."""
        self._s3 = await self._calls.call(("aws", "s3 start"), self._open, CALL_SECONDS)
        try:
            await self._calls.call(
                ("aws", "s3 start"), lambda: self._s3.head_bucket(Bucket=self._address.bucket), CALL_SECONDS
            )
        except FAILURES as err:
            if needs_a_person(err):
                raise StartupError(f"server.media.store: {self._address.bucket}: {explain(err)}") from err

    async def stop(self) -> None:
        await self._calls.close(STOP_SECONDS)
        if self._s3 is not None:
            self._s3.close()

    async def put(self, tenant: str, content: bytes, content_type: str) -> str:
        key = key_of(content, self._max_bytes)
        where = {"Bucket": self._address.bucket, "Key": self._address.key(tenant, key)}
        await self._asked(tenant, lambda: self._s3.put_object(**where, Body=content, ContentType=content_type))
        return key

    async def get(self, tenant: str, key: str) -> tuple[str, bytes] | None:
        return await whole(await self.open(tenant, key))

    async def open(self, tenant: str, key: str) -> Medium | None:
        if not KEY.fullmatch(key):
            return None
        found = await self._asked(tenant, lambda: self._find(self._address.key(tenant, key)))
        return None if found is None else _S3Medium(partial(self._asked, tenant), found)

    async def delete(self, tenant: str, key: str) -> None:
        if KEY.fullmatch(key):
            place = self._address.key(tenant, key)
            await self._asked(tenant, lambda: self._s3.delete_object(Bucket=self._address.bucket, Key=place))

    async def purge(self, tenant: str) -> int:
        deleted = 0
        prefix = self._address.key(tenant, "") + "/"  # or it would be that of tenants whose ids begin alike
        while count := await self._asked(tenant, lambda: self._delete_some(prefix)):
            deleted += count
        return deleted

    def _delete_some(self, prefix: str) -> int:
        found = self._s3.list_objects_v2(Bucket=self._address.bucket, Prefix=prefix, MaxKeys=DELETED_AT_ONCE)
        keys = [{"Key": each["Key"]} for each in found.get("Contents", ())]
        if keys:
            answer = self._s3.delete_objects(Bucket=self._address.bucket, Delete={"Objects": keys, "Quiet": True})
            if failed := answer.get("Errors"):
                raise OSError(errno.EACCES, f"{failed[0].get('Key')}: {failed[0].get('Code')}")
        return len(keys)

    async def _asked(self, tenant: str, call: Callable[[], T]) -> T:
        """At most four calls at a time of one tenant."""
        try:
            return await self._calls.call((tenant, "s3"), call, CALL_SECONDS)
        except FAILURES as err:
            raise OSError(errno.EIO, f"the bucket {self._address.bucket}: {explain(err)}") from err

    def _open(self) -> Any:
        return make_client(
            "s3", region=self._address.region, endpoint=self._address.endpoint, max_pool_connections=CONNECTIONS
        )

    def _find(self, key: str) -> Any:
        try:
            return self._s3.get_object(Bucket=self._address.bucket, Key=key)
        except ClientError as err:
            if err.response.get("Error", {}).get("Code") == "NoSuchKey":
                return None
            raise


class _S3Medium:
    """An object of the bucket, read from one connection as it is passed on; botocore finds what ends too early."""

    def __init__(self, asked: Callable[[Callable[[], bytes]], Awaitable[bytes]], found: Mapping[str, Any]) -> None:
        self._asked = asked
        self._body = found["Body"]
        self.content_type = str(found["ContentType"])
        self.size = int(found["ContentLength"])

    async def read(self) -> bytes:
        return await self._asked(lambda: bytes(self._body.read(CHUNK)))

    async def close(self) -> None:
        # One that was not read to its end is closed without waiting for the rest.
        self._body.close()

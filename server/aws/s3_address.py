"""What `s3://…` says: a place for media (`server.media.store`), or the tenants file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_KEY = re.compile(r"(/[A-Za-z0-9!_.*'()-]+)*")


@dataclass(frozen=True, slots=True)
class S3Address:
    """A bucket, and what stands before the key of each object."""

    bucket: str
    prefix: str
    """Without slashes at its ends; may be empty."""
    region: str
    """Empty: what boto3 finds."""
    endpoint: str
    """Where the service is; empty: in its region."""

    def key(self, tenant: str, medium: str) -> str:
        return "/".join(filter(None, (self.prefix, tenant, medium)))


@dataclass(frozen=True, slots=True)
class S3Object:
    """One object. `str()` is the address as it was written."""

    bucket: str
    key: str
    region: str
    endpoint: str
    written: str

    @property
    def name(self) -> str:
        """Which one it is, without how it is reached."""
        return f"s3://{self.bucket}/{self.key}"

    def __str__(self) -> str:
        return self.written


def parse(setting: str) -> S3Address:
    """The place that *setting* names. Raises ValueError, saying what would be right."""
    found = _parts(setting)
    if found is None:
        raise ValueError(
            f"server.media.store: {setting!r} is no place in S3; write s3://BUCKET/PREFIX?region=ap-southeast-1"
        )
    bucket, path, region, endpoint = found
    return S3Address(bucket, path.strip("/"), region, endpoint)


def parse_object(address: str) -> S3Object:
    """The object at *address*. Raises ValueError, saying what would be right."""
    found = _parts(address)
    if found is None:
        raise ValueError(f"found {address!r}, which is no object in S3; write s3://BUCKET/KEY?region=ap-southeast-1")
    bucket, path, region, endpoint = found
    if path in ("", "/") or path.endswith("/"):
        right = f"one object is read, not what is below a prefix: write s3://{bucket}{path.rstrip('/')}/tenants.yaml"
        raise ValueError(f"found {address!r}, which names no object; {right}")
    return S3Object(bucket, path.lstrip("/"), region, endpoint, address)


def _parts(address: str) -> tuple[str, str, str, str] | None:
    """Bucket, path, region and endpoint; None if it is no address in S3."""
    parts = urlsplit(address)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    region, endpoint = options.pop("region", ""), options.pop("endpoint", "")
    right_endpoint = not endpoint or re.match(r"https?://[^/]", endpoint)
    if (
        parts.scheme != "s3"
        or not _BUCKET.fullmatch(parts.netloc)
        or not _KEY.fullmatch(parts.path.rstrip("/"))
        or options
        or parts.fragment
        or not right_endpoint
    ):
        return None
    return parts.netloc, parts.path, region, endpoint

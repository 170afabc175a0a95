"""What `server.media.store: s3://…` says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"(/[A-Za-z0-9!_.*'()-]+)*")


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


def parse(setting: str) -> S3Address:
    """Raises ValueError, saying what would be right."""
    parts = urlsplit(setting)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    region, endpoint = options.pop("region", ""), options.pop("endpoint", "")
    prefix = parts.path.rstrip("/")
    right_endpoint = not endpoint or re.match(r"https?://[^/]", endpoint)
    if (
        parts.scheme != "s3"
        or not _BUCKET.fullmatch(parts.netloc)
        or not _PREFIX.fullmatch(prefix)
        or options
        or parts.fragment
        or not right_endpoint
    ):
        raise ValueError(
            f"server.media.store: {setting!r} is no place in S3; write s3://BUCKET/PREFIX?region=ap-southeast-1"
        )
    return S3Address(parts.netloc, prefix.lstrip("/"), region, endpoint)

"""What `server.queue: sqs://…` says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

EXAMPLES = (
    "sqs://sqs.ap-southeast-1.amazonaws.com/123456789012/frontdesk-wakes (the queue's URL with sqs in place of https), "
    "or sqs://frontdesk-wakes?region=ap-southeast-1"
)
_HOST = re.compile(r"(?:^|\.)sqs(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d)\.")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+")
_SCHEDULER = ("scheduler_role", "scheduler_group", "scheduler_endpoint")
_PATH = re.compile(r"/(\d{12})/([^/]+)")


@dataclass(frozen=True, slots=True)
class SqsAddress:
    """A standard queue: by its URL, or by its name (then `url` is empty)."""

    name: str
    url: str
    region: str
    """Empty: what boto3 finds."""
    endpoint: str
    """Where the service is; empty: in its region."""
    scheduler_role: str = ""
    """The role in which EventBridge Scheduler sends what is later than SQS can hold back; empty: nobody does."""
    scheduler_group: str = "default"
    scheduler_endpoint: str = ""


def parse(setting: str) -> SqsAddress:
    """Raises ValueError, saying what would be right."""
    parts = urlsplit(setting)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    region, endpoint = options.pop("region", ""), options.pop("endpoint", "")
    scheduler = {name: options.pop(name) for name in _SCHEDULER if name in options}
    if parts.scheme != "sqs" or not parts.netloc or options or "@" in parts.netloc or parts.fragment:
        raise _wrong("is no address of a queue")
    if endpoint and not re.match(r"https?://[^/]", endpoint):
        raise _wrong(f"endpoint={endpoint!r} is no URL")
    if scheduler and not _ROLE.fullmatch(scheduler.get("scheduler_role", "")):
        raise ValueError(
            "server.queue: scheduler_role is no ARN of a role; write scheduler_role=arn:aws:iam::ACCOUNT:role/NAME"
        )
    name, url = parts.netloc, ""
    if parts.path.strip("/"):
        found = _PATH.fullmatch(parts.path)
        if found is None:
            raise _wrong("has a path that is not /ACCOUNT/NAME")
        name, url = found[2], f"https://{parts.netloc}{parts.path}"
        in_host = _HOST.search(parts.netloc)
        region = region or (in_host[1] if in_host else "")
        endpoint = endpoint or f"https://{parts.netloc}"
    if name.endswith(".fifo"):
        raise ValueError(
            f"server.queue: {name} is a FIFO queue, which has no delay for single messages and holds a group back; make a "
            "standard queue (docs/how-to/use-aws.md)"
        )
    if not _NAME.fullmatch(name):
        raise _wrong(f"{name!r} is no name of a queue")
    return SqsAddress(name, url, region, endpoint, **scheduler)


def _wrong(what: str) -> ValueError:
    return ValueError(f"server.queue: {what}; write {EXAMPLES}")

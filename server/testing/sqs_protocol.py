"""How AWS JSON 1.0 tells SQS's answers, and what a batch is: the parts of the stand-in that hold no state."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from aiohttp import web

from .standard_queue import Held

_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_NOT_ALLOWED = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class SqsError(Exception):
    """Answered as AWS does: its name in the model, and the code that boto3 shows."""

    def __init__(self, name: str, message: str, *, code: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.name, self.message, self.code, self.status = name, message, code or name, status


def each(entries: list[dict[str, Any]], act: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """A batch: an entry that is wrong fails alone, the wrong batch as a whole."""
    ids = [entry["Id"] for entry in entries]
    if not 1 <= len(ids) <= 10:
        name = "TooManyEntriesInBatchRequest" if ids else "EmptyBatchRequest"
        raise SqsError(name, "A batch has 1 to 10 entries.", code=f"AWS.SimpleQueueService.{name}")
    if len(set(ids)) < len(ids) or not all(map(_ID.fullmatch, ids)):
        code = "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"
        raise SqsError("BatchEntryIdsNotDistinct", "The ids are not distinct.", code=code)
    answer: dict[str, Any] = {"Successful": [], "Failed": []}
    for entry in entries:
        try:
            answer["Successful"].append({"Id": entry["Id"], **act(entry)})
        except SqsError as err:
            failed = {"Id": entry["Id"], "SenderFault": True, "Code": err.code, "Message": err.message}
            answer["Failed"].append(failed)
    return answer


def told(held: Held, wanted: list[str]) -> dict[str, Any]:
    told = {"ApproximateReceiveCount": str(held.receives)}
    attributes = {name: value for name, value in told.items() if name in wanted or "All" in wanted}
    message = {"MessageId": held.id, "ReceiptHandle": held.receipt, "Body": held.body, "MD5OfBody": md5(held.body)}
    return {**message, **({"Attributes": attributes} if attributes else {})}


def between(asked: dict[str, Any], name: str, least: float, most: float, default: float) -> float:
    value = float(asked.get(name, default))
    if not least <= value <= most:
        message = f"Value {value:g} for parameter {name} is invalid. Reason: Must be between {least} and {most}."
        raise SqsError("InvalidParameterValue", message)
    return value


def md5(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def as_json(answer: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    body = json.dumps(answer).encode()
    return web.Response(body=body, status=status, headers=headers, content_type="application/x-amz-json-1.0")


def refused(err: SqsError) -> web.Response:
    """An error as AWS answers it: the header has the code that boto3 shows."""
    body = {"__type": f"com.amazonaws.sqs#{err.name}", "message": err.message}
    return as_json(body, status=err.status, headers={"x-amzn-query-error": f"{err.code};Sender"})


def checked_body(body: str) -> str:
    """Raises SqsError unless a message may have it."""
    if not body or _NOT_ALLOWED.search(body):
        raise SqsError("InvalidMessageContents", "The message contains characters outside the allowed set.")
    return body

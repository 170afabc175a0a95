"""Wakes for later than a queue holds them back: one-time schedules of EventBridge Scheduler that send them to the queue.

Source of the facts: the service model `scheduler` 2021-06-30 of botocore. The truth stays in `due`: a schedule that was not
made, fires twice, or fires at a time that no longer holds, changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from ..queue import Wake
from .client import make_client
from .sqs_address import SqsAddress

MOST_LATE = 900
"""Seconds for which the Scheduler tries to reach the queue; later, the sweep has long found the work."""
RETRIES = 10


class Schedules:
    """Makes schedules. Needs scheduler:CreateSchedule, and iam:PassRole for the role that sends to the queue."""

    def __init__(self, address: SqsAddress) -> None:
        self._address = address
        self._client = make_client("scheduler", region=address.region, endpoint=address.scheduler_endpoint)

    def create(self, wake: Wake, at: datetime, queue_arn: str) -> bool:
        """Send *wake* to the queue at *at* (aware), rounded up to the second; blocks. False: *at* is past already.

        A schedule that is there already is the same one: its name is made from what it does and when.
        """
        at = (at + timedelta(microseconds=999_999)).astimezone(UTC).replace(microsecond=0, tzinfo=None)
        target: dict[str, Any] = {
            "Arn": queue_arn,
            "RoleArn": self._address.scheduler_role,
            "Input": json.dumps(asdict(wake)),
            "RetryPolicy": {"MaximumEventAgeInSeconds": MOST_LATE, "MaximumRetryAttempts": RETRIES},
        }
        try:
            self._client.create_schedule(
                Name=name_of(wake, at),
                GroupName=self._address.scheduler_group,
                ScheduleExpression=f"at({at.isoformat()})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target=target,
            )
        except ClientError as err:
            match err.response.get("Error", {}).get("Code"):
                case "ConflictException":
                    return True
                case "ValidationException" if "past" in str(err):
                    return False
            raise
        return True

    def close(self) -> None:
        self._client.close()


def name_of(wake: Wake, at: datetime) -> str:
    """At most 64 of `0-9a-zA-Z-_.`; refs hold other letters, and may be longer."""
    told = json.dumps([*asdict(wake).values(), at.isoformat()])
    return f"frontdesk-{hashlib.sha256(told.encode()).hexdigest()[:48]}"

"""EventBridge Scheduler on loopback for tests: one-time schedules that fire into the stand-in of SQS.

Requests are held against botocore's service model (REST JSON). Refused as by AWS: a name that is taken, a time that is past.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Self

from aiohttp import web
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from ..clock import Clock, Timer
from .fake_sqs import ACCOUNT, NAME, REGION, FakeSqs

ROLE = f"arn:aws:iam::{ACCOUNT}:role/frontdesk-scheduler"
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")


@lru_cache
def _model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("scheduler", "service-2"), "scheduler")


class FakeScheduler:
    """The server, in process, inside of its queue's: `async with FakeSqs() as sqs, FakeScheduler(sqs, clock) as scheduler:`.

    :param clock: its schedules fire when this clock has come to their time.
    """

    def __init__(self, sqs: FakeSqs, clock: Clock) -> None:
        self.schedules: dict[str, dict[str, Any]] = {}
        """By name; what is deleted after completion is gone."""
        self.fired: list[str] = []
        self.refusal: tuple[int, str, str] | None = None
        """Status, error and message of every answer, while it is set."""
        self._sqs = sqs
        self._clock = clock
        self._timers: list[Timer] = []
        self._runner: web.AppRunner | None = None

    @property
    def setting(self) -> str:
        """What `server.queue` is set to, with the queue."""
        assert self._runner is not None, "it is not started"
        endpoint = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return f"{self._sqs.setting}&scheduler_role={ROLE}&scheduler_endpoint={endpoint}"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes([web.post("/schedules/{name}", self._create)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for timer in self._timers:
            timer.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _create(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        asked = {**await request.json(), "Name": name}
        refusal = self.refusal or self._wrong(name, asked)
        if refusal is not None:
            status, error, message = refusal
            response = web.json_response({"Message": message}, status=status, headers={"x-amzn-errortype": error})
        else:
            self.schedules[name] = asked
            self._timers.append(self._clock.call_later(self._seconds_until(asked), lambda: self._fire(name)))
            arn = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{asked.get('GroupName', 'default')}/{name}"
            response = web.json_response({"ScheduleArn": arn})
        response.force_close()
        return response

    def _wrong(self, name: str, asked: dict[str, Any]) -> tuple[int, str, str] | None:
        errors = ParamValidator().validate(asked, _model().operation_model("CreateSchedule").input_shape)
        if errors.has_errors() or not re.fullmatch(r"[0-9a-zA-Z-_.]{1,64}", name):
            return 400, "ValidationException", errors.generate_report()
        if not _AT.fullmatch(asked["ScheduleExpression"]) or asked.get("ScheduleExpressionTimezone", "UTC") != "UTC":
            return 400, "ValidationException", "Invalid Schedule Expression"
        if asked["Target"]["Arn"] != f"arn:aws:sqs:{REGION}:{ACCOUNT}:{NAME}" or asked["Target"]["RoleArn"] != ROLE:
            return 400, "ValidationException", "The execution role must allow access to the target."
        if name in self.schedules:
            return 409, "ConflictException", f"Schedule {name} already exists."
        if self._seconds_until(asked) <= 0:
            return 400, "ValidationException", "Invalid Schedule Expression: the time is in the past."
        return None

    def _seconds_until(self, asked: dict[str, Any]) -> float:
        found = _AT.fullmatch(asked["ScheduleExpression"])
        assert found is not None
        at = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
        return (at - self._clock.now()).total_seconds()

    def _fire(self, name: str) -> None:
        schedule = self.schedules[name]
        self.fired.append(name)
        self._sqs.send(schedule["Target"].get("Input", json.dumps({})))
        if schedule.get("ActionAfterCompletion") == "DELETE":
            del self.schedules[name]

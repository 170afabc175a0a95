"""The server: Transcribe (JSON 1.1) and Polly (REST) as boto3 speaks to them, every request held against botocore's models.

Transcribe reads from and writes to S3, for which moto's server stands in. It also runs as a program:

    python -m frontdesk.testing.fake_speech --port 8500 --s3 http://127.0.0.1:5000
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Self

from aiohttp import web
from botocore.loaders import Loader
from botocore.model import ServiceModel

from ...clock import Clock, SystemClock
from ..fake_bedrock.shapes import Invalid, decoded, hold
from .faults import STATUS, Faults
from .jobs import Jobs, Refused
from .voices import described, spoken

REGION = "ap-southeast-1"
JSON = "application/x-amz-json-1.1"


class FakeSpeech:
    """`async with FakeSpeech(s3_url) as speech:`; `speech.url` is the endpoint of both services."""

    def __init__(self, s3: Any, *, port: int = 0, clock: Clock | None = None) -> None:
        """*s3*: the URL of a stand-in for S3, or boto3's client of it."""
        self.faults = Faults()
        self.refused: list[str] = []
        """Why requests were found to be wrong: a plugin that works well leaves it empty."""
        self.requests: list[tuple[str, dict[str, Any]]] = []
        """(operation, parameters) of what was found to be valid, in order."""
        self.keys: list[str] = []
        """The access key of each request."""
        self.rejected: set[str] = set()
        """Access keys that AWS refuses."""
        self.jobs = Jobs(_s3(s3) if isinstance(s3, str) else s3, (clock or SystemClock()).monotonic)
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        assert self._runner is not None, "it is not started"
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def asked(self, operation: str) -> list[dict[str, Any]]:
        """The parameters of each call of *operation*."""
        return [parameters for name, parameters in self.requests if name == operation]

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes(
            [
                web.post("/", self._transcribe),
                web.post("/v1/speech", self._speak),
                web.get("/v1/voices", self._voices),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _transcribe(self, request: web.Request) -> web.StreamResponse:
        operation = request.headers.get("X-Amz-Target", "").removeprefix("Transcribe.")
        doers: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "StartTranscriptionJob": self.jobs.start,
            "GetTranscriptionJob": self.jobs.get,
            "DeleteTranscriptionJob": self.jobs.delete,
            "ListTranscriptionJobs": self.jobs.list,
        }
        body = await request.read()

        async def do() -> web.Response:
            asked = self._valid("transcribe", operation, json.loads(body))
            answer = await asyncio.to_thread(doers[operation], asked)
            shape = _service("transcribe").operation_model(operation).output_shape
            if shape is not None:
                hold(shape, answer)
            return web.json_response(answer, content_type=JSON)

        return await self._serve(request, "transcribe", operation, do, _json_error)

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()

        async def do() -> web.Response:
            asked = self._valid("polly", "SynthesizeSpeech", json.loads(body))
            kind, content = spoken(asked)
            headers = {"Content-Type": kind, "x-amzn-RequestCharacters": str(len(asked["Text"]))}
            return web.Response(body=content, headers=headers)

        return await self._serve(request, "polly", "SynthesizeSpeech", do, _rest_error)

    async def _voices(self, request: web.Request) -> web.StreamResponse:
        async def do() -> web.Response:
            self.requests.append(("DescribeVoices", dict(request.query)))
            return web.json_response({"Voices": described(request.query.get("LanguageCode", ""))})

        return await self._serve(request, "polly", "DescribeVoices", do, _rest_error)

    async def _serve(
        self,
        request: web.Request,
        service: str,
        operation: str,
        do: Callable[[], Any],
        error: Callable[[str, str], web.Response],
    ) -> web.StreamResponse:
        key = self._key(request, service)
        fault = self.faults.take(operation)
        if key is None or key in self.rejected:
            return _closed(
                error("UnrecognizedClientException", "The security token included in the request is invalid.")
            )
        if fault is not None and fault.kind == "error":
            return _closed(error(fault.error, fault.message))
        if fault is not None and fault.kind == "garbage":
            return _closed(web.Response(body=b"<html>", content_type="text/html"))
        if fault is not None and fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.kind == "drop":
            return _broken(request)
        try:
            answer: web.Response = await do()
        except (Invalid, ValueError) as err:
            self.refused.append(str(err))
            answer = error("BadRequestException" if service == "transcribe" else "ValidationException", str(err))
        except Refused as err:
            answer = error(err.error, str(err))
        return _broken(request) if fault is not None and fault.kind == "took" else _closed(answer)

    def _valid(self, service: str, operation: str, given: Any) -> dict[str, Any]:
        shape = _service(service).operation_model(operation).input_shape
        if not isinstance(given, dict):
            raise Invalid("the body is no object")
        asked: dict[str, Any] = decoded(shape, given)
        hold(shape, asked)
        self.requests.append((operation, asked))
        return asked

    def _key(self, request: web.Request, service: str) -> str | None:
        """The access key of a request that is signed for *service*."""
        given = request.headers.get("Authorization", "")
        if f"/{REGION}/{service}/aws4_request" not in given:
            return None
        key = given.partition("Credential=")[2].partition("/")[0]
        self.keys.append(key)
        return key


@lru_cache
def _service(name: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def _s3(url: str) -> Any:
    import boto3

    keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "any"}
    return boto3.session.Session(region_name=REGION, **keys).client("s3", endpoint_url=url)


def _json_error(name: str, message: str) -> web.Response:
    return web.json_response({"__type": name, "Message": message}, status=STATUS.get(name, 400), content_type=JSON)


def _rest_error(name: str, message: str) -> web.Response:
    return web.json_response({"message": message}, status=STATUS.get(name, 400), headers={"x-amzn-ErrorType": name})


def _broken(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _closed(response: web.Response) -> web.Response:
    # boto3 keeps connections open beyond its own close(): the stand-in's end would find them.
    response.force_close()
    return response

"""The stand-in of Transcribe and Polly refuses what AWS would refuse, by botocore's models and by what the guides say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from frontdesk.testing.audio import voice_note
from frontdesk.testing.fake_speech import FakeSpeech
from frontdesk.testing.fake_speech.server import REGION

JOB = {
    "TranscriptionJobName": "j",
    "LanguageCode": "vi-VN",
    "MediaFormat": "ogg",
    "Media": {"MediaFileUri": "s3://bucket/note.ogg"},
    "OutputBucketName": "bucket",
    "OutputKey": "out/j.json",
}
SAID = {"Engine": "neural", "OutputFormat": "ogg_opus", "Text": "Hello.", "VoiceId": "Joanna"}


class Store:
    """S3 in memory, as much of it as a job needs."""

    exceptions = SimpleNamespace(NoSuchKey=KeyError)

    def __init__(self) -> None:
        self.objects = {"note.ogg": voice_note(2, words="xin chào")}

    def get_object(self, Bucket: str, Key: str) -> Any:
        return {"Body": SimpleNamespace(read=lambda: self.objects[Key])} if Key in self.objects else self.objects[Key]

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:
        self.objects[Key] = Body


@pytest.fixture
async def speech(aws_keys: None) -> AsyncIterator[FakeSpeech]:
    async with FakeSpeech(Store()) as running:
        yield running


async def ask(speech: FakeSpeech, service: str, operation: str, **asked: Any) -> Any:
    """By boto3, which sends what it is given unchecked; the error's code in place of an answer."""

    def call() -> Any:
        config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
        session = boto3.session.Session(region_name=REGION)
        client: Any = session.client(service, endpoint_url=speech.url, config=config)  # type: ignore[call-overload]
        try:
            return getattr(client, operation)(**asked)
        except ClientError as err:
            return err.response["Error"]["Code"]
        finally:
            client.close()

    return await asyncio.to_thread(call)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"TranscriptionJobName": "no spaces"}, "BadRequestException"),
        ({"MediaFormat": "opus"}, "BadRequestException"),
        ({"LanguageCode": "vi"}, "BadRequestException"),
        ({"IdentifyLanguage": True}, "BadRequestException"),
        ({"Media": {"MediaFileUri": "https://bucket/note.ogg"}}, "BadRequestException"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_a_job_that_aws_would_refuse_is_refused(speech: FakeSpeech, wrong: Any, code: str) -> None:
    assert await ask(speech, "transcribe", "start_transcription_job", **{**JOB, **wrong}) == code
    assert speech.jobs.names == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"OutputFormat": "opus"}, "ValidationException"),
        ({"SampleRate": "16000"}, "InvalidSampleRateException"),
        ({"VoiceId": "Nobody"}, "ValidationException"),
        ({"VoiceId": "Mizuki"}, "EngineNotSupportedException"),
        ({"LanguageCode": "fr-FR"}, "LanguageNotSupportedException"),
        ({"Text": "x" * 3001}, "TextLengthExceededException"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_speech_that_aws_would_refuse_is_refused(speech: FakeSpeech, wrong: Any, code: str) -> None:
    assert await ask(speech, "polly", "synthesize_speech", **{**SAID, **wrong}) == code


async def test_what_is_right_is_done_and_a_name_is_taken_once(speech: FakeSpeech) -> None:
    none = await ask(speech, "transcribe", "get_transcription_job", TranscriptionJobName="j")
    assert none == "BadRequestException", "as the service says it, whatever its model says"
    assert "TranscriptionJob" in await ask(speech, "transcribe", "start_transcription_job", **JOB)
    assert await ask(speech, "transcribe", "start_transcription_job", **JOB) == "ConflictException"
    done = await ask(speech, "transcribe", "get_transcription_job", TranscriptionJobName="j")
    assert done["TranscriptionJob"]["TranscriptionJobStatus"] == "COMPLETED"
    speech.rejected = {"AKIAEXAMPLE"}
    assert await ask(speech, "polly", "synthesize_speech", **SAID) == "UnrecognizedClientException"

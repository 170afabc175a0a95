"""Transcription jobs: what is asked of them, how far they are, and what they leave in S3."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..audio import words_in

MAGIC = {"ogg": b"OggS", "wav": b"RIFF", "flac": b"fLaC", "amr": b"#!AMR"}
"""Formats that the first bytes tell."""
WRONG_FORMAT = (
    "The media format provided does not match the detected media format. Check the media format and try again."
)


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a job comes to."""

    text: str = ""
    confidence: float = 0.98
    failure: str = ""
    """Why it failed; empty: it did not."""
    result: bytes | None = None
    """What is left in S3 in place of a transcript."""


class Refused(Exception):
    """What the service answers in place of a result."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


class Jobs:
    """Of one account. *s3* is boto3's client of the stand-in for S3: its calls block."""

    def __init__(self, s3: Any, now: Callable[[], float]) -> None:
        self._s3 = s3
        self._now = now
        self._jobs: dict[str, dict[str, Any]] = {}
        self._ready: dict[str, float] = {}
        self.seconds = 0.0
        """How long a job takes."""
        self.hears: Callable[[bytes, str], Heard] = lambda content, language: Heard(text=words_in(content))
        """What is in a sound, in a language; without it the words of frontdesk.testing.audio.voice_note."""
        self.started: list[dict[str, Any]] = []

    @property
    def names(self) -> list[str]:
        """Of the jobs there are."""
        return sorted(self._jobs)

    def finish(self) -> None:
        """Whatever runs is done now."""
        self._ready = dict.fromkeys(self._ready, 0.0)

    def start(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked["TranscriptionJobName"]
        if name in self._jobs:
            raise Refused("ConflictException", "The requested job name already exists.")
        languages = [key for key in ("LanguageCode", "IdentifyLanguage", "IdentifyMultipleLanguages") if key in asked]
        if len(languages) != 1:
            raise Refused("BadRequestException", "Specify exactly one of LanguageCode, IdentifyLanguage …")
        _place(asked["Media"]["MediaFileUri"])
        self.started.append(asked)
        job = {
            "TranscriptionJobName": name,
            "TranscriptionJobStatus": "IN_PROGRESS",
            "LanguageCode": asked.get("LanguageCode", "en-US"),
            "MediaFormat": asked.get("MediaFormat", "ogg"),
            "Media": asked["Media"],
        }
        self._jobs[name], self._ready[name] = job, self._now() + self.seconds
        self._work(job, asked)
        return {"TranscriptionJob": {**_begun(job), "TranscriptionJobStatus": "IN_PROGRESS"}}

    def get(self, asked: dict[str, Any]) -> dict[str, Any]:
        job = self._jobs.get(asked["TranscriptionJobName"])
        if job is None:
            # The service's own answer; its model lists a NotFoundException, too.
            raise Refused(
                "BadRequestException", "The requested job couldn't be found. Check the job name and try again."
            )
        if self._ready[job["TranscriptionJobName"]] > self._now():
            return {"TranscriptionJob": {**_begun(job), "TranscriptionJobStatus": "IN_PROGRESS"}}
        return {"TranscriptionJob": job}

    def delete(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._jobs.pop(asked["TranscriptionJobName"], None)
        return {}

    def list(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"TranscriptionJobSummaries": []}

    def _work(self, job: dict[str, Any], asked: dict[str, Any]) -> None:
        bucket, key = _place(asked["Media"]["MediaFileUri"])
        try:
            content = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            return self._fail(job, "The S3 URI that you provided can't be accessed.")
        magic = MAGIC.get(job["MediaFormat"])
        if magic is not None and not content.startswith(magic):
            return self._fail(job, WRONG_FORMAT)
        heard = self.hears(content, job["LanguageCode"])
        if heard.failure:
            return self._fail(job, heard.failure)
        result = heard.result if heard.result is not None else _result(job["TranscriptionJobName"], heard)
        self._s3.put_object(Bucket=asked["OutputBucketName"], Key=asked["OutputKey"], Body=result)
        job["TranscriptionJobStatus"] = "COMPLETED"
        uri = f"https://s3.ap-southeast-1.amazonaws.com/{asked['OutputBucketName']}/{asked['OutputKey']}"
        job["Transcript"] = {"TranscriptFileUri": uri}
        return None

    def _fail(self, job: dict[str, Any], reason: str) -> None:
        job["TranscriptionJobStatus"], job["FailureReason"] = "FAILED", reason


def _begun(job: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in job.items() if key not in ("Transcript", "FailureReason")}


def _place(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    if parts.scheme != "s3":
        raise Refused("BadRequestException", "MediaFileUri: a URI such as s3://bucket/key")
    return parts.netloc, parts.path.lstrip("/")


def _result(name: str, heard: Heard) -> bytes:
    """As Transcribe writes it (its developer guide, Transcription output)."""
    items = [
        {"type": "pronunciation", "alternatives": [{"confidence": str(heard.confidence), "content": word}]}
        for word in heard.text.split()
    ]
    results = {"transcripts": [{"transcript": heard.text}], "items": items}
    told = {"jobName": name, "accountId": "123456789012", "status": "COMPLETED", "results": results}
    return json.dumps(told, ensure_ascii=False).encode()

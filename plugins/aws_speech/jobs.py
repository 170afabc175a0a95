"""Transcription jobs: what one is called, what it is asked, and what its result says."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from frontdesk import Media, RetryLater, Transcript

FORMATS = {
    "audio/ogg": "ogg",
    "audio/opus": "ogg",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/mp4": "mp4",
    "audio/m4a": "m4a",
    "audio/x-m4a": "m4a",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/flac": "flac",
    "audio/x-flac": "flac",
    "audio/amr": "amr",
    "audio/webm": "webm",
    "video/webm": "webm",
    "video/mp4": "mp4",
    "video/3gpp": "mp4",
}
"""Content type → Transcribe's MediaFormat."""
LEAST_BILLED = 15.0
"""Seconds (Transcribe's price list)."""


@dataclass(frozen=True, slots=True)
class Job:
    """One voice note in one language. Whoever asks for the same again finds the same job, also after a crash."""

    name: str
    """`[0-9a-zA-Z._-]{1,200}`, unique in the account (StartTranscriptionJob)."""
    language: str
    format: str
    bucket: str
    audio: str
    result: str
    """The keys of both in the bucket."""

    @classmethod
    def of(cls, server: str, tenant: str, media: Media, language: str, bucket: str, prefix: str) -> Job | None:
        """*server*: tells servers apart that share an account. None: Transcribe does not read this type of file."""
        kind = FORMATS.get(media.content_type.partition(";")[0].strip().lower())
        if kind is None:
            return None
        digest = hashlib.sha256("\0".join((server, tenant, media.key, language)).encode()).hexdigest()[:40]
        name = f"frontdesk-{tenant}-{digest}"[-200:]
        return cls(name, language, kind, bucket, f"{prefix}{name}.{kind}", f"{prefix}{name}.json")

    def asked(self) -> dict[str, Any]:
        """The parameters of StartTranscriptionJob: the language is known, never identified."""
        return {
            "TranscriptionJobName": self.name,
            "LanguageCode": self.language,
            "MediaFormat": self.format,
            "Media": {"MediaFileUri": f"s3://{self.bucket}/{self.audio}"},
            "OutputBucketName": self.bucket,
            "OutputKey": self.result,
        }


def failed(reason: str) -> Transcript:
    """What a job that failed means for the contact, by AWS's reason (Transcribe's guide, FailureReason)."""
    said = reason.lower()
    if "duration" in said or "too long" in said or "size" in said:
        return Transcript(unheard="long")
    return Transcript(unheard="type" if "format" in said or "encoding" in said else "damaged")


def understood(content: bytes, least: float) -> Transcript:
    """The words of a result. Raises RetryLater if it is none."""
    try:
        results = json.loads(content)["results"]
        text = " ".join(str(each["transcript"]) for each in results["transcripts"]).strip()
        sure = [
            float(item["alternatives"][0]["confidence"])
            for item in results.get("items", ())
            if item["type"] == "pronunciation"
        ]
    except (ValueError, KeyError, TypeError, IndexError) as err:
        raise RetryLater("Transcribe's result could not be read", after=5.0) from err
    if text and sure and sum(sure) / len(sure) < least:
        return Transcript(unheard="noisy")
    return Transcript(text=text)

"""Voice notes into words by Amazon Transcribe, answers into speech by Amazon Polly."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from frontdesk import (
    Card,
    CeilingReached,
    Finding,
    Media,
    NeedsAttention,
    Plugin,
    PluginError,
    Refused,
    RetryLater,
    Secret,
    SecretUnavailable,
    Services,
    Speech,
    Task,
    Transcript,
    hookimpl,
    seconds_of,
)

from .client import Access, make
from .errors import CREDENTIALS, code_of, is_missing, meant
from .jobs import LEAST_BILLED, Job, failed, understood
from .languages import transcribed_as, voice_for
from .settings import AwsSpeechSettings

CALL_SECONDS = 8.5
"""Above boto3's own time-outs: 2 s to connect, 6 s to read."""
FIRST_LOOK, NEXT_LOOK = 5.0, 2.5
"""Seconds after which a job is looked at: short ones take some ten."""
TIDY = "tidy"
TIDY_AFTER = timedelta(minutes=30)
"""What a voice note has left at AWS is deleted then, if nobody has come to fetch its words."""
FORMATS = {"audio/ogg": ("ogg_opus", "48000"), "audio/mpeg": ("mp3", "24000")}
"""Content type → Polly's OutputFormat and SampleRate (its model: ogg_opus takes 48000 alone)."""


class AwsSpeech(Plugin):
    """Hears by Amazon Transcribe, speaks by Amazon Polly."""

    settings: AwsSpeechSettings

    def __init__(self, name: str, settings: AwsSpeechSettings, services: Services) -> None:
        super().__init__(name, settings, services)
        self._access: Access | None = None
        self._troubles: dict[str, str] = {}
        """Service → what a person must mend, until it answers again."""

    @hookimpl
    async def start(self) -> None:
        """Read the secret, so that a missing one is told before the first voice note."""
        self._access = await self._read_access()

    @hookimpl
    async def transcribe(self, media: Media, language: str) -> Transcript | None:
        """Begin a job or look how far it is; never waits for it."""
        settings = self.settings
        code = transcribed_as(language, settings.languages)
        if not settings.bucket or code is None:
            return None
        job = Job.of(self.services.public_url, self.tenant.id, media, code, settings.bucket, settings.prefix)
        if job is None:
            return Transcript(unheard="type")
        try:
            answer = await self._aws("transcribe", "get_transcription_job", TranscriptionJobName=job.name)
        except ClientError as err:
            if not is_missing(err):
                raise self._told(err, "transcribe", "GetTranscriptionJob") from err
            return await self._begin(job, media)
        found = answer.get("TranscriptionJob") or {}
        match found.get("TranscriptionJobStatus"):
            case "QUEUED" | "IN_PROGRESS":
                return Transcript(again_after=NEXT_LOOK)
            case "COMPLETED":
                return await self._result(job, media)
            case "FAILED":
                await self._delete(job)
                return failed(str(found.get("FailureReason", "")))
        raise RetryLater("Transcribe's answer could not be read", after=5.0)

    @hookimpl
    async def synthesize(self, text: str, language: str, content_type: str) -> Speech | None:
        """None for a language without a voice, Vietnamese for one."""
        voice = voice_for(language, self.settings.voices)
        if voice is None or content_type not in FORMATS:
            return None
        kind, rate = FORMATS[content_type]
        spending = await self._reserved(len(text) * self.settings.per_character)
        asked = {
            "Engine": self.settings.engine,
            "OutputFormat": kind,
            "SampleRate": rate,
            "Text": text,
            "VoiceId": voice[0],
            **({"LanguageCode": voice[1]} if voice[1] else {}),
        }
        try:
            answer = await self._aws("polly", "synthesize_speech", then=_read, **asked)
        except ClientError as err:
            spending.settle(0)
            raise self._told(err, "polly", "SynthesizeSpeech") from err
        content, billed = answer
        spending.settle(billed * self.settings.per_character)
        if not content.startswith(b"OggS" if kind == "ogg_opus" else (b"ID3", b"\xff")):
            raise Refused(f"Polly's answer is no {kind}")
        return Speech(content=content, content_type=self.settings.ogg_type if kind == "ogg_opus" else content_type)

    @hookimpl
    async def run_task(self, task: Task) -> None:
        """Delete what a voice note has left at AWS."""
        if task.name == TIDY and not await self._delete(Job(**task.data["job"])):
            raise RetryLater("what a voice note has left at AWS could not be deleted", after=900)

    @hookimpl
    async def check_health(self) -> Mapping[str, Any]:
        """The last trouble of each service that a person must mend; and which languages are answered in text."""
        told = "; ".join(self._troubles.values())
        return {"ok": not told, "detail": told or "; ".join(self._limits())}

    @hookimpl
    async def admin_panel(self, page: str, language: str) -> Card | None:
        if page:
            return None
        told = self._limits()
        title = "Giới hạn" if language.startswith("vi") else "What it cannot do"
        return Card(title=title, text=". ".join(told) + ".") if told else None

    @hookimpl
    async def diagnose(self) -> tuple[Finding, ...]:
        found = [
            Finding(level="warning", what=limit, cure="list http_speech behind it, or set `bucket`")
            for limit in self._limits()
        ]
        looks: list[tuple[str, str, dict[str, Any]]] = [("polly", "describe_voices", {"LanguageCode": "en-US"})]
        if self.settings.bucket:
            looks.append(("transcribe", "list_transcription_jobs", {"MaxResults": 1}))
            looks.append(("s3", "head_bucket", {"Bucket": self.settings.bucket}))
        for service, operation, asked in looks:
            try:
                await self._aws(service, operation, **asked)
            except (ClientError, PluginError) as err:
                told = self._told(err, service, operation) if isinstance(err, ClientError) else err
                found.append(Finding(level="problem", what=str(told), cure="see docs/reference/aws_speech.md"))
            else:
                found.append(Finding(level="ok", what=f"{service} answers"))
        return tuple(found)

    def _limits(self) -> list[str]:
        limits = []
        language = self.tenant.language
        if voice_for(language, self.settings.voices) is None:
            limits.append(f"Amazon Polly has no voice for {language}: answers in it go as text")
        if not self.settings.bucket:
            limits.append("voice notes are not put into words: `bucket` is not set")
        return limits

    async def _begin(self, job: Job, media: Media) -> Transcript:
        file = await self.media.get(media.key)
        if file is None:
            return Transcript(unheard="damaged")
        seconds = max(LEAST_BILLED, seconds_of(file[1]) or LEAST_BILLED)
        spending = await self._reserved(seconds / 60 * self.settings.price_per_minute)
        try:
            # Before anything is at AWS: whatever happens to us, it is deleted.
            at = self.clock.now() + TIDY_AFTER
            await self.tasks.schedule(TIDY, f"{job.name}.{at:%Y%m%d%H%M}", at, {"job": _as_data(job)})
            await self._aws("s3", "put_object", Bucket=job.bucket, Key=job.audio, Body=file[1], ContentType=file[0])
            await self._aws("transcribe", "start_transcription_job", **job.asked())
        except ClientError as err:
            if code_of(err) != "ConflictException":  # somebody has begun it in between
                spending.settle(0)
                raise self._told(err, "transcribe", "StartTranscriptionJob") from err
        spending.settle(seconds / 60 * self.settings.price_per_minute)
        return Transcript(again_after=FIRST_LOOK)

    async def _result(self, job: Job, media: Media) -> Transcript:
        try:
            content = await self._aws("s3", "get_object", then=_body, Bucket=job.bucket, Key=job.result)
        except ClientError as err:
            if not is_missing(err):
                raise self._told(err, "s3", "GetObject") from err
            # It was read before, and a crash has taken the words along.
            await self._delete(job)
            return await self._begin(job, media)
        try:
            heard = understood(content, self.settings.least_confidence)
        except RetryLater:
            await self._delete(job)  # and begun anew
            raise
        await self._delete(job)
        return heard

    async def _delete(self, job: Job) -> bool:
        """All that it has left. What is gone is gone; what cannot be deleted now (False) is left to the task."""
        try:
            for key in (job.audio, job.result):
                await self._aws("s3", "delete_object", Bucket=job.bucket, Key=key)
            await self._aws("transcribe", "delete_transcription_job", TranscriptionJobName=job.name)
        except ClientError as err:
            if not is_missing(err):
                self.log.warning("not_tidied", code=code_of(err))
                return False
        except PluginError as err:
            self.log.warning("not_tidied", code=type(err).__name__)
            return False
        return True

    async def _reserved(self, cost: float) -> Any:
        try:
            return await self.spending.reserve(cost)
        except CeilingReached as err:
            # Not before midnight: nobody waits so long.
            raise Refused("today's spending ceiling has no room for it") from err

    def _told(self, err: Exception, service: str, operation: str) -> PluginError:
        told = meant(err, service, operation)
        if isinstance(told, NeedsAttention):
            self._troubles[service] = told.what
        return told

    async def _aws(
        self, service: str, operation: str, *, then: Callable[[Any], Any] | None = None, **asked: Any
    ) -> Any:
        """One call in a thread, and in it *then* with its answer. Raises ClientError, or what the core knows."""
        access = self._access or await self._read_access()
        try:
            return await self._tried(access, service, operation, then, asked)
        except ClientError as err:
            if code_of(err) not in CREDENTIALS or not access.key_id:
                raise
            fresh = await self._read_access()  # the key may have been rotated
            if fresh == access:
                raise
            self._access = fresh
            return await self._tried(fresh, service, operation, then, asked)

    async def _tried(
        self, access: Access, service: str, operation: str, then: Callable[[Any], Any] | None, asked: dict[str, Any]
    ) -> Any:
        try:
            client = await self._client(access, service)
            call = partial(_called, getattr(client, operation), asked, then)
            answer = await self.call_blocking(call, timeout=CALL_SECONDS)
        except ClientError:
            raise
        except (BotoCoreError, TimeoutError, OSError) as err:
            raise self._told(err, service, operation) from err
        self._troubles.pop(service, None)
        return answer

    async def _client(self, access: Access, service: str) -> Any:
        async def made() -> Any:
            return await self.call_blocking(make, access, service, timeout=CALL_SECONDS)

        secret = hashlib.sha256(access.secret.encode()).hexdigest()[:16]
        return await self.shared(f"{service} {replace(access, secret='')} {secret}", made)

    async def _read_access(self) -> Access:
        settings = self.settings
        access = Access(
            settings.region,
            settings.access_key_id,
            settings.role_arn,
            settings.external_id,
            self.tenant.id if settings.role_arn else "",
            (
                ("transcribe", settings.transcribe_endpoint),
                ("polly", settings.polly_endpoint),
                ("s3", settings.storage_endpoint),
                ("sts", settings.sts_endpoint),
            ),
        )
        if settings.secret_access_key is None:
            return access
        try:
            secret = await self.call_blocking(_revealed, settings.secret_access_key, timeout=CALL_SECONDS)
        except TimeoutError as err:
            raise RetryLater("the secret could not be read in time") from err
        return replace(access, secret=secret)


def _called(function: Callable[..., Any], asked: dict[str, Any], then: Callable[[Any], Any] | None) -> Any:
    answer = function(**asked)
    return answer if then is None else then(answer)


def _read(answer: Mapping[str, Any]) -> tuple[bytes, int]:
    """Polly's sound and the characters it bills."""
    return answer["AudioStream"].read(), int(answer.get("RequestCharacters") or 0)


def _body(answer: Mapping[str, Any]) -> bytes:
    content: bytes = answer["Body"].read()
    return content


def _as_data(job: Job) -> dict[str, str]:
    return {name: getattr(job, name) for name in ("name", "language", "format", "bucket", "audio", "result")}


def _revealed(secret: Secret) -> str:
    try:
        # At the start, and after AWS said no: what is remembered may be what was rejected.
        return secret.reveal(fresh=True)
    except SecretUnavailable as err:
        raise NeedsAttention(str(err)) from err

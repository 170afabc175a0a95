"""Voice notes into words through Transcribe and S3: found again after a crash, nothing left behind, each fault told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from frontdesk import NeedsAttention, Refused, RetryLater, Secret, Task, Transcript
from frontdesk.testing.audio import voice_note
from frontdesk.testing.fake_speech import FakeSpeech, Fault, Heard


async def heard(desk: Any, media: Any, language: str = "vi") -> Transcript:
    """Asked as the core asks, without its pauses."""
    for _ in range(20):
        answer = await desk.plugin.transcribe(media, language)
        if answer is None or answer.again_after is None:
            return answer
        await asyncio.sleep(0.02)
    raise AssertionError("it never has any words")


@pytest.mark.parametrize(
    ("language", "code"),
    [("vi", "vi-VN"), ("en", "en-US"), ("en-GB", "en-GB"), ("en-SG", "en-US"), ("fr", "fr-FR"), ("vi-VN", "vi-VN")],
)
async def test_a_voice_note_becomes_words_in_the_language_of_the_conversation(
    make: Any, speech: FakeSpeech, language: str, code: str
) -> None:
    desk = make()
    assert await heard(desk, desk.note("em muốn đặt lịch ạ"), language) == Transcript(text="em muốn đặt lịch ạ")
    (asked,) = speech.asked("StartTranscriptionJob")
    assert (asked["LanguageCode"], asked["MediaFormat"]) == (code, "ogg")
    assert asked["Media"]["MediaFileUri"].startswith(
        f"s3://frontdesk-speech/{desk.plugin.settings.prefix}frontdesk-hoa-sen-"
    )
    assert speech.refused == []


async def test_a_language_of_the_tenants_own_choice_goes_before_and_one_that_is_unknown_is_left_to_others(
    make: Any, speech: FakeSpeech
) -> None:
    desk = make(languages={"en": "en-AU", "nn": "no-NO"})
    await heard(desk, desk.note("hello"), "en-GB")
    assert speech.asked("StartTranscriptionJob")[0]["LanguageCode"] == "en-AU"
    assert await desk.plugin.transcribe(desk.note("xx"), "eo") is None
    assert await make(bucket="").plugin.transcribe(desk.note("xx"), "vi") is None


async def test_nothing_of_it_stays_at_aws(make: Any, speech: FakeSpeech) -> None:
    desk = make()
    await heard(desk, desk.note())
    assert desk.objects() == [] and speech.jobs.names == []


async def test_what_nobody_fetches_is_deleted_by_a_task(make: Any, speech: FakeSpeech) -> None:
    desk = make()
    await desk.plugin.transcribe(desk.note(), "vi")
    assert len(desk.objects()) == 2 and len(speech.jobs.names) == 1
    ((name, key, data),) = desk.tasks.scheduled
    task = Task(id=key, plugin="aws_speech", name=name, at=desk.plugin.clock.now(), data=data)
    for _ in range(2):
        await desk.plugin.run_task(task)
        assert desk.objects() == [] and speech.jobs.names == []


async def test_a_job_is_found_again_after_a_crash_and_begun_once(make: Any, speech: FakeSpeech) -> None:
    desk = make()
    note = desk.note()
    speech.jobs.seconds = 3600.0
    assert (await desk.plugin.transcribe(note, "vi")).again_after == 5.0
    other = make(prefix=desk.plugin.settings.prefix)  # another process, with the same settings
    other.files.update(desk.files)
    assert (await other.plugin.transcribe(note, "vi")).again_after == 2.5
    speech.jobs.finish()
    assert await heard(other, note) == Transcript(text="em muốn đặt lịch")
    assert len(speech.asked("StartTranscriptionJob")) == 1


async def test_a_start_whose_answer_is_lost_is_not_paid_twice(make: Any, speech: FakeSpeech) -> None:
    desk = make()
    note = desk.note()
    speech.faults.add(Fault(kind="took", operation="StartTranscriptionJob"))
    with pytest.raises(RetryLater):
        await desk.plugin.transcribe(note, "vi")
    assert await heard(desk, note) == Transcript(text="em muốn đặt lịch")
    assert len(speech.jobs.started) == 1


async def test_two_who_begin_it_at_once_begin_it_once(make: Any, speech: FakeSpeech) -> None:
    desk = make()
    note = desk.note()
    answers = await asyncio.gather(*(desk.plugin.transcribe(note, "vi") for _ in range(3)))
    assert all(answer.again_after for answer in answers) and len(speech.jobs.started) == 1


async def test_words_that_a_crash_took_along_are_made_again(make: Any, speech: FakeSpeech) -> None:
    desk = make()
    note = desk.note()
    await desk.plugin.transcribe(note, "vi")
    for key in desk.objects():
        desk.bucket.client.delete_object(Bucket=desk.bucket.name, Key=key)
    assert await heard(desk, note) == Transcript(text="em muốn đặt lịch")


@pytest.mark.parametrize(
    ("hears", "expected"),
    [
        (Heard(text=""), Transcript(text="")),
        (Heard(text="đặt lịch", confidence=0.3), Transcript(unheard="noisy")),
        (Heard(failure="Your audio file exceeds the maximum duration"), Transcript(unheard="long")),
        (Heard(failure="Invalid sample rate"), Transcript(unheard="damaged")),
    ],
)
async def test_what_cannot_be_heard_says_why(make: Any, speech: FakeSpeech, hears: Heard, expected: Transcript) -> None:
    desk = make()
    speech.jobs.hears = lambda content, language: hears
    assert await heard(desk, desk.note()) == expected
    assert desk.objects() == [] and speech.jobs.names == []


async def test_a_file_of_another_type_than_it_says(make: Any, speech: FakeSpeech) -> None:
    desk = make()
    assert await heard(desk, desk.note(content=b"RIFF" + bytes(40))) == Transcript(unheard="type")
    assert await heard(desk, desk.note(kind="application/pdf")) == Transcript(unheard="type")
    media = desk.note()
    desk.files.clear()
    assert await heard(desk, media) == Transcript(unheard="damaged")


async def test_a_result_that_is_nonsense_is_made_again(make: Any, speech: FakeSpeech) -> None:
    desk = make()
    note = desk.note()
    speech.jobs.hears = lambda content, language: Heard(result=b"<html>")
    await desk.plugin.transcribe(note, "vi")
    with pytest.raises(RetryLater, match="could not be read"):
        await desk.plugin.transcribe(note, "vi")
    speech.jobs.hears = lambda content, language: Heard(text="xin chào")
    assert await heard(desk, note) == Transcript(text="xin chào")


@pytest.mark.parametrize("seconds", [2, 60])
async def test_what_it_costs_is_settled_once_with_the_least_that_is_billed(make: Any, seconds: int) -> None:
    desk = make()
    await heard(desk, desk.note(content=voice_note(seconds, words="xin chào")))
    assert desk.purse.settled == [round(max(15, seconds) / 60 * 0.024, 8)]


async def test_nothing_is_begun_when_the_ceiling_has_no_room(make: Any, speech: FakeSpeech) -> None:
    desk = make()
    desk.purse.left = 0
    with pytest.raises(Refused, match="ceiling"):
        await desk.plugin.transcribe(desk.note(), "vi")
    assert speech.asked("StartTranscriptionJob") == [] and desk.objects() == []


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (Fault(kind="hang", seconds=30), RetryLater),
        (Fault(kind="drop"), RetryLater),
        (Fault(kind="garbage"), RetryLater),
        (Fault(error="LimitExceededException"), RetryLater),
        (Fault(error="ThrottlingException"), RetryLater),
        (Fault(error="InternalFailureException"), RetryLater),
        (Fault(error="ExpiredTokenException"), NeedsAttention),
        (Fault(error="AccessDeniedException"), NeedsAttention),
    ],
    ids=["slow", "drop", "nonsense", "limit", "throttling", "inside", "expired", "denied"],
)
async def test_each_fault_of_the_vendor_says_what_is_to_be_done_and_is_survived(
    make: Any, speech: FakeSpeech, impatient: Any, fault: Fault, raised: type[Exception]
) -> None:
    desk = make(**impatient)
    note = desk.note()
    speech.faults.add(fault)
    with pytest.raises(raised) as caught:
        await desk.plugin.transcribe(note, "vi")
    assert "fault of the stand-in" not in str(caught.value), "AWS's own words may quote a contact"
    health = await desk.plugin.check_health()
    assert health["ok"] == (raised is RetryLater)
    assert await heard(desk, note) == Transcript(text="em muốn đặt lịch")
    assert (await desk.plugin.check_health())["ok"]


async def test_a_bucket_that_is_not_there_is_told_to_whoever_can_make_it(make: Any) -> None:
    desk = make(bucket="nobody-has-this-bucket")
    with pytest.raises(NeedsAttention, match="no such bucket"):
        await desk.plugin.transcribe(desk.note(), "vi")


async def test_a_key_that_was_rotated_is_read_again(make: Any, speech: FakeSpeech, monkeypatch: Any) -> None:
    monkeypatch.setenv("SPEECH_SECRET", "old")
    secret = {"env": "SPEECH_SECRET"}
    desk = make(access_key_id="AKIAOFTHETENANT00001", secret_access_key=secret)
    assert isinstance(desk.plugin.settings.secret_access_key, Secret)
    await desk.plugin.start()
    speech.faults.add(Fault(error="ExpiredTokenException"))
    monkeypatch.setenv("SPEECH_SECRET", "new")
    assert await heard(desk, desk.note()) == Transcript(text="em muốn đặt lịch")
    assert set(speech.keys) == {"AKIAOFTHETENANT00001"}


async def test_the_tenants_role_is_assumed(make: Any, speech: FakeSpeech) -> None:
    desk = make(role_arn="arn:aws:iam::123456789012:role/frontdesk-speech", external_id="hoa-sen-7")
    assert await heard(desk, desk.note()) == Transcript(text="em muốn đặt lịch")
    assert speech.keys and "AKIAEXAMPLE" not in speech.keys, "the role's own key signs"

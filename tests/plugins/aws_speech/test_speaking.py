"""Answers into speech through Polly: formats, voices, what it costs, each fault; and what the plugin says of its limits."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from frontdesk import NeedsAttention, Refused, RetryLater
from frontdesk.plugins.aws_speech.languages import VOICES
from frontdesk.testing.audio import words_in
from frontdesk.testing.fake_speech import FakeSpeech, Fault

OGG, MP3 = "audio/ogg", "audio/mpeg"


async def test_a_text_becomes_a_voice_message_of_opus(make: Any, speech: FakeSpeech) -> None:
    desk = make()
    said = await desk.plugin.synthesize("We open at nine.", "en", OGG)
    assert said.content_type == "audio/ogg; codecs=opus" and words_in(said.content) == "We open at nine."
    (asked,) = speech.asked("SynthesizeSpeech")
    assert asked == {
        "Engine": "neural", "OutputFormat": "ogg_opus", "SampleRate": "48000", "Text": "We open at nine.",
        "VoiceId": "Joanna", "LanguageCode": "en-US",
    }  # fmt: skip
    assert desk.purse.settled == [round(16 * 16 / 1_000_000, 8)] and speech.refused == []


async def test_mp3_where_a_channel_takes_that_and_nothing_else(make: Any) -> None:
    desk = make(ogg_type="audio/ogg")
    assert (await desk.plugin.synthesize("Hello.", "en", MP3)).content_type == MP3
    assert (await desk.plugin.synthesize("Hello.", "en", OGG)).content_type == OGG
    assert await desk.plugin.synthesize("Hello.", "en", "audio/aac") is None


@pytest.mark.parametrize(
    ("language", "voice"), [("en-GB", "Amy"), ("en-AU", "Olivia"), ("en-SG", "Joanna"), ("fr-CA", "Lea"), ("vi", None)]
)
async def test_each_language_has_a_voice_or_is_answered_in_text(
    make: Any, speech: FakeSpeech, language: str, voice: str | None
) -> None:
    said = await make().plugin.synthesize("Hello.", language, OGG)
    assert [asked["VoiceId"] for asked in speech.asked("SynthesizeSpeech")] == ([voice] if voice else [])
    assert (said is None) == (voice is None)


async def test_voices_of_the_tenants_own_choice_go_before(make: Any, speech: FakeSpeech) -> None:
    desk = make(voices={"en": "Matthew", "fr": ""})
    await desk.plugin.synthesize("Hello.", "en-GB", OGG)
    (asked,) = speech.asked("SynthesizeSpeech")
    assert asked["VoiceId"] == "Matthew" and "LanguageCode" not in asked
    assert await desk.plugin.synthesize("Bonjour.", "fr", OGG) is None


def test_every_voice_stands_in_botocores_model() -> None:
    from botocore.loaders import Loader

    shapes = Loader().load_service_model("polly", "service-2")["shapes"]
    assert {name for name, _ in VOICES.values()} <= set(shapes["VoiceId"]["enum"])
    assert {code for _, code in VOICES.values()} <= set(shapes["LanguageCode"]["enum"])
    assert "ogg_opus" in shapes["OutputFormat"]["enum"]
    assert not any(code.startswith("vi") for code in shapes["LanguageCode"]["enum"]), "then say so no more"


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (Fault(kind="hang", seconds=30), RetryLater),
        (Fault(kind="drop"), RetryLater),
        (Fault(kind="took"), RetryLater),
        (Fault(kind="garbage"), Refused),
        (Fault(error="ThrottlingException"), RetryLater),
        (Fault(error="ServiceFailureException"), RetryLater),
        (Fault(error="EngineNotSupportedException"), NeedsAttention),
        (Fault(error="ExpiredTokenException"), NeedsAttention),
        (Fault(error="InvalidSampleRateException"), Refused),
    ],
    ids=["slow", "drop", "took", "nonsense", "throttling", "inside", "engine", "expired", "rate"],
)
async def test_each_fault_says_what_is_to_be_done(
    make: Any, speech: FakeSpeech, impatient: Any, fault: Fault, raised: type[Exception]
) -> None:
    desk = make(**impatient)
    speech.faults.add(fault)
    with pytest.raises(raised):
        await desk.plugin.synthesize("Hello.", "en", OGG)
    assert (await desk.plugin.synthesize("Hello.", "en", OGG)).content
    assert (await desk.plugin.check_health())["ok"]


async def test_a_voice_without_the_engine_is_told_to_whoever_chose_it(make: Any) -> None:
    desk = make(voices={"ja": "Mizuki"})
    with pytest.raises(NeedsAttention, match="change `engine` or `voices`"):
        await desk.plugin.synthesize("はい", "ja", OGG)
    health = await desk.plugin.check_health()
    assert not health["ok"] and "engine" in health["detail"]


async def test_nothing_is_said_when_the_ceiling_has_no_room(make: Any, speech: FakeSpeech) -> None:
    desk = make()
    desk.purse.left = 0
    with pytest.raises(Refused, match="ceiling"):
        await desk.plugin.synthesize("Hello.", "en", OGG)
    assert speech.asked("SynthesizeSpeech") == []


async def test_that_vietnamese_has_no_voice_is_said_where_it_is_set_up(make: Any) -> None:
    desk = make()
    told = "Amazon Polly has no voice for vi: answers in it go as text"
    assert await desk.plugin.check_health() == {"ok": True, "detail": told}
    assert told in (await desk.plugin.admin_panel("", "vi")).text
    assert [(each.level, each.what) for each in await desk.plugin.diagnose()] == [
        ("warning", told),
        ("ok", "polly answers"),
        ("ok", "transcribe answers"),
        ("ok", "s3 answers"),
    ]
    english = make(tenant={"language": "en"})
    assert await english.plugin.check_health() == {"ok": True, "detail": ""}
    assert await english.plugin.admin_panel("", "en") is None


async def test_the_doctor_names_what_is_to_be_mended(make: Any, speech: FakeSpeech) -> None:
    speech.faults.add(Fault(error="AccessDeniedException", operation="ListTranscriptionJobs"))
    desk = make(tenant={"language": "en"}, bucket="nobody-has-this-bucket")
    found = {each.what: each.level for each in await desk.plugin.diagnose()}
    assert [level for level in found.values()] == ["ok", "problem", "problem"]
    assert any("does not permit transcribe" in what for what in found)


@pytest.mark.parametrize(
    "wrong",
    [
        {"access_key_id": "AKIA0123456789ABCDEF"},
        {"external_id": "x"},
        {"bucket": "Upper"},
        {"engine": "loud"},
        {"prefix": "no-slash"},
        {"voices": {"English": "Joanna"}},
        {"role_arn": "arn:aws:iam::1:user/x"},
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(make: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        make(**wrong)

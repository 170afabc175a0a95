"""Polly's voices, as far as tests need them, and what it refuses of a request."""

from __future__ import annotations

from typing import Any

from ..audio import voice_note
from .jobs import Refused

VOICES: dict[str, tuple[str, tuple[str, ...]]] = {
    "Joanna": ("en-US", ("standard", "neural", "generative")),
    "Matthew": ("en-US", ("standard", "neural", "generative")),
    "Amy": ("en-GB", ("standard", "neural", "generative")),
    "Olivia": ("en-AU", ("neural", "generative")),
    "Lea": ("fr-FR", ("standard", "neural")),
    "Mizuki": ("ja-JP", ("standard",)),
}
"""Voice → its language and engines (DescribeVoices)."""
LONGEST = 3000
"""Characters that are billed, of one request."""
TYPES = {"ogg_opus": "audio/ogg", "mp3": "audio/mpeg", "ogg_vorbis": "audio/ogg", "pcm": "audio/pcm"}
RATES = {"ogg_opus": ("48000",), "mp3": ("8000", "16000", "22050", "24000", "44100", "48000")}


def spoken(asked: dict[str, Any]) -> tuple[str, bytes]:
    """Content type and sound; `words_in` of an ogg_opus finds the text again. Raises Refused."""
    language, engines = VOICES.get(asked["VoiceId"], ("", ()))
    if not language:
        raise Refused("ValidationException", f"there is no voice {asked['VoiceId']} here")
    engine = asked.get("Engine", "standard")
    if engine not in engines:
        raise Refused("EngineNotSupportedException", f"This voice does not support the selected engine: {engine}")
    if asked.get("LanguageCode", language) != language:
        raise Refused("LanguageNotSupportedException", "This voice does not support the given language")
    kind = asked["OutputFormat"]
    if kind not in TYPES:
        raise Refused("ValidationException", "that format is none of this stand-in's")
    if asked.get("SampleRate", RATES.get(kind, ("",))[-1]) not in RATES.get(kind, (asked.get("SampleRate"),)):
        raise Refused("InvalidSampleRateException", "The specified sample rate is not valid.")
    text = asked["Text"]
    if len(text) > LONGEST:
        raise Refused("TextLengthExceededException", "Maximum text length has been exceeded")
    if kind == "mp3":
        return TYPES[kind], b"ID3\x04\x00" + text.encode()
    return TYPES[kind], voice_note(0.06 * len(text), words=text)


def described(language: str) -> list[dict[str, Any]]:
    """What DescribeVoices lists, of a language (empty: of all)."""
    return [
        {"Id": name, "Name": name, "LanguageCode": code, "SupportedEngines": list(engines), "Gender": "Female"}
        for name, (code, engines) in VOICES.items()
        if language in ("", code)
    ]

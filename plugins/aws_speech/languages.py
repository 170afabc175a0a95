"""Which code Transcribe is told for a language, and which of Polly's voices speaks it.

Sources: the enums of both services in botocore's models; the voices' engines as DescribeVoices lists them.
"""

from __future__ import annotations

from collections.abc import Mapping

TRANSCRIBED: Mapping[str, str] = {
    "ar": "ar-SA", "cs": "cs-CZ", "da": "da-DK", "de": "de-DE", "el": "el-GR", "en": "en-US", "es": "es-ES", "fi": "fi-FI",
    "fr": "fr-FR", "he": "he-IL", "hi": "hi-IN", "id": "id-ID", "it": "it-IT", "ja": "ja-JP", "ko": "ko-KR", "ms": "ms-MY",
    "nb": "no-NO", "nl": "nl-NL", "no": "no-NO", "pl": "pl-PL", "pt": "pt-BR", "ro": "ro-RO", "ru": "ru-RU", "sv": "sv-SE",
    "th": "th-TH", "tl": "tl-PH", "tr": "tr-TR", "uk": "uk-UA", "vi": "vi-VN", "zh": "zh-CN",
}  # fmt: skip
"""Primary language → the code that is told when nothing nearer is known."""
_REGIONAL = frozenset(
    "ar-AE ar-SA de-CH de-DE en-AB en-AU en-GB en-IE en-IN en-NZ en-US en-WL en-ZA es-ES es-US fr-CA fr-FR pt-BR pt-PT "
    "zh-CN zh-HK zh-TW".split()
)
VOICES: Mapping[str, tuple[str, str]] = {
    "ar": ("Hala", "ar-AE"), "ca": ("Arlet", "ca-ES"), "da": ("Sofie", "da-DK"), "de": ("Vicki", "de-DE"),
    "en": ("Joanna", "en-US"), "en-au": ("Olivia", "en-AU"), "en-gb": ("Amy", "en-GB"), "en-in": ("Kajal", "en-IN"),
    "es": ("Lucia", "es-ES"), "es-mx": ("Mia", "es-MX"), "es-us": ("Lupe", "es-US"), "fi": ("Suvi", "fi-FI"),
    "fr": ("Lea", "fr-FR"), "it": ("Bianca", "it-IT"), "ja": ("Kazuha", "ja-JP"), "ko": ("Seoyeon", "ko-KR"),
    "nb": ("Ida", "nb-NO"), "nl": ("Laura", "nl-NL"), "pl": ("Ola", "pl-PL"), "pt": ("Camila", "pt-BR"),
    "sv": ("Elin", "sv-SE"), "tr": ("Burcu", "tr-TR"), "zh": ("Zhiyu", "cmn-CN"),
}  # fmt: skip
"""Language in small letters → a neural voice and its language. There is none for Vietnamese, Thai, Indonesian and Malay."""


def transcribed_as(language: str, own: Mapping[str, str]) -> str | None:
    """The code for a conversation in *language* (BCP 47); *own*: what the tenant says. None: Transcribe has none."""
    primary = language.partition("-")[0]
    if (told := own.get(language) or own.get(primary)) is not None:
        return told
    return language if language in _REGIONAL else TRANSCRIBED.get(primary)


def voice_for(language: str, own: Mapping[str, str]) -> tuple[str, str] | None:
    """Voice and language that Polly is told; the language is empty where the tenant chose the voice. None: no voice."""
    primary = language.partition("-")[0]
    for key in (language, primary):
        if key in own:
            return (own[key], "") if own[key] else None
    return VOICES.get(language.lower()) or VOICES.get(primary)

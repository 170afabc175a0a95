"""What a tenant tells the plugin about Deepgram and ElevenLabs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from frontdesk import Secret, Settings

Tag = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
VoiceId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{0,64}$")]
Url = Annotated[
    str, StringConstraints(pattern=r"^(https://[^\s?#]+|http://(localhost|127\.0\.0\.1)(:\d+)?(/[^\s?#]*)?)$")
]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.-]{1,80}$")]


class HttpSpeechSettings(Settings):
    """Deepgram hears, ElevenLabs speaks, also Vietnamese; each only with a key of yours."""

    deepgram_key: Secret | None = None
    """An API key of Deepgram; without it voice notes are not put into words by this plugin."""
    deepgram_model: Name = "nova-3"
    """Which of Deepgram's models hears."""
    languages: dict[Tag, Tag] = Field(default_factory=dict)
    """Language of a conversation → the code that Deepgram is told, such as `en: en-AU`. Without it the language itself."""
    least_confidence: float = Field(default=0.5, ge=0, le=1)
    """Of Deepgram; below it the contact is asked to say it again."""
    elevenlabs_key: Secret | None = None
    """An API key of ElevenLabs; without it this plugin does not speak."""
    elevenlabs_model: Name = "eleven_flash_v2_5"
    """Which of ElevenLabs' models speaks."""
    voices: dict[Tag, VoiceId] = Field(default_factory=dict)
    """Language → the id of a voice of your ElevenLabs account, such as `vi: JBFqnCBsd6RMkjVDRZzb`; another
    language is answered in text."""
    price_per_minute: float = Field(default=0.0092, ge=0, le=100)
    """Of Deepgram, in US dollars."""
    price_per_thousand: float = Field(default=0.05, ge=0, le=100)
    """Of ElevenLabs, in US dollars for a thousand characters."""
    deepgram_url: Url = "https://api.deepgram.com"
    """Where Deepgram is: its European host, a server of your own, a stand-in."""
    elevenlabs_url: Url = "https://api.elevenlabs.io"
    """The same of ElevenLabs."""

    @model_validator(mode="after")
    def _does_something(self) -> HttpSpeechSettings:
        if self.deepgram_key is None and self.elevenlabs_key is None:
            raise ValueError(
                "neither deepgram_key nor elevenlabs_key is set: it could neither hear nor speak; give one"
            )
        if self.elevenlabs_key is not None and not any(self.voices.values()):
            raise ValueError("voices: elevenlabs_key is set and no language has a voice; write `vi: ID_OF_A_VOICE`")
        return self

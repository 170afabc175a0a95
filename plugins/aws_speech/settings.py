"""What a tenant tells the plugin about Amazon Transcribe and Polly."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from frontdesk import Secret, Settings

_TAG = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
Tag = Annotated[str, StringConstraints(pattern=_TAG)]
Voice = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{0,40}$")]
Endpoint = Annotated[str, StringConstraints(pattern=r"^(https://.+|http://(localhost|127\.0\.0\.1)(:\d+)?)?$")]

Engine = Literal["standard", "neural", "long-form", "generative"]
PER_MILLION: dict[Engine, float] = {"standard": 4.0, "neural": 16.0, "long-form": 100.0, "generative": 30.0}
"""US dollars for a million characters (Polly's price list; what AWS bills in a region may differ)."""


class AwsSpeechSettings(Settings):
    """Amazon Transcribe and Polly: voice notes into words, answers into speech. Polly has no voice for Vietnamese."""

    region: str = Field(default="", pattern=r"^([a-z]{2}(-[a-z]+)+-\d)?$", examples=["ap-southeast-1"])
    """The AWS region that is called; without it as AWS_REGION or the profile says."""
    bucket: str = Field(
        default="", pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$", examples=["acme-frontdesk-speech"]
    )
    """The S3 bucket, in the same region, through which Transcribe gets voice notes. Without it none is put into words."""
    prefix: str = Field(default="frontdesk-speech/", pattern=r"^([A-Za-z0-9._-]+/)*$", max_length=200)
    """What the names of its objects begin with."""
    access_key_id: str = Field(default="", pattern=r"^(A[A-Z0-9]{15,127})?$", examples=["AKIA0123456789ABCDEF"])
    """An access key of the tenant's own AWS account, together with `secret_access_key`; without it the machine's role."""
    secret_access_key: Secret | None = None
    """The secret of that access key."""
    role_arn: str = Field(default="", pattern=r"^(arn:aws(-[^:]+)?:iam::\d{12}:role/[A-Za-z0-9_+=,.@/-]+)?$")
    """A role of the tenant's AWS account that is assumed for every call."""
    external_id: str = Field(default="", pattern=r"^[A-Za-z0-9_+=,.@:/-]*$", max_length=1224)
    """What that role's trust policy asks for as `sts:ExternalId`."""
    languages: dict[Tag, Tag] = Field(default_factory=dict)
    """Language of a conversation → the code that Transcribe is told, such as `en: en-AU`. Without it `vi-VN`, `en-US` …"""
    least_confidence: float = Field(default=0.5, ge=0, le=1)
    """Of Transcribe, over all words; below it the contact is asked to say it again."""
    engine: Engine = "neural"
    """Polly's engine. Not every voice has each, nor every region."""
    voices: dict[Tag, Voice] = Field(default_factory=dict)
    """Language → Polly's voice, such as `en-GB: Amy`; empty: that language is answered in text. Vietnamese always is."""
    ogg_type: Literal["audio/ogg; codecs=opus", "audio/ogg"] = "audio/ogg; codecs=opus"
    """As what a voice message is handed to WhatsApp."""
    price_per_minute: float = Field(default=0.024, ge=0, le=100)
    """Of Transcribe, in US dollars; at least 15 seconds are billed."""
    price_per_million: float | None = Field(default=None, ge=0, le=10_000)
    """Of Polly, in US dollars for a million characters; without it the engine's list price."""
    transcribe_endpoint: Endpoint = ""
    """Where Transcribe is: a VPC endpoint, a stand-in; without it the region's own."""
    polly_endpoint: Endpoint = ""
    """The same of Polly."""
    storage_endpoint: Endpoint = ""
    """The same of S3."""
    sts_endpoint: Endpoint = ""
    """The same of STS, which gives the role."""

    @model_validator(mode="after")
    def _whole(self) -> AwsSpeechSettings:
        if bool(self.access_key_id) != (self.secret_access_key is not None):
            raise ValueError("access_key_id and secret_access_key belong together; give both, or neither")
        if self.external_id and not self.role_arn:
            raise ValueError("external_id belongs to role_arn; give both, or neither")
        return self

    @property
    def per_character(self) -> float:
        price = PER_MILLION[self.engine] if self.price_per_million is None else self.price_per_million
        return price / 1_000_000

"""What a tenant tells the plugin about its models at Amazon Bedrock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from frontdesk import Price, Secret, Settings, base_model, price_of

SEES = ("anthropic.claude", "amazon.nova-lite", "amazon.nova-pro", "amazon.nova-premier", "amazon.nova-2")
"""Families that take pictures (Bedrock: Supported models and model features)."""
CACHES = ("anthropic.claude", "amazon.nova")
"""Families with a prompt cache; others refuse a request that has a cache point (Bedrock: Prompt caching)."""
TELLS_FAILURE = ("anthropic.claude", "amazon.nova")
"""Families that are told by `status` that a tool failed (Bedrock: ToolResultBlock)."""


class BedrockModel(Settings):
    """One model of the chain."""

    id: str = Field(
        pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._:/-]{0,2047}$", examples=["global.anthropic.claude-sonnet-4-5-20250929-v1:0"]
    )
    """The id of an inference profile (newer models need one), its ARN, or a model's id."""
    sees: bool | None = None
    """Whether it is shown pictures. Without it: what is known of its family."""
    caches: bool | None = None
    """Whether it has a prompt cache. Without it: what is known of its family."""
    price: Price | None = None
    """What it costs. Without it: its list price, if it is in Frontdesk's table."""

    @property
    def family(self) -> str:
        return base_model(self.id)

    @property
    def shown_pictures(self) -> bool:
        return self.family.startswith(SEES) if self.sees is None else self.sees

    @property
    def has_cache(self) -> bool:
        return self.family.startswith(CACHES) if self.caches is None else self.caches

    @property
    def costs(self) -> Price | None:
        return self.price or price_of(self.id)


def _model(value: Any) -> Any:
    return value if isinstance(value, Mapping | BedrockModel) else {"id": value}


class BedrockSettings(Settings):
    """Models at Amazon Bedrock."""

    models: tuple[Annotated[BedrockModel, BeforeValidator(_model, json_schema_input_type=str | BedrockModel)], ...] = (
        Field(min_length=1, max_length=10)
    )
    """The models in the order in which they are asked, the cheaper ones last. Each is an id, or an id with more about it."""
    region: str = Field(default="", pattern=r"^([a-z]{2}(-[a-z]+)+-\d)?$", examples=["ap-southeast-1"])
    """The AWS region that is called; without it as AWS_REGION or the profile says."""
    access_key_id: str = Field(default="", pattern=r"^(A[A-Z0-9]{15,127})?$", examples=["AKIA0123456789ABCDEF"])
    """An access key of the tenant's own AWS account, together with `secret_access_key`; without it the machine's role."""
    secret_access_key: Secret | None = None
    """The secret of that access key."""
    max_tokens: int = Field(default=1024, ge=64, le=32_000)
    """The most tokens of one answer. Bedrock's quota and the spending ceiling reserve all of them before each call."""
    temperature: float | None = Field(default=None, ge=0, le=1)
    """How freely it chooses its words; without it as the model does by itself. Some newer models refuse it."""
    message_tokens: int = Field(default=12_000, ge=1_000, le=150_000)
    """The most tokens of the conversation that are sent with each call; older messages are left out."""
    pictures: int = Field(default=4, ge=0, le=20)
    """How many of the newest pictures of a conversation a model is shown."""
    cache: Literal["5m", "1h", "off"] = "5m"
    """How long the part of the prompt that never changes stays in the models' prompt cache."""
    guardrail_id: str = Field(
        default="", pattern=r"^(|[a-z0-9]+|arn:aws(-[^:]+)?:bedrock:[a-z0-9-]+:\d{12}:guardrail/[a-z0-9]+)$"
    )
    """A guardrail of Bedrock that looks at what contacts write and show, what tools return, and the answers."""
    guardrail_version: str = Field(default="", pattern=r"^(|[1-9][0-9]{0,7}|DRAFT)$")
    """Its version, a number or `DRAFT`."""
    endpoint: str = Field(default="", pattern=r"^(https://.+|http://(localhost|127\.0\.0\.1)(:\d+)?)?$")
    """Where the service is: a VPC endpoint, a stand-in; without it the region's own."""

    @model_validator(mode="after")
    def _whole(self) -> BedrockSettings:
        if bool(self.access_key_id) != (self.secret_access_key is not None):
            raise ValueError("access_key_id and secret_access_key belong together; give both, or neither")
        if bool(self.guardrail_id) != bool(self.guardrail_version):
            raise ValueError("guardrail_id and guardrail_version belong together; give both, or neither")
        ids = [model.id for model in self.models]
        if len(set(ids)) < len(ids):
            raise ValueError("models: the same model twice; asking it again is done by itself")
        return self

"""What a tenant tells the plugin about the server that its models run on."""

from __future__ import annotations

from pydantic import Field, field_validator

from frontdesk import Price, Secret, Settings


class OpenaiSettings(Settings):
    """Models behind an OpenAI-compatible server."""

    models: tuple[str, ...] = Field(min_length=1, max_length=10, examples=[["qwen3:14b"]])
    """The models, as the server calls them, in the order in which they are asked, the cheaper ones last."""
    base_url: str = Field(default="", pattern=r"^(https?://[^\s]+)?$", examples=["http://localhost:11434/v1"])
    """Where the server is, with `/v1`: Ollama, vLLM, llama.cpp. Without it: OpenAI's own."""
    api_key: Secret | None = None
    """Its key; most servers of one's own need none."""
    max_tokens: int = Field(default=1024, ge=64, le=32_000)
    """The most tokens of one answer."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """How freely it chooses its words; without it as the server does by itself."""
    message_tokens: int = Field(default=6_000, ge=1_000, le=150_000)
    """The most tokens of the conversation that are sent with each call: less than the model's context by what rules and
    tools take."""
    price: Price | None = None
    """What each of the models costs; with `spending.per_day` it has to be written, 0 for a server of one's own."""

    @field_validator("models")
    @classmethod
    def _each_once(cls, models: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(models)) < len(models) or not all(model.strip() for model in models):
            raise ValueError("each model once, by the name that the server lists it under (GET /v1/models)")
        return models

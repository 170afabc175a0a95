"""A server's /metrics as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

Read = Callable[..., Awaitable[dict[str, float]]]


@pytest.fixture
def read() -> Read:
    """`await read(desk)`: `name{label="value"}` (labels by name) → value, of a request from this machine."""

    async def reading(desk: Any) -> dict[str, float]:
        client = desk.server.quart.test_client()
        page = await client.get("/metrics", headers={"host": "localhost"}, scope_base={"client": ("127.0.0.1", 1)})
        assert page.status_code == 200
        text = (await page.get_data()).decode()
        return {
            _named(sample.name, sample.labels): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    return reading


def _named(name: str, labels: dict[str, str]) -> str:
    inside = ",".join(f'{label}="{labels[label]}"' for label in sorted(labels))
    return f"{name}{{{inside}}}" if inside else name

"""What models cost."""

from __future__ import annotations

import pytest

from frontdesk.config import Price, base_model, price_of


@pytest.mark.parametrize(
    "model",
    [
        "anthropic.claude-sonnet-4-5",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
    ],
)
def test_a_model_has_its_price_by_whatever_name_it_is_called(model):
    assert base_model(model) == "anthropic.claude-sonnet-4-5"
    anywhere = Price(input=3, output=15, cache_read=0.3, cache_write=3.75, cache_write_1h=6)
    elsewhere = Price(input=3.3, output=16.5, cache_read=0.33, cache_write=4.125, cache_write_1h=6.6)
    assert price_of(model) == (anywhere if model.startswith("global.") else elsewhere)


def test_what_has_no_global_price_costs_the_same_by_every_profile():
    assert price_of("eu.anthropic.claude-sonnet-4-20250514-v1:0") == price_of("anthropic.claude-sonnet-4")
    assert price_of("apac.amazon.nova-lite-v1:0") == price_of("global.amazon.nova-lite-v1:0")


def test_a_version_in_the_name_is_no_version_of_the_model():
    assert base_model("apac.amazon.nova-lite-v1:0") == "amazon.nova-lite"
    assert base_model("anthropic.claude-sonnet-4-6") == "anthropic.claude-sonnet-4-6"
    assert price_of("anthropic.claude-sonnet-9") is None
    assert price_of("arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc123") is None


def test_tokens_cost_by_where_they_came_from():
    price = Price(input=3, output=15, cache_read=0.3, cache_write=3.75)
    assert price.of(fresh=1000, output=100, cache_read=10_000, cache_write=2000) == pytest.approx(0.015)
    assert Price(input=1, output=2).of(fresh=0, output=0, cache_read=1_000_000, cache_write=1_000_000) == 2
    hour = {"fresh": 0, "output": 0, "cache_write_1h": 1_000_000}
    assert price.of(**hour) == 3.75 and Price(input=3, output=15, cache_write=4, cache_write_1h=6).of(**hour) == 6

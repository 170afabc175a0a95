"""Its reference names every setting, and no other; settings say what is wrong with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from frontdesk import Secret
from frontdesk.plugins.crm_hubspot.settings import HubspotSettings, Stages

PAGE = (Path(__file__).parents[3] / "docs/reference/crm_hubspot.md").read_text("utf-8")


def test_the_reference_has_every_setting() -> None:
    table = PAGE.partition("## Settings")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(HubspotSettings.model_fields)
    assert all(f"`{name}`" in table for name in Stages.model_fields)


@pytest.mark.parametrize(
    "wrong", [{"api_version": "v4"}, {"api_base_url": "http://hubspot.example.com"}, {"push_after": -1}, {"token": "x"}]
)
def test_what_is_wrong_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HubspotSettings.model_validate({"access_token": Secret.from_text("t"), **wrong})


def test_every_setting_says_what_it_does() -> None:
    for model in (HubspotSettings, Stages):
        assert all(field.description for field in model.model_fields.values())

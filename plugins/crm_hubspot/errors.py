"""What an answer of HubSpot that is no success means, in one of the plugin API's errors.

HubSpot: "Error handling", "Usage guidelines": 429 names its policy, 423 wants two seconds, 477 is a migration.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from frontdesk import NeedsAttention, PluginError, RetryLater

SECONDLY, TEN_SECONDLY = 1.0, 10.0
LOCKED = 2.0
MIGRATING = 60.0
AWAY = 15.0
"""Seconds to wait after an answer that names none."""
LONGEST_WISH = 86_400.0
SAID = 300
"""Characters of HubSpot's own words that are shown."""


class Answered(PluginError):
    """HubSpot refused the request itself (400, 404, 409): who asked knows what that means."""

    def __init__(self, status: int, category: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.category = category
        self.reason = reason


def words(body: Any, status: int) -> str:
    """HubSpot's own, made one line."""
    told = body.get("message") if isinstance(body, dict) else ""
    details = [
        str(each["message"])
        for each in (body.get("errors") or () if isinstance(body, dict) else ())
        if isinstance(each, dict) and each.get("message")
    ]
    text = " ".join(f"{told or ''} {'; '.join(details[:3])}".split())
    return f"HubSpot ({status}): {text[:SAID]}" if text else f"HubSpot answered {status}"


def error_of(status: int, headers: Mapping[str, str], body: Any, now: datetime, zone: ZoneInfo) -> PluginError:
    """The error that *status* (300 and more) comes to. *zone*: the account's, at whose midnight daily limits end."""
    said = words(body, status)
    category = str(body.get("category") or body.get("errorType") or "") if isinstance(body, dict) else ""
    wish = _seconds(headers.get("Retry-After"))
    if status == 429:
        policy = str(body.get("policyName", "")) if isinstance(body, dict) else ""
        return RetryLater(said, after=max(wish, _pause(policy, said, now, zone)))
    if status == 401:
        return NeedsAttention(
            f"{said}. HubSpot does not take the access token: make a new one in HubSpot and enter it as "
            "`access_token` of crm_hubspot",
            code="401",
        )
    if status == 403:
        return NeedsAttention(
            f"{said}. The app lacks a scope: add it in HubSpot (docs/reference/crm_hubspot.md lists them), then enter "
            "its new access token",
            code="403",
        )
    if status == 423:
        return RetryLater(said, after=max(wish, LOCKED))
    if status == 477:
        return RetryLater(said, after=wish or MIGRATING)
    if status in (408, 414) or status >= 500:
        return RetryLater(said, after=max(wish, AWAY))
    return Answered(status, category, said)


def _pause(policy: str, said: str, now: datetime, zone: ZoneInfo) -> float:
    """Seconds by the policy's name: SECONDLY, TEN_SECONDLY(_ROLLING), DAILY. A search tells none: by its words."""
    name = policy.upper() or said.upper()
    if "TEN_SECONDLY" in name:
        return TEN_SECONDLY
    if "SECONDLY" in name:
        return SECONDLY
    if "DAILY" in name:
        return seconds_to_midnight(now, zone)
    return TEN_SECONDLY


def seconds_to_midnight(now: datetime, zone: ZoneInfo) -> float:
    """Until the next midnight of *zone*, a second past it."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)
    return (midnight - now).total_seconds() + 1.0


def _seconds(value: str | None) -> float:
    try:
        return min(max(float(value or 0), 0.0), LONGEST_WISH)
    except ValueError:
        return 0.0

"""What contacts are told, in English and in Vietnamese; a tenant may write its own."""

from __future__ import annotations

import string
from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

HOLES = ("when", "service", "name", "business")
"""What can stand in braces in a tenant's own sentence."""

Said = Literal[
    "remind", "no_show", "quiet", "confirm", "move", "cancel", "again", "confirmed", "cancelled", "moving",
    "cancelled_before", "moved", "over", "unknown",
]  # fmt: skip

_VI: Mapping[Said, str] = {
    "remind": "Dạ, {business} xin nhắc lịch hẹn{of_service} của mình: {when}. Mình vẫn đến được chứ ạ?",
    "no_show": "Dạ, hôm nay bên em chưa gặp được mình theo lịch hẹn{of_service}. Mình có muốn hẹn lại giờ khác không ạ?",
    "quiet": "Dạ, không biết mình còn quan tâm không ạ? Nếu cần thêm thông tin gì, mình cứ nhắn, em trả lời ngay.",
    "confirm": "Tôi sẽ đến",
    "move": "Đổi giờ hẹn",
    "cancel": "Hủy lịch hẹn này",
    "again": "Hẹn lại giờ khác",
    "confirmed": "Dạ em đã ghi nhận. Hẹn gặp mình {when} ạ.",
    "cancelled": "Dạ em đã hủy lịch hẹn{of_service} {when}. Khi nào mình muốn hẹn lại, mình cứ nhắn ạ.",
    "moving": "Dạ được ạ. Lịch hẹn{of_service} hiện là {when}. Mình muốn đổi sang ngày giờ nào ạ?",
    "cancelled_before": "Dạ lịch hẹn{of_service} {when} đã được hủy từ trước rồi ạ.",
    "moved": "Dạ lịch hẹn{of_service} này đã được đổi sang {when} rồi ạ, nên em chưa thay đổi gì. Mình muốn thế nào ạ?",
    "over": "Dạ lịch hẹn{of_service} {when} đã qua rồi ạ, nên em không thay đổi gì.",
    "unknown": "Dạ em không còn tìm thấy lịch hẹn này, nên em chưa thay đổi gì. Mình cần em xem giúp lịch nào ạ?",
}
_EN: Mapping[Said, str] = {
    "remind": "A reminder from {business} of your appointment{of_service}: {when}. Can you still make it?",
    "no_show": "We missed you today at your appointment{of_service}. Would you like another time?",
    "quiet": "Are you still interested? If there is anything you would like to know, just write, I am here.",
    "confirm": "I'll be there",
    "move": "Another time",
    "cancel": "Cancel the visit",
    "again": "Find another time",
    "confirmed": "Thank you, noted. See you {when}.",
    "cancelled": "Your appointment{of_service} {when} is cancelled. Just write when you would like another one.",
    "moving": "Of course. Your appointment{of_service} is {when} at the moment. Which day and time would suit you better?",
    "cancelled_before": "Your appointment{of_service} {when} was cancelled before.",
    "moved": "That appointment{of_service} was moved to {when}, so I have changed nothing. What would you like?",
    "over": "Your appointment{of_service} {when} is over, so I have changed nothing.",
    "unknown": "I cannot find that appointment any more, so I have changed nothing. Which one shall I look at?",
}
_SAID: Mapping[str, Mapping[Said, str]] = {"vi": _VI, "en": _EN}
_OF = {"vi": " ({service})", "en": " ({service})"}
_WHEN = {"vi": "HH:mm EEEE, d/M", "en": "EEEE, d MMMM, HH:mm"}


def speaks(language: str, otherwise: str) -> str:
    """The language of what is said of our own: the contact's if we have it, else the tenant's, else English."""
    return next((each for each in (_base(language), _base(otherwise)) if each in _SAID), "en")


def own(said: Said, language: str) -> str:
    """The plugin's own sentence; *language* as `speaks` gives it."""
    return _SAID[language][said]


def filled(sentence: str, language: str, **values: str) -> str:
    """*sentence* with its holes filled; what a contact calls itself is text, whatever stands in it."""
    of_service = _OF[language].format(service=values["service"]) if values.get("service") else ""
    return sentence.format_map({**values, "of_service": of_service})


def when(at: datetime, zone: ZoneInfo, language: str) -> str:
    """A time as people say it: `14:00 thứ Ba, 2/12`, `Tuesday, 2 December, 14:00`."""
    return str(format_datetime(at.astimezone(zone), _WHEN[language], locale=language))


def unknown_holes(sentence: str) -> list[str]:
    """What stands in braces and is nothing that can be put in. Raises ValueError for braces that do not match."""
    names = [
        name for _, name, form, convert in string.Formatter().parse(sentence) if name is not None or form or convert
    ]
    return [f"{{{name or ''}}}" for name in names if name not in HOLES]


def _base(language: str) -> str:
    return language.partition("-")[0].lower()

"""Why an outbound message did not arrive, or does not yet, and what helps: for operators, in English and in Vietnamese."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from ..model import Message
from ..outbox.explained import explained
from ..plugin import Plugin

Language = Literal["en", "vi"]

_SENTENCES: Mapping[str, tuple[str, str]] = {
    "held": (
        "Waits until the contact writes: the time for free messages is over. A template would go now.",
        "Chờ đến khi khách nhắn: đã hết thời gian được gửi tin tự do. Bây giờ chỉ gửi được tin mẫu.",
    ),
    "later": (
        "Could not be sent yet and is tried again. {why}",
        "Chưa gửi được, hệ thống sẽ thử lại. {why}",
    ),
    "asking": (
        "It is not certain that it was taken; the provider is being asked.",
        "Chưa chắc tin đã được nhận; hệ thống đang hỏi nhà cung cấp.",
    ),
    "failed": ("{why}", "{why}"),
    "failed unexplained": (
        "The provider did not deliver it and gave no reason. Write again, or call the contact.",
        "Nhà cung cấp không chuyển được tin và không nói lý do. Hãy nhắn lại hoặc gọi cho khách.",
    ),
    "again": ("It was sent once more, see below.", "Tin đã được gửi lại, xem bên dưới."),
    "parked": (
        "It may have been sent, and nobody can tell. Look at the provider’s log or ask the contact; then send it again, "
        "or leave it.",
        "Tin có thể đã được gửi, không ai biết chắc. Hãy xem nhật ký của nhà cung cấp hoặc hỏi khách; sau đó gửi lại hoặc "
        "bỏ qua.",
    ),
    "expired": (
        "Too late: it could not go while it was still of use. Write again if it still matters.",
        "Quá hạn: tin không gửi được khi còn có ích. Nếu vẫn cần, hãy nhắn lại.",
    ),
    "opted out": (
        "Not sent: the contact asked for no more messages. They can take it back by writing START.",
        "Không gửi: khách đã yêu cầu ngừng nhận tin. Khách nhắn START nếu muốn nhận lại.",
    ),
    "taken over": (
        "Not sent: a person answered in the bot’s place.",
        "Không gửi: đã có người trả lời thay bot.",
    ),
    "its turn": (
        "Not sent: the bot began its answer anew.",
        "Không gửi: bot đã soạn lại câu trả lời.",
    ),
    "the first attempt": (
        "Not sent again: the first one arrived after all.",
        "Không gửi lại: tin đầu tiên cuối cùng đã đến.",
    ),
    "dismissed": (
        "A person looked at it and left it unsent.",
        "Đã có người xem và quyết định không gửi.",
    ),
    "withdrawn": ("It was taken back before it went.", "Tin đã được rút lại trước khi gửi."),
    "twice": (
        "The contact may have got it twice: the provider has it under two numbers.",
        "Khách có thể đã nhận hai lần: nhà cung cấp có hai bản của tin này.",
    ),
}
_BEGINNINGS = ("opted out", "taken over", "its turn", "the first attempt", "dismissed")
_AGAIN = re.compile(r"\s*It is said again as \S+\.$")
_CODED = re.compile(r"([A-Za-z0-9_]{1,20}): (.*)", re.DOTALL)


def trouble(message: Message, channel: type[Plugin] | None, language: Language) -> str:
    """What keeps, or kept, *message* from its contact, in a sentence with what helps; empty: nothing does.

    :param channel: the class of the message's channel, which knows the provider's codes.
    """
    if message.possible_duplicate:
        return _said("twice", language)
    case = _case(message)
    if not case:
        return ""
    again = _AGAIN.search(message.error) is not None
    why = _why(_AGAIN.sub("", message.error), channel, language)
    if case == "failed" and not why:
        case = "failed unexplained"
    sentence = _said(case, language).format(why=why).strip()
    return f"{sentence} {_said('again', language)}" if again else sentence


def code(message: Message) -> str:
    """The provider's code in a failure; empty: it gave none."""
    found = _CODED.match(message.error) if message.state == "failed" else None
    return found[1] if found is not None else ""


def _case(message: Message) -> str:
    match message.state:
        case "queued" if message.error.startswith("held until"):
            return "held"
        case "queued" if message.error:
            return "later"
        case "sending" if message.error:
            return "asking"
        case "failed" | "parked" | "expired":
            return message.state
        case "withdrawn":
            return next((start for start in _BEGINNINGS if message.error.startswith(start)), "withdrawn")
    return ""


def _why(error: str, channel: type[Plugin] | None, language: str) -> str:
    """The sentence behind the code, which is for whoever looks it up and is shown apart."""
    told = explained(error, channel, language)
    found = _CODED.match(told)
    sentence = found[2].strip() if found is not None else told.strip()
    return sentence if not sentence or sentence[-1] in ".!?…" else f"{sentence}."


def _said(case: str, language: Language) -> str:
    return _SENTENCES[case][1 if language == "vi" else 0]

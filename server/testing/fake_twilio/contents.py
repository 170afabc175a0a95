"""The Content API as far as a channel needs it: contents with their form and limits, and templates with their approval."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .messages import new_sid
from .validation import ApiError

MAX_BODY = 1024
_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_SID = re.compile(r"HX[0-9a-fA-F]{32}")
_KEYS = {"friendly_name", "language", "variables", "types"}


@dataclass(frozen=True)
class FakeContent:
    """One content. A *status* other than empty: it was submitted to WhatsApp, which said that."""

    sid: str
    account_sid: str
    types: dict[str, Any]
    language: str = "en"
    friendly_name: str = ""
    status: str = ""
    rejection_reason: str = ""

    @property
    def placeholders(self) -> set[str]:
        return set(_PLACEHOLDER.findall(json.dumps(self.types, ensure_ascii=False)))

    def to_json(self) -> dict[str, Any]:
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "friendly_name": self.friendly_name,
            "language": self.language,
            "variables": {},
            "types": self.types,
            "date_created": "2026-11-23T02:00:00Z",
            "date_updated": "2026-11-23T02:00:00Z",
            "url": f"https://content.twilio.com/v1/Content/{self.sid}",
            "links": {},
        }

    def approval(self) -> dict[str, Any]:
        whatsapp = {"status": self.status or "unsubmitted", "rejection_reason": self.rejection_reason, "name": ""}
        return {"sid": self.sid, "account_sid": self.account_sid, "whatsapp": whatsapp, "url": ""}


@dataclass
class Contents:
    """All there are. Of one that nobody added it is told that it is an approved `{{1}}`, unless `strict`."""

    strict: bool = False
    known: dict[str, FakeContent] = field(default_factory=dict)

    def add(self, account: str, body: dict[str, Any]) -> FakeContent:
        content = FakeContent(
            sid=new_sid("HX"),
            account_sid=account,
            types=body["types"],
            language=body["language"],
            friendly_name=body.get("friendly_name", ""),
        )
        self.known[content.sid] = content
        return content

    def template(self, account: str, body: str, *, status: str = "approved", rejection_reason: str = "") -> str:
        """A template of one text, with `{{1}}` for what changes; its ContentSid."""
        content = FakeContent(
            sid=new_sid("HX"),
            account_sid=account,
            types={"twilio/text": {"body": body}},
            status=status,
            rejection_reason=rejection_reason,
        )
        self.known[content.sid] = content
        return content.sid

    def get(self, account: str, sid: str) -> FakeContent | None:
        found = self.known.get(sid)
        if found is None and not self.strict and _SID.fullmatch(sid):
            return FakeContent(sid, account, {"twilio/text": {"body": "{{1}}"}}, status="approved")
        return found if found is not None and found.account_sid == account else None

    def text_of(self, sid: str) -> str:
        """The text above buttons or a list, which a message of theirs has as its body."""
        types = self.known[sid].types if sid in self.known else {}
        shown = types.get("twilio/quick-reply") or types.get("twilio/list-picker")
        return str(shown["body"]) if shown else ""

    def choices_of(self, sid: str) -> list[str]:
        """What a phone shows below that text: titles, with their descriptions in brackets."""
        types = self.known[sid].types if sid in self.known else {}
        buttons = [each["title"] for each in types.get("twilio/quick-reply", {}).get("actions", ())]
        rows = types.get("twilio/list-picker", {}).get("items", ())
        # A row without a description of its own has its title there.
        described = ("" if row["description"] == row["item"] else f" ({row['description']})" for row in rows)
        return buttons + [f"{row['item']}{more}" for row, more in zip(rows, described, strict=True)]

    def check(self, account: str, given: dict[str, str]) -> None:
        """Raise the ApiError with which Twilio answers a message of a content that it does not have, or not so."""
        if "ContentSid" not in given or (given["ContentSid"] not in self.known and not self.strict):
            return
        content = self.get(account, given["ContentSid"])
        if content is None:
            raise ApiError(404, 21655, "The ContentSid does not exist")
        variables = json.loads(given.get("ContentVariables") or "{}")
        if missing := content.placeholders - set(variables):
            raise ApiError(400, 21656, f"The Content Variables Parameter is invalid: {sorted(missing)} missing")


def check_content(body: Any) -> None:
    """Raise the ApiError for what is no content of a kind that is known here."""
    if not isinstance(body, dict) or not isinstance(body.get("types"), dict) or not body["types"]:
        raise ApiError(400, 20001, "types is missing")
    if unknown := set(body) - _KEYS:
        raise ApiError(400, 20001, f"unknown keys {sorted(unknown)}")
    if not re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2})?", str(body.get("language", ""))):
        raise ApiError(400, 20001, "language is missing or is no code")
    for kind, content in body["types"].items():
        judge = _KINDS.get(kind)
        if judge is None or not isinstance(content, dict) or not judge(content):
            raise ApiError(400, 20001, f"{kind} is unknown, or its content is not what it must be")


def _text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) and len(value) <= longest


def _quick_reply(content: dict[str, Any]) -> bool:
    actions = content.get("actions")
    return (
        set(content) == {"body", "actions"}
        and _text(content["body"], MAX_BODY)
        and isinstance(actions, list)
        and 1 <= len(actions) <= 3
        and all(
            set(each) == {"type", "title", "id"}
            and each["type"] == "QUICK_REPLY"
            and _text(each["title"], 20)
            and _text(each["id"], 200)
            for each in actions
        )
        and len({each["id"] for each in actions}) == len(actions)
    )


def _list_picker(content: dict[str, Any]) -> bool:
    items = content.get("items")
    return (
        set(content) == {"body", "button", "items"}
        and _text(content["body"], MAX_BODY)
        and _text(content["button"], 20)
        and isinstance(items, list)
        and 1 <= len(items) <= 10
        and all(
            set(each) == {"id", "item", "description"}
            and _text(each["id"], 200)
            and _text(each["item"], 24)
            and _text(each["description"], 72)
            for each in items
        )
        and len({each["id"] for each in items}) == len(items)
    )


_KINDS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "twilio/text": lambda content: set(content) == {"body"} and _text(content["body"], 1600),
    "twilio/quick-reply": _quick_reply,
    "twilio/list-picker": _list_picker,
}

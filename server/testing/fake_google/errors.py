"""Errors as Google writes them (Calendar API: Handle API errors)."""

from __future__ import annotations

from typing import Any

from .faults import DOMAINS, MESSAGES


class Wrong(Exception):
    """A request that Calendar does not do. *location*: the parameter or header that is to blame."""

    def __init__(self, status: int, reason: str, message: str = "", *, location: str = "") -> None:
        self.status = status
        self.reason = reason
        self.message = message or MESSAGES.get(reason, reason)
        self.location = location
        super().__init__(f"{status} {reason}: {self.message}")

    def body(self) -> dict[str, Any]:
        """What is answered."""
        one = {"domain": DOMAINS.get(self.reason, "global"), "reason": self.reason, "message": self.message}
        if self.location:
            kind = "header" if self.location[0].isupper() else "parameter"
            one |= {"locationType": kind, "location": self.location}
        return {"error": {"code": self.status, "message": self.message, "errors": [one]}}


class Invalid(Wrong):
    """A request that is not as the discovery document says: a plugin that works well never sends one."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "invalid", message)


class TokenRefused(Exception):
    """What the token endpoint answers (RFC 6749, section 5.2)."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.status = status
        self.body = {"error": error, "error_description": description}

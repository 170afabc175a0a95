"""Who signs in, and what they may do. Pages: frontdesk.admin_ui; nothing here knows of a request."""

from .accounts import Accounts, NotSignedIn, Refused, TooManyAttempts
from .audit import Audit
from .principal import ROLES, Principal, Role, at_least

__all__ = [
    "ROLES",
    "Accounts",
    "Audit",
    "NotSignedIn",
    "Principal",
    "Refused",
    "Role",
    "TooManyAttempts",
    "at_least",
]

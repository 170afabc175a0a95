"""Who signs in, and what they may do. Pages: frontdesk.admin_ui; nothing here knows of a request."""

from .accounts import Accounts, NotSignedIn, Refused, TooManyAttempts
from .audit import Audit
from .links import INVITED, RESET, LinkEnded, Links
from .oidc import OpenIdConnect
from .principal import ROLES, Principal, Role, at_least
from .second_factor import SecondFactor

__all__ = [
    "INVITED",
    "RESET",
    "ROLES",
    "Accounts",
    "Audit",
    "LinkEnded",
    "Links",
    "NotSignedIn",
    "OpenIdConnect",
    "Principal",
    "Refused",
    "Role",
    "SecondFactor",
    "TooManyAttempts",
    "at_least",
]

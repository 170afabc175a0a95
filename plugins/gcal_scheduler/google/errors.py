"""What goes wrong at Google, and what follows from it.

Sources: Calendar API, Handle API errors; the error bodies' `reason`; RFC 6749 section 5.2 for the token endpoint.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from frontdesk import NeedsAttention, Refused, RetryLater

from .settings import PAGE

BUSY = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})
BUSY_SECONDS = 10.0
"""After a quota of requests a minute was used up."""
LIMIT_SECONDS = 900.0
"""After `quotaExceeded`: a limit of Calendar's own that may last for hours."""


class Unclear(RetryLater):
    """Nobody knows whether Google has done it: no answer, a broken one, or an error of its own."""


class Answered(Exception):
    """Google's answer is one that the caller knows what to do about: 404, 409, 410, 412."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


@contextmanager
def translated() -> Iterator[None]:
    """Raise the plugin API's exceptions, or Answered, in place of the SDK's. Nothing of Google's own texts is used: they may
    quote what was written."""
    import httplib2
    from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
    from googleapiclient.errors import Error, HttpError

    try:
        yield
    except HttpError as err:
        raise _answered(int(err.resp.status), _reason(err)) from err
    except RefreshError as err:
        raise _not_let_in(err) from err
    except TransportError as err:
        raise RetryLater(f"Google's token endpoint cannot be reached ({_cause(err)})", after=5) from err
    except GoogleAuthError as err:
        raise NeedsAttention(f"Google's library refuses the credentials ({type(err).__name__}); {PAGE}") from err
    except (httplib2.ServerNotFoundError, ConnectionRefusedError) as err:
        raise RetryLater(f"Google cannot be reached ({type(err).__name__})", after=5) from err
    except (TimeoutError, OSError, httplib2.HttpLib2Error, http.client.HTTPException, Error, ValueError) as err:
        raise Unclear(f"no usable answer from Google ({type(err).__name__})", after=5) from err


def _answered(status: int, reason: str) -> Exception:
    if status in (404, 409, 410, 412):
        return Answered(status, reason)
    if status >= 500:
        return Unclear(f"Google failed inside (HTTP {status})", after=5)
    if status == 429 or reason in BUSY:
        return RetryLater("Google's quota of requests a minute is used up", after=BUSY_SECONDS, slower=True)
    if reason == "quotaExceeded":
        return RetryLater("Google Calendar's usage limits are exceeded; that may last for hours", after=LIMIT_SECONDS)
    if status == 401:
        return NeedsAttention(f"Google does not accept the credentials any more; connect again ({PAGE})", code=reason)
    if status == 403:
        return NeedsAttention(_forbidden(reason), code=reason)
    return Refused(f"Google refused the request (HTTP {status} {reason})", code=reason)


def _forbidden(reason: str) -> str:
    match reason:
        case "accessNotConfigured":
            return f"the Google Calendar API is not enabled in the Google Cloud project; enable it ({PAGE})"
        case "insufficientPermissions":
            return f"the permission that was given is not enough; connect again and leave every box ticked ({PAGE})"
        case "requiredAccessLevel" | "forbidden":
            return "the calendar may be read and not written; share it with “Make changes to events”"
    return f"Google forbids it ({reason}); look how the calendar is shared ({PAGE})"


def _not_let_in(err: Any) -> Exception:
    """The token endpoint's answer. google-auth puts the words in front and the body behind."""
    body = next((each for each in err.args if isinstance(each, dict)), {})
    error = str(body.get("error", ""))
    if err.retryable:
        return RetryLater(f"Google gives no access token at the moment ({error or 'no reason given'})", after=5)
    match error:
        case "invalid_grant":
            what = (
                "Google does not accept the permission any more: it has expired, or was withdrawn, or the key of the "
                "service account was deleted (or this machine's clock is wrong)"
            )
            return NeedsAttention(f"{what}; connect again ({PAGE})", code=error)
        case "unauthorized_client":
            what = "the Workspace admin has not allowed the service account these scopes (domain-wide delegation)"
            return NeedsAttention(f"{what}; {PAGE} has the list", code=error)
        case "invalid_client":
            return NeedsAttention("Google does not know client_id, or client_secret is not its secret", code=error)
        case "":
            return RetryLater("the token endpoint gives no usable answer", after=5)
    return NeedsAttention(f"Google gives no access token ({error}); {PAGE}", code=error)


def _reason(err: Any) -> str:
    """Of the first of its errors; empty: it is none of Calendar's."""
    details = err.error_details
    first = details[0] if isinstance(details, list) and details else {}
    return str(first.get("reason", "")) if isinstance(first, dict) else ""


def _cause(err: BaseException) -> str:
    return type(err.args[0]).__name__ if err.args and isinstance(err.args[0], BaseException) else type(err).__name__

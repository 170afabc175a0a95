"""Twilio's error codes: what each means for us, and one sentence for whoever can mend it.

Twilio refines codes and advises against branching on single ones (Message resource, `error_code`): what counts is the
class, and a code that is not listed has one by default. Sources: Twilio's error dictionary, 63016, 63017, 63018, 63024,
63038, 21611 and 30036 from their own pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException

from frontdesk import MaybeSent, NeedsAttention, PluginError, Refused, RetryLater

from .catalogue import CATALOGUE, ErrorClass


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means. `after`: seconds to wait at least, of a retryable one; `slower`: the sender is to send less."""

    kind: ErrorClass
    sentence: str
    after: float = 1.0
    slower: bool = False


def meaning(code: int, status: int = 400) -> Meaning:
    """The meaning of an error code, by the HTTP status it came with if the code is not listed."""
    if listed := CATALOGUE.get(code):
        return Meaning(listed.kind, listed.english, listed.after, listed.slower)
    page = f"read https://www.twilio.com/docs/errors/{code}" if code > 999 else f"Twilio answered HTTP {status}"
    if status >= 500:
        return Meaning("ambiguous", f"Twilio failed inside ({page})")
    if status == 429:
        return Meaning("retryable", f"Twilio asks to slow down ({page})", slower=True)
    if status in (401, 403, 404) or 300 <= status < 400:
        return Meaning("operator", f"Twilio does not let this account in ({page}); check account, credentials and URL")
    return Meaning("permanent", f"Twilio does not take this message ({page})")


def mapped(code: int, status: int, *, sending: bool) -> PluginError:
    """The exception for Twilio's answer. Nothing of Twilio's own text is used: it quotes telephone numbers."""
    found = meaning(code, status)
    # Whatever the code says, a server error leaves open whether the message was taken.
    kind = "ambiguous" if status >= 500 else found.kind
    if kind == "ambiguous" and not sending:
        kind = "retryable"
    match kind:
        case "ambiguous":
            return MaybeSent(f"{code}: {found.sentence}")
        case "retryable":
            return RetryLater(f"{code}: {found.sentence}", after=found.after, slower=found.slower or status == 429)
        case "operator":
            return NeedsAttention(found.sentence, code=str(code))
        case _:
            return Refused(found.sentence, code=str(code), opted_out=kind == "opted_out")


@contextmanager
def translated(*, sending: bool) -> Iterator[None]:
    """Raise the core's exceptions in place of the SDK's. `sending`: a lost answer may hide an accepted message."""
    try:
        yield
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as err:
        raise RetryLater(f"Twilio cannot be reached ({type(err).__name__})") from err
    except (TwilioRestException, TwilioServiceException) as err:
        raise mapped(int(err.code or err.status), err.status, sending=sending) from err
    except TwilioException as err:
        # twilio.base.page raises its base class, with the response as second argument, for a page it did not get.
        status = getattr(err.args[-1], "status_code", 0) if err.args else 0
        raise mapped(status, status or 500, sending=sending) from err
    except (aiohttp.ClientError, TimeoutError, ValueError) as err:
        reason = f"no usable answer from Twilio ({type(err).__name__})"
        raise (MaybeSent(reason) if sending else RetryLater(reason)) from err

"""google-api-python-client, as calls that block: each in a thread, with a connection of its own.

httplib2's connections are not safe to share between threads, so each call takes one out of a pool (facts: the client's own
docs, Thread safety). The service object is: it only builds requests.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from frontdesk import RetryLater

from .errors import Unclear, translated

SCOPES = ("https://www.googleapis.com/auth/calendar.events", "https://www.googleapis.com/auth/calendar.freebusy")
"""Events of the calendars it may use, and when calendars are taken; neither the calendars themselves nor who has access."""
POOL = 8
"""Idle connections that are kept."""


class Client:
    """Of one account; shared by all who use it. Every method blocks."""

    def __init__(self, credentials: Any, api_url: str, seconds: float) -> None:
        """Takes a fifth of a second to import and to make. *seconds*: of every wait for the socket."""
        from googleapiclient.discovery import build

        self._credentials = credentials
        self._seconds = seconds
        self._idle: deque[Any] = deque()
        self._refreshing = threading.Lock()
        self._service = build(
            "calendar",
            "v3",
            http=self._connection(),
            client_options={"api_endpoint": f"{api_url}/calendar/v3/"},
            static_discovery=True,
            cache_discovery=False,
        )

    def call(self, make: Callable[[Any], Any], if_match: str = "") -> Any:
        """What Google answers to the request that *make* makes of the service; tried once.

        Raises RetryLater, Unclear, NeedsAttention, Refused, Answered.
        """
        from google_auth_httplib2 import AuthorizedHttp

        request = make(self._service)
        if if_match:
            request.headers["If-Match"] = if_match
        connection = self._idle.popleft() if self._idle else self._connection()
        try:
            with translated():
                self._refresh(connection)
                answer = request.execute(http=AuthorizedHttp(self._credentials, http=connection), num_retries=0)
        except BaseException:
            connection.close()
            raise
        if isinstance(answer, str | bytes) and answer:  # no JSON: the SDK hands it on as it is
            connection.close()
            raise Unclear("no usable answer from Google (no JSON)", after=5)
        if len(self._idle) < POOL:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def close(self) -> None:
        while self._idle:
            self._idle.popleft().close()

    def _refresh(self, connection: Any) -> None:
        """One thread gets a new access token for all."""
        from google_auth_httplib2 import Request

        if self._credentials.valid:
            return
        with self._refreshing:
            if not self._credentials.valid:
                try:
                    self._credentials.refresh(Request(connection))
                except (
                    TypeError,
                    KeyError,
                    AttributeError,
                ) as err:  # google-auth believes whatever comes with HTTP 200
                    raise RetryLater("Google's token endpoint gives no usable answer", after=5) from err

    def _connection(self) -> Any:
        import httplib2

        made = httplib2.Http(timeout=self._seconds)
        made.follow_redirects = False
        return made


def of_service_account(text: str, subject: str) -> Any:
    """Credentials by the text of a key file. Raises ValueError: it is none."""
    from google.oauth2.service_account import Credentials

    key = json.loads(text)
    if not isinstance(key, dict):
        raise ValueError("no JSON object")
    make: Any = Credentials.from_service_account_info  # google-auth's types do not say what it takes
    return make(key, scopes=list(SCOPES), subject=subject or None)


def of_person(refresh_token: str, client_id: str, client_secret: str, token_url: str) -> Any:
    """Credentials of somebody who has said yes."""
    from google.oauth2.credentials import Credentials

    make: Any = Credentials
    return make(
        None, refresh_token=refresh_token, token_uri=token_url, client_id=client_id, client_secret=client_secret
    )

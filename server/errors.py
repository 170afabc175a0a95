"""What a plugin raises, one class for each thing that can be done about it; and what the core makes of the rest.

The texts of NeedsAttention and WebhookRefused go into the log: no personal data in them. Of every other error the log has
the kind and the place (blame.py).
"""

from __future__ import annotations


class PluginError(Exception):
    """Base of what a plugin may raise on purpose; anything else counts as a defect of the plugin."""


MAX_AFTER = 366 * 86400.0


class RetryLater(PluginError):
    """The vendor is busy or away: the same call may succeed after `after` seconds. Nothing was done.

    *slower*, of a channel: because too much was sent at once; the sender's rate is lowered for a while.

    Raises ValueError unless *after* is a number of seconds from 0 to a year.
    """

    def __init__(self, reason: str, *, after: float = 1.0, slower: bool = False) -> None:
        if not 0 <= after <= MAX_AFTER:  # nan is not, either
            raise ValueError(f"RetryLater: after={after!r}; write seconds from 0 to {MAX_AFTER:g}")
        super().__init__(reason)
        self.reason = reason
        self.after = after
        self.slower = slower


class CeilingReached(RetryLater):
    """The tenant's spending ceiling of the day has no room for a call of a model: a cheaper one may have."""


class NeedsAttention(PluginError):
    """A person must act (bad credentials, a missing permission); `what` is told to the operator."""

    def __init__(self, what: str, *, code: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.code = code


class Refused(PluginError):
    """It will not be done, now or later. A tool's reason is told to the model, a channel's to the operator.

    *opted_out*, of a channel: because the contact wants no more messages.
    """

    def __init__(self, reason: str, *, code: str = "", opted_out: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.opted_out = opted_out


class MaybeSent(PluginError):
    """A channel cannot tell whether the provider took the message: `find_sent` will be asked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WebhookRefused(PluginError):
    """A webhook request that is not accepted: answered with `status` and an empty body, logged with the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class HookFailed(Exception):
    """A plugin's hook failed: a defect, a missed deadline, nonsense, or its breaker is open. Says whose,
    and nothing that the plugin said."""

    def __init__(self, tenant: str, plugin: str, hook: str, reason: str, *, ran: bool = True) -> None:
        super().__init__(f"tenant {tenant}: plugin {plugin}: {hook}: {reason}")
        self.ran = ran
        """False: the plugin's code was not called at all."""
        self.tenant = tenant
        self.plugin = plugin
        self.hook = hook
        self.reason = reason


class StartupError(Exception):
    """Stops the start with one message and no traceback: what, where, and what would be right."""

"""Tells an event to every plugin that listens, once each: who could not be told is told again by a task."""

from __future__ import annotations

from typing import Any

from . import dispatch
from .errors import PluginError, RetryLater


async def tell(hooks: tuple[dispatch.BoundHook, ...], heard: list[str], /, **event: Any) -> RetryLater | None:
    """Tell *event* to each of *hooks* that is not in *heard* (`plugin.hook`); who takes it is added to *heard*.

    None: everyone has heard it. Else why somebody could not be told, and after how many seconds to try again.
    """
    missed: RetryLater | None = None
    for bound in hooks:
        name = f"{bound.label.plugin}.{bound.label.hook}"
        if name in heard:
            continue
        try:
            await dispatch.call(bound, **event)
        except RetryLater as err:
            dispatch.passed_over(bound, err)
            missed = RetryLater(err.reason, after=max(err.after, missed.after if missed else 1.0))
            continue
        except dispatch.HookFailed as err:
            missed = RetryLater(str(err), after=missed.after if missed else 1.0)
            continue
        except PluginError as err:
            # Refused or NeedsAttention: told, and to be told again would change nothing.
            dispatch.passed_over(bound, err)
        heard.append(name)
    return missed

"""What the server does again and again, whatever goes wrong in one round."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVarTuple

import structlog

from .clock import Clock
from .store import StoreError

log = structlog.get_logger(__name__)

Ts = TypeVarTuple("Ts")

BROKEN_PAUSE = 1.0
"""How long it rests after an error nobody foresaw (seconds)."""


async def forever(clock: Clock, step: Callable[[*Ts], Awaitable[None]], *arguments: *Ts) -> NoReturn:
    """Repeat `step(*arguments)` until cancelled by its owner: after an error, too, and after a cancellation that came from
    within (a plugin's code cancels something of its own and awaits it)."""
    task = asyncio.current_task()
    assert task is not None
    while True:
        cancelled_before = task.cancelling()
        try:
            await step(*arguments)
            continue
        except StoreError as err:
            log.warning("store_away", reason=str(err), kind=step.__name__)
        except asyncio.CancelledError:
            if task.cancelling() > cancelled_before:
                raise
            log.exception("loop_failed", step=step.__name__)
        except Exception:
            # A queue that is away, or a defect of ours: a loop that ended here would leave everybody alone.
            log.exception("loop_failed", step=step.__name__)
        await clock.sleep(BROKEN_PAUSE)

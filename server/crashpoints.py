"""Named steps between which a process may die; the crash tests kill it at each of them.

In production nothing is armed and `reached` is one look at an empty variable. `FRONTDESK_CRASH_AT=name` (or `name:n`, the
n-th time) makes the process kill itself (SIGKILL) there; `FRONTDESK_FREEZE_AT` stops it there (SIGSTOP).
"""

from __future__ import annotations

import os
import signal

POINTS: dict[str, str] = {
    "inbox.received": "the webhook is verified, nothing is written",
    "inbox.message_written": "the message is stored (in SQLite: with its conversation and due row)",
    "inbox.stored": "message, conversation and due row are stored; the webhook is not answered",
    "turn.leased": "the turn holds the conversation",
    "turn.opened": "the turn document is there",
    "turn.thought": "the model answered, nothing of it is written",
    "hear.pending": "a voice note is marked as being put into words, the task that does it is not written",
    "hear.worded": "its words are written, the turn that waits for them is not woken",
    "deed.intended": "the deed's intent is journalled, the deed has not run",
    "deed.ran": "the deed ran, its result is not journalled",
    "deed.journalled": "the deed's result is journalled",
    "days.taken": "a resource's time is taken on one day; of two days that a visit spans the other may follow",
    "record.announced": "the task that tells of a lead's or an appointment's change is there, the change is not written",
    "record.written": "a lead or an appointment has changed, nothing that follows is written",
    "turn.proposed": "the outbound messages are written as proposed (in SQLite: when the conversation has changed)",
    "turn.committed": "the conversation adopted them, nothing that follows is written",
    "turn.lane_due": "the outbound messages have their places, the inbound ones are answered, the lane's due row is there",
    "turn.released": "the lease is released, the due row is still there",
    "turn.parked": "the conversation was handed off, nothing that follows is written",
    "outbox.leased": "the lane is held",
    "outbox.intended": "the intent to send is on disk, nothing is sent",
    "outbox.sent": "the provider took the message, its id is not written",
    "outbox.accepted": "the provider's id is written",
    "outbox.released": "the lane is released, its due row is still there",
    "store.between_writes": "of writes that belong together some are written (DocumentDB only: SQLite commits them at once)",
    "erase.marked": "the conversation is marked as being erased, nothing is deleted",
    "erase.message": "the provider has deleted a message, the store has it yet",
    "erase.emptied": "all of a contact is deleted but the conversations",
    "status.received": "a status callback is verified, nothing is written",
}

_armed: dict[str, int] = {}
_signals: dict[str, signal.Signals] = {}


def arm(environment: dict[str, str] | os._Environ[str]) -> None:
    """Read what is to happen where. Raises ValueError for a name that is no point."""
    for variable, sent in (("FRONTDESK_CRASH_AT", signal.SIGKILL), ("FRONTDESK_FREEZE_AT", signal.SIGSTOP)):
        name, _, count = environment.get(variable, "").partition(":")
        if name:
            if name not in POINTS:
                raise ValueError(f"{variable}={name}: no such point; there are {', '.join(POINTS)}")
            if count and not (count.isascii() and count.isdigit() and int(count)):
                raise ValueError(f"{variable}={name}:{count}: after the colon stands the how-manieth time, from 1")
            _armed[name] = int(count or 1)
            _signals[name] = sent


def reached(name: str) -> None:
    """The process is at this point now."""
    if _armed and name in _armed:
        _armed[name] -= 1
        if _armed[name] == 0:
            os.kill(os.getpid(), _signals[name])

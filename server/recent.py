"""Conversations as this process saw them last: what a change is tried on first, unread."""

from __future__ import annotations

from .model import Conversation

MOST = 2048
"""How many are kept before the older ones are let go of."""


class Recent:
    """A first guess at a conversation, which a compare-and-set shows to be right or wrong. No decision rests on it: any
    process may have changed the conversation since, or erased it.

    What was not seen between two calls of `age` is let go of, so that nothing is held for an idle conversation.
    """

    def __init__(self) -> None:
        self._young: dict[tuple[str, str], Conversation] = {}
        self._old: dict[tuple[str, str], Conversation] = {}

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def get(self, tenant: str, id: str) -> Conversation | None:
        """The conversation as it was; None: it was not seen lately."""
        return self._young.get((tenant, id)) or self._old.get((tenant, id))

    def saw(self, tenant: str, conversation: Conversation) -> None:
        """It was just read, or written so."""
        self._young[tenant, conversation.id] = conversation
        if len(self._young) >= MOST:
            self.age()

    def forget(self, tenant: str, id: str) -> None:
        """It is not what it was: the next look reads it."""
        self._young.pop((tenant, id), None)
        self._old.pop((tenant, id), None)

    def age(self) -> None:
        """Called now and then; twice without a look in between, and a conversation is forgotten."""
        self._old, self._young = self._young, {}

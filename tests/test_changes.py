"""Whoever shows a conversation hears that it may have changed."""

from __future__ import annotations

from frontdesk.changes import Changes


async def test_who_watches_a_conversation_is_told_of_it_and_of_no_other() -> None:
    changes = Changes()
    async with changes.watch("clinic", "lan") as lan, changes.watch("clinic", "hoa") as hoa:
        changes.announce("clinic", "lan")
        changes.announce("school", "hoa")
        assert lan.is_set() and not hoa.is_set()


async def test_everybody_who_watches_one_conversation_is_told_until_they_leave() -> None:
    changes = Changes()
    async with changes.watch("clinic", "lan") as first:
        async with changes.watch("clinic", "lan") as second:
            pass
        changes.announce("clinic", "lan")
        assert first.is_set() and not second.is_set()


async def test_what_another_process_did_is_told_to_all() -> None:
    changes = Changes()
    async with changes.watch("clinic", "lan") as lan, changes.watch("school", "hoa") as hoa:
        changes.announce_all()
        assert lan.is_set() and hoa.is_set()

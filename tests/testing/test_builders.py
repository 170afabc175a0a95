"""A tenant that looks lived in is the same each time, and what is in it can be read by those who serve it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from frontdesk.services.timeline import timeline
from frontdesk.services.timeline_words import words
from frontdesk.store.collections import APPOINTMENTS, CONVERSATIONS, LEADS, MESSAGES
from frontdesk.testing.builders import SPECIAL, fill


async def test_a_filled_tenant_has_something_of_everything(desk: Any) -> None:
    async with desk() as server:
        core, repository = server.server, server.repository()
        filled = await fill(core.store, core.people, "clinic", 60, language="en")
        assert set(filled.special) == set(SPECIAL) - {""}
        found = await repository.find(CONVERSATIONS, {}, order_by="last_inbound_at", descending=True)
        assert len(found) == 60
        assert {each.owner for each in found} == {"bot", "nobody", "operator:minh"}
        messages = await repository.find(MESSAGES, {}, limit=1000)
        assert {"text", "voice", "image", "document", "location", "template"} <= {each.kind for each in messages}
        assert {"failed", "parked", "received", "read"} <= {each.state for each in messages}
        assert len(await core.parked.list("clinic")) >= 2
        assert Counter(each.temperature for each in await repository.find(LEADS, {})).keys() == {"hot", "warm", "cold"}
        assert len(await repository.find(APPOINTMENTS, {})) == len(filled.appointments) > 10
        told = await timeline(repository, filled.special["voice"])
        assert told is not None
        for language in ("en", "vi"):
            assert not [step for step in told.steps if "–" in words(step, language)]  # nothing is missing in a sentence
        again = await fill(core.store, core.people, "clinic", 60, language="en")
        assert again.conversations == filled.conversations

"""The plugin of the crash tests: a model whose answers can be counted, and deeds that change a world outside.

It repeats the ids of the messages it answers (`Echo m1 m2`). A message asks for more by its first word: `book m3` does a
deed (one line in the journal file), `extras m4` sends two identical texts, a template and a picture, `dark m5` makes the
model fail while the file `dark` is there, `slow m6` makes it think for 2.5 s unless the file `hurry` is there.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from frontdesk import (
    ModelReply,
    ModelRequest,
    Plugin,
    Refused,
    Settings,
    Template,
    ToolCall,
    ToolContext,
    hookimpl,
    tool,
)

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
PUT_OFF = "nothing was done"
"""How the core begins what it says of calls beyond the tenth (turn/think.py): after a hand-back there may be that many."""
_ASKED = re.compile(r"\b(book|extras|dark|slow|say)? ?(m\d+x\d+)\b")


class ParrotSettings(Settings):
    """Where the world outside is."""

    world: str
    """A folder: `journal.jsonl` has a line for every deed that was done."""


class Parrot(Plugin):
    """Repeats, books, and counts."""

    settings: ParrotSettings

    @hookimpl
    async def think(self, request: ModelRequest) -> ModelReply:
        """Tools for what is asked and not done yet, then the echo."""
        if request.question:
            return ModelReply(text="They asked for this and that.", model="parrot")
        # By what was asked for, not by the call: a turn that a person interrupted is told under ids of its own.
        results = [result for message in request.messages for result in message.tool_results]
        put_off = {result.id for result in results if result.error and result.content.startswith(PUT_OFF)}
        put_off -= {result.id for result in results if not result.error}
        calls_made = [call for message in request.messages for call in message.tool_calls]
        done = {call.arguments["what"] for call in calls_made if call.id not in put_off}
        asked = _ASKED.findall(_last_words(request))
        if any(word == "dark" for word, _ in asked) and (Path(self.settings.world) / "dark").exists():
            raise Refused("it is dark")
        if any(word == "slow" for word, _ in asked) and not (Path(self.settings.world) / "hurry").exists():
            await self.clock.sleep(2.5)
        names = {"book": "make_booking", "extras": "send_extras"}
        calls = tuple(
            ToolCall(id=f"call-{id}", name=names[word], arguments={"what": id})
            for word, id in asked
            if word in names and id not in done
        )
        if calls:
            return ModelReply(tool_calls=calls, model="parrot")
        return ModelReply(text="Echo " + " ".join(id for _, id in asked), model="parrot")

    @tool(deed=True, lookup="find_booking")
    async def make_booking(self, what: str, context: ToolContext) -> str:
        """Book something in the world outside."""
        line = json.dumps({"what": what, "key": context.key, "conversation": context.conversation.id})
        with self._journal().open("a", encoding="utf-8") as journal:
            journal.write(line + "\n")
            journal.flush()
            os.fsync(journal.fileno())
        return f"{what} is booked."

    async def find_booking(self, what: str, context: ToolContext) -> str | None:
        """Whether the deed with this key is in the journal."""
        if not self._journal().exists():
            return None
        lines = self._journal().read_text("utf-8").splitlines()
        return f"{what} is booked." if any(json.loads(line)["key"] == context.key for line in lines) else None

    @tool(deed=True, repeatable=True)
    async def send_extras(self, what: str, context: ToolContext) -> str:
        """Send two identical texts, a template and a picture."""
        conversation = context.conversation.id
        picture = await self.media.put(PNG, "image/png")
        template = Template(id="HX" + "0" * 32, variables={"1": what})
        for ordinal in ("first", "second"):
            await self.conversations.send(conversation, f"{what}-{ordinal}", f"Same words {what}")
        await self.conversations.send(conversation, f"{what}-template", f"Template {what}", template=template)
        await self.conversations.send(conversation, f"{what}-picture", f"Picture {what}", media=[picture])
        return "Sent."

    def _journal(self) -> Path:
        return Path(self.settings.world) / "journal.jsonl"


def _last_words(request: ModelRequest) -> str:
    """What the contact wrote since the last answer."""
    words: list[str] = []
    for message in reversed(request.messages):
        if message.role == "assistant" and not message.tool_calls:
            break
        words.insert(0, message.text)
    return "\n".join(words)

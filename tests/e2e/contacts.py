"""What contacts write to a parrot (plugins/parrot.py) while servers are killed or frozen, and what came of it, counted."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from frontdesk.model import OPERATOR, Message, Turn
from frontdesk.store import Store
from frontdesk.store.collections import CONVERSATIONS, MESSAGES, TURNS
from frontdesk.testing.fake_twilio import FAILED, FakeTwilio, InboundSpec
from frontdesk.testing.nursery import nursery
from frontdesk.testing.process import ServerProcess

TENANT = "school"
NUMBER = "whatsapp:+14155238886"
TEMPLATE = "HX" + "0" * 32
"""The parrot's."""
MESSAGE_ID = re.compile(r"m\d+x\d+")
QUICK = {
    "sdk_timeout": 1.0,
    "hook_deadline": 6.0,
    "send_timeout": 1.2,
    "think_deadline": 3.0,
    "transcribe_deadline": 3.0,
    "turn_deadline": 8.0,
    "supersede_until": 3.0,
    "conversation_lease": 2.0,
    "sweep_every": 0.2,
    "store_wait": 3.0,
    "readiness_off": 0.1,
    "balancer_detection": 0.1,
    "graceful_stop": 10.0,
    "supervisor_kill": 15.0,
}
"""A table of times in which a crash is repaired within seconds, and a busy machine misses no deadline."""
UNHURRIED = {**QUICK, "hook_deadline": 20.0, "turn_deadline": 40.0, "graceful_stop": 45.0, "supervisor_kill": 50.0}
"""The same where much goes on: a turn that misses its deadline ends without a model, rightly, and would count as lost."""
SETTLE = {"quiet_seconds": 0.1, "fragment_seconds": 0.1, "media_seconds": 0.1, "cap_seconds": 0.5}
PROGRAMS = {"answers_in_two_minutes": 1000, "answers_in_an_hour": 10_000, "answers_in_a_day": 100_000}
"""Limits of a tenant whose contacts are programs and write as such."""
MEETING = "inbox.message_written"
"""Reached only where messages of one contact meet: two change the conversation at once."""
DELIVERY_PATIENCE = 60.0
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def parrot_tenant(folder: Path) -> dict[str, Any]:
    """A tenant whose model repeats the ids of the messages it answers, and whose deeds change *folder*."""
    return {
        "name": "Trung tâm Hoa Sen",
        "time_zone": "Asia/Ho_Chi_Minh",
        "language": "vi",
        "settle": SETTLE,
        "limits": PROGRAMS,
        "plugins": [{"parrot": {"world": str(folder)}}],
    }


def contact(number: int) -> str:
    return f"whatsapp:+849{number:08d}"


def echoed(twilio: FakeTwilio) -> Counter[str]:
    """How often each message was repeated to its contact by the parrot."""
    bodies = [message.body for message in twilio.sent if message.body.startswith("Echo")]
    return Counter(id for body in bodies for id in MESSAGE_ID.findall(body))


@dataclass
class Count:
    """What was counted."""

    accepted: int = 0
    deeds: int = 0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)
    possible_duplicates: list[str] = field(default_factory=list)
    """Outbound messages of which the server knows that they may have been sent twice."""
    not_reached: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    left_due: int = 0

    @property
    def wrong(self) -> bool:
        return bool(self.lost or self.twice or self.out_of_order)

    def __str__(self) -> str:
        return "\n".join(
            [
                f"messages accepted {self.accepted}, deeds {self.deeds}",
                f"lost {len(self.lost)} {self.lost[:10]}",
                f"twice {len(self.twice)} {self.twice[:10]}",
                f"out of order {len(self.out_of_order)} {self.out_of_order[:10]}",
                f"parked {len(self.parked)} {self.parked[:10]}, "
                f"possible duplicates {len(self.possible_duplicates)} {self.possible_duplicates[:10]}",
                f"points not reached {self.not_reached}, due rows left {self.left_due}, "
                f"protocol violations {len(self.violations)} {self.violations[:5]}",
            ]
        )


class Contacts:
    """*people* who write to the servers at *hooks*; Twilio tries again, at any of them, what was not answered 204.

    *read_timeout*: how long it waits for an answer (seconds; Twilio's own default is 15, `#rt=` makes it less).
    """

    def __init__(
        self,
        twilio: FakeTwilio,
        folder: Path,
        hooks: Sequence[str],
        people: int,
        chance: random.Random,
        read_timeout: float = 15.0,
    ) -> None:
        self.twilio = twilio
        self.people = people
        self.expected: dict[str, str] = {}
        """Message id → its first word."""
        self.accepted = 0
        self._folder = folder
        self._hooks = hooks
        self._random = chance
        self._read_timeout = read_timeout
        self._written: Counter[int] = Counter()
        self._left_to_a_person: set[str] = set()
        """Ids of messages of which less may have come than was asked for: a person took over."""

    @property
    def dark(self) -> Path:
        """While this file is there, the model fails for whoever writes `dark`."""
        return self._folder / "dark"

    @property
    def hurry(self) -> Path:
        """While this file is there, the model thinks no longer for whoever writes `slow`."""
        return self._folder / "hurry"

    async def write(self, number: int, point: str, extras: bool = False) -> None:
        """A contact's messages before *point*: two at once in either order, some of them delivered twice.

        *extras*: they ask for the two identical texts, the template and the picture in any case.
        """
        words = self._words(point)
        specs = [
            self._spec(number, word) for word in (*words, *(["extras"] if extras and "extras" not in words else []))
        ]
        self._random.shuffle(specs)
        pause = 0.0 if point == MEETING else 0.5
        await asyncio.gather(*(self._deliver(spec, self._random.random() * pause) for spec in specs))

    async def insist(self, number: int) -> None:
        """A question over which the parrot thinks for 2.5 s, and words that come one after the other until then: some meet
        the end of the turn, after the last renewal of its lease."""
        slow = [self._deliver(self._spec(number, "slow"), 0.0)]
        await asyncio.gather(*slow, *(self._deliver(self._spec(number, "say"), 1.2 + 0.2 * step) for step in range(8)))

    async def say(self, number: int, word: str = "say") -> str:
        """One message of a contact, once it was taken; its id."""
        spec = self._spec(number, word)
        await self._deliver(spec, 0.0)
        return spec.body.partition(" ")[2]

    async def show(self, number: int) -> None:
        """A picture with a message below it."""
        spec = self._spec(number, "say")
        await self._deliver(replace(spec, kind="image", content=PICTURE, content_type="image/png"), 0.0)

    def _words(self, point: str) -> list[str]:
        if point == MEETING:
            return ["say", "say", "book"]
        words = ["book" if point.startswith("deed") else self._random.choice(("say", "say", "book"))]
        if self._random.random() < 0.15:
            words.append("extras")
        elif self._random.random() < 0.3:
            words.append("say")
        return words

    def _spec(self, number: int, word: str) -> InboundSpec:
        self._written[number] += 1
        id = f"m{number}x{self._written[number]}"
        self.expected[id] = word
        return InboundSpec(body=f"{word} {id}", from_=contact(number), to=NUMBER, name="Lan")

    async def _deliver(self, spec: InboundSpec, pause: float) -> None:
        await asyncio.sleep(pause)
        form = self.twilio.compose(spec)
        async with asyncio.timeout(DELIVERY_PATIENCE):
            while not await self._taken(form):
                await asyncio.sleep(0.2)
        self.accepted += 1
        if self._random.random() < 0.2:
            await self._taken(form)

    async def _taken(self, form: list[tuple[str, str]]) -> bool:
        try:
            async with asyncio.timeout(self._read_timeout):
                answer = await self.twilio.post(self._random.choice(self._hooks), form)
        except TimeoutError:
            return False
        return answer.status == 204

    async def count(self, store: Store, count: Count, said: Sequence[str] = ()) -> None:
        """Fill *count* from the store, from what Twilio took and from the world outside. *said*: by an operator."""
        count.left_due = len(await store.due.claim_next(["turn", "lane"], store.now(), store.now(), 100))
        repository = store.for_tenant(TENANT)
        for conversation in await repository.find(CONVERSATIONS, {}, limit=1000):
            where = {"conversation": conversation.id}
            messages = await repository.find(MESSAGES, where, order_by="at", limit=1000)
            self._count_conversation(messages, count)
            self._left_to_a_person |= _left_to_a_person(
                messages, await repository.find(TURNS, where, order_by="no", limit=1000)
            )
        self._count_said(count)
        bodies = Counter(message.body for message in self.twilio.sent)
        for text in said:
            _judge(count, text, bodies[text], 1)
        self._count_deeds(count)
        count.accepted = self.accepted
        count.violations = list(self.twilio.violations)

    def _count_conversation(self, messages: list[Message], count: Count) -> None:
        """Order: what Twilio took is in the order of the places; what was answered, in the order in which it came."""
        taken = {message.sid: place for place, message in enumerate(self.twilio.sent)}
        out = sorted((m for m in messages if m.direction == "outbound" and m.place), key=lambda m: m.place)
        seen = [taken[m.provider_id] for m in out if m.provider_id in taken]
        if seen != sorted(seen):
            count.out_of_order.append(messages[0].conversation)
        count.parked += [m.id for m in messages if m.state == "parked"]
        count.possible_duplicates += [m.id for m in messages if m.possible_duplicate]
        echoes = [id for m in out if m.text.startswith("Echo") and m.provider_id for id in MESSAGE_ID.findall(m.text)]
        came = [MESSAGE_ID.findall(m.text)[0] for m in messages if m.direction == "inbound"]
        if [id for id in came if id in echoes] != echoes:
            count.out_of_order.append(f"{messages[0].conversation}: answers")

    def _count_said(self, count: Count) -> None:
        """Every message's echo reached its contact once; the extras as often as they were meant to."""
        said = Counter(message.body for message in self.twilio.sent)
        # A picture that Twilio could not fetch from a dead server is said again.
        failed = Counter(message.body for message in self.twilio.sent if message.status in FAILED)
        echoes = echoed(self.twilio)
        for id, word in self.expected.items():
            _judge(count, id, echoes[id], self._at_least(id, 1), 1)
            if word == "extras":
                sent = f"extras {id}"
                _judge(count, f"same words {id}", said[f"Same words {id}"], self._at_least(sent, 2), 2)
                picture = f"Picture {id}"
                _judge(count, f"picture {id}", said[picture], self._at_least(sent, 1), 1 + failed[picture])
                if f"parrot-{id}-template" not in count.parked:
                    templates = sum(f'"{id}"' in message.content_variables for message in self.twilio.sent)
                    _judge(count, f"template {id}", templates, self._at_least(sent, 1), 1)

    def _count_deeds(self, count: Count) -> None:
        path = self._folder / "journal.jsonl"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        done = Counter(json.loads(line)["what"] for line in lines)
        count.deeds = done.total()
        for id, word in self.expected.items():
            if word == "book":
                _judge(count, f"deed {id}", done[id], self._at_least(f"deed {id}", 1), 1)

    def _at_least(self, what: str, right: int) -> int:
        return 0 if what in self._left_to_a_person else right


def _left_to_a_person(messages: Sequence[Message], turns: Sequence[Turn]) -> set[str]:
    """`ID`: an operator answered it; `deed ID`, `extras ID`: a take-over cut these off, or it was the operator's."""
    left: set[str] = set()
    asked = {m.id: MESSAGE_ID.findall(m.text)[0] for m in messages if m.direction == "inbound"}
    spoke = max((m.place for m in messages if m.author.startswith(OPERATOR)), default=0)
    silenced = {m.turn for m in messages if m.turn and m.state == "withdrawn" and 0 < m.place < spoke}
    for message in messages:
        if message.id in asked and (message.turn.startswith(OPERATOR) or message.turn in silenced):
            id = asked[message.id]
            left |= {id, f"deed {id}", f"extras {id}"}
        if message.author.startswith("plugin:") and message.state == "withdrawn":
            left |= {f"extras {id}" for id in MESSAGE_ID.findall(message.text)}
    for turn in turns:
        if turn.state == "withdrawn" and turn.deeds:
            left |= {f"{what} {asked[id]}" for id in turn.read for what in ("deed", "extras")}
    return left


def _judge(count: Count, what: str, found: int, least: int, most: int | None = None) -> None:
    """*found* is to be at least *least* and at most *most* (without it: *least*)."""
    if found < least:
        count.lost.append(what)
    elif found > (least if most is None else most):
        count.twice.append(what)


async def replay_parked(server: ServerProcess) -> None:
    """Turns that were parked for want of a model are started again by hand, as an operator does.

    Not the messages that may have been sent: an operator would look into Twilio's log first.
    """
    environment = {**os.environ, **server.environment}
    command = ("parked", "replay", "--all", "--file", str(server.file))
    ended = await asyncio.to_thread(lambda: nursery().run(*command, folder=server.folder, environment=environment))
    if ended.returncode:
        raise RuntimeError(f"`frontdesk parked replay --all` failed: {ended.stderr}")

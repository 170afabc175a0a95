"""Takes a conversation up, sees whether there is anything to answer, and runs the turn to one of its ends."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from .. import dispatch, leases, mind, settle
from ..clock import Clock
from ..crashpoints import reached
from ..leases import ConversationGone, Held, LeaseLost
from ..media import MediaStore
from ..model import BOT, Contact, Conversation, Due, Message, Turn
from ..queue import Queue, Wake
from ..runtime import Runtime, Runtimes, UnknownTenant
from ..store import Repository, Store
from ..store.collections import CONTACTS, MESSAGES, TURNS
from ..tasks import Owner
from ..work import Again, Finished, Outcome, Taken
from . import commit as ending
from . import deeds
from .hear import hear
from .state import Draft, NoAnswer, OwnerChanged, Superseded, TurnMoved, Work
from .think import think

log = structlog.get_logger(__name__)

UNANSWERED = 50
"""The most inbound messages that one turn answers."""
ATTEMPTS = 5
"""How often a turn is taken up after crashes and defects before it is parked."""
PARKED_TIMES = 3
"""After so many attempts a parked turn is reopened by hand only."""


class TurnEngine:
    """Works on the `turn` rows of `due`."""

    def __init__(
        self, store: Store, queue: Queue, runtimes: Runtimes, media: MediaStore, clock: Clock, owner: Owner
    ) -> None:
        self._store = store
        self._queue = queue
        self._runtimes = runtimes
        self._media = media
        self._clock = clock
        self._owner = owner

    async def process(self, due: Due) -> Outcome:
        """One look at a conversation; at most one turn."""
        try:
            runtime = await self._runtimes.get(due.tenant)
        except UnknownTenant:
            return Finished()
        repository = self._store.for_tenant(due.tenant)
        seconds = runtime.times.conversation_lease
        try:
            held = await leases.acquire(repository, self._store, self._clock, due.ref, "turn", seconds)
        except ConversationGone:
            return Finished()
        if held is None:
            return Taken()
        reached("turn.leased")
        runtime.uses += 1
        try:
            with structlog.contextvars.bound_contextvars(tenant=due.tenant, conversation=due.ref):
                async with held.renewed():
                    outcome = await self._hold(runtime, repository, held)
                await held.release()
            reached("turn.released")
        except (LeaseLost, TurnMoved):
            log.warning("turn_lost", tenant=due.tenant, conversation=due.ref)
            return Taken()
        finally:
            runtime.uses -= 1
        await self._queue.wake(Wake("lane", due.tenant, due.ref))
        return outcome

    async def _hold(self, runtime: Runtime, repository: Repository, held: Held) -> Outcome:
        await ending.finish(repository, self._store, held, runtime)
        conversation = held.conversation
        contact = await repository.get(CONTACTS, conversation.contact)
        unanswered = await _unanswered(repository, conversation)
        if contact is None or not unanswered:
            return Finished()
        language = contact.language or runtime.tenant.language
        await self._announce(runtime, repository, conversation, contact, unanswered)
        unanswered = [
            await hear(runtime, repository, self._media, conversation.channel, message, language)
            for message in unanswered
        ]
        if conversation.owner != BOT or contact.kind == "staff":
            return Finished()
        turn = await self._take_up(repository, conversation, unanswered)
        if turn is None:
            return Finished()
        reached("turn.opened")
        return await self._run(self._work(runtime, repository, held, contact, turn, unanswered))

    def _work(
        self,
        runtime: Runtime,
        repository: Repository,
        held: Held,
        contact: Contact,
        turn: Turn,
        unanswered: list[Message],
    ) -> Work:
        if turn.pinned:
            unanswered = [message for message in unanswered if message.id in turn.read]
        return Work(
            runtime=runtime,
            repository=repository,
            store=self._store,
            clock=self._clock,
            held=held,
            contact=contact,
            turn=turn,
            unanswered=unanswered,
            epoch_read=held.conversation.owner_epoch,
            ends_at=self._clock.monotonic() + runtime.times.turn_deadline,
            exchange=mind.load(turn.exchange),
            trace=list(turn.trace),
        )

    async def _run(self, work: Work) -> Outcome:
        with structlog.contextvars.bound_contextvars(turn=work.turn.id):
            self._show_typing(work)
            try:
                try:
                    await self._answer(work)
                except NoAnswer as err:
                    await self._without_model(work, str(err))
            except Superseded:
                return await self._start_over(work)
            except OwnerChanged as err:
                await ending.withdraw(work, f"{err} took over")
                return Finished()
            log.info("turn_ended", messages=len(work.unanswered), attempts=work.turn.attempts)
            return await self._more(work)

    async def _more(self, work: Work) -> Outcome:
        """Whether something waits that this turn did not answer: what came while it was pinned gets the next turn."""
        waiting = await _unanswered(work.repository, work.held.conversation)
        if not waiting or work.held.conversation.owner != BOT:
            return Finished()
        settled = settle.due_at(work.runtime.tenant, waiting[-1], waiting[0].at, waiting[-1].at)
        return Again(max(settled, self._store.now()))

    async def _answer(self, work: Work) -> None:
        if work.turn.attempts - work.turn.superseded - work.turn.parked_times > ATTEMPTS:
            raise NoAnswer(f"it was begun {work.turn.attempts} times and never ended; see the log of this turn")
        try:
            async with asyncio.timeout(work.seconds_left()):
                await think(work)
        except TimeoutError as err:
            raise NoAnswer("the turn's deadline passed") from err
        await ending.commit(work)

    async def _without_model(self, work: Work, reason: str) -> None:
        """After a deed the closing words come from the deed itself; without one a person is called."""
        done = [deed for deed in work.turn.deeds if deed.state == "done"]
        if done:
            work.draft = Draft(texts=[" ".join(deed.sentence for deed in done)], model="none: the deed's own words")
            work.note("closing words from the deed", reason=reason)
            await ending.commit(work)
        else:
            work.note("parked", reason=reason)
            await ending.park(work, reason)

    async def _start_over(self, work: Work) -> Outcome:
        work.note("superseded by a newer message")
        await deeds.journal(work, superseded=work.turn.superseded + 1, trace=tuple(work.trace))
        due = await self._store.due.get("turn", work.runtime.tenant.id, work.turn.conversation)
        return Again(max(due.due_at, self._store.now()) if due is not None else self._store.now())

    async def _take_up(
        self, repository: Repository, conversation: Conversation, unanswered: list[Message]
    ) -> Turn | None:
        """The turn of the next number: a new one, or the one a crash, a superseding or parking left. None: by hand."""
        no = conversation.turn_no + 1
        inherited: tuple[dict[str, Any], ...] = ()
        while True:
            turn = await repository.get(TURNS, f"{conversation.id}.{no}")
            if turn is None:
                turn = _new_turn(conversation, no, inherited, self._store)
                if not await repository.insert(TURNS, turn):
                    continue
            if turn.state == "withdrawn":
                # What its deeds did stays in the exchange, so that the next turn knows of it and does not repeat it.
                inherited, no = turn.exchange, no + 1
                continue
            if turn.state == "parked" and turn.parked_times >= PARKED_TIMES:
                return None
            await self._drop_drafts(repository, turn)
            changes: dict[str, Any] = {"state": "open", "attempts": turn.attempts + 1, "outbound": ()}
            if not turn.pinned:
                changes |= {"read": tuple(m.id for m in unanswered), "read_seq": conversation.inbound_seq}
            taken = await repository.update(TURNS, turn, **changes)
            if taken is not None:
                return taken

    async def _drop_drafts(self, repository: Repository, turn: Turn) -> None:
        """What an earlier take-up proposed and nobody adopted is never sent."""
        for id in turn.outbound:
            message = await repository.get(MESSAGES, id)
            if message is not None and message.state == "proposed":
                await repository.update(MESSAGES, message, state="withdrawn", error="its turn started over")

    async def _announce(
        self,
        runtime: Runtime,
        repository: Repository,
        conversation: Conversation,
        contact: Contact,
        unanswered: list[Message],
    ) -> None:
        """Tell the plugins of each message once (at least), whoever owns the conversation."""
        hooks = runtime.hook("on_message")
        if not hooks:
            return
        for place, message in enumerate(unanswered):
            if not message.announced:
                await dispatch.every(hooks, conversation=conversation, contact=contact, message=message)
                unanswered[place] = await repository.update(MESSAGES, message, announced=True) or message

    def _show_typing(self, work: Work) -> None:
        hooks = work.runtime.hook("show_typing", work.held.conversation.channel)
        if hooks and work.unanswered:
            showing = dispatch.every(hooks, conversation=work.held.conversation, message=work.unanswered[-1])
            self._owner.start(showing, "show typing")


def _new_turn(conversation: Conversation, no: int, inherited: tuple[dict[str, Any], ...], store: Store) -> Turn:
    return Turn(
        id=f"{conversation.id}.{no}", conversation=conversation.id, no=no, exchange=inherited, opened_at=store.now()
    )


async def _unanswered(repository: Repository, conversation: Conversation) -> list[Message]:
    return await repository.find(
        MESSAGES,
        {"conversation": conversation.id, "direction": "inbound", "state": "received"},
        order_by="at",
        limit=UNANSWERED,
    )

"""Takes a conversation up, sees whether there is anything to answer, and runs the turn to one of its ends."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import structlog

from .. import dispatch, settle
from ..budget.service import Budgets
from ..clock import Clock
from ..crashpoints import reached
from ..leases import Held, LeaseLost
from ..media import MediaStore
from ..model import BOT, Contact, Conversation, Due, Message, Turn
from ..observe.metrics import Metrics
from ..observe.traces import Traces
from ..plugin import Channel
from ..queue import Queue, Wake
from ..recent import Recent
from ..runtime import Runtime, Runtimes
from ..store import Repository, Store
from ..tasks import Owner
from ..under_lease import work_on
from ..work import Again, Finished, Outcome, Taken
from . import attend, chosen, deeds, limits, listen, trace, unsaid
from . import commit as ending
from .follow_up import schedule_wrote_on
from .heed import heed
from .recall import language_of
from .speak import speak
from .state import Draft, NoAnswer, OwnerChanged, StillHearing, Superseded, TurnMoved, Work
from .take_up import has_read_all, put_away, take_up, unanswered
from .think import think

log = structlog.get_logger(__name__)

TYPING_AFTER = 0.3
"""Seconds that a turn lasts before it shows dots: those that reach the contact after the answer would stay for long."""
TYPING_AGAIN = 0.8
"""After which part of the time for which dots are shown they are asked for again."""
ATTEMPTS = 10
"""How often a turn is taken up after crashes and defects before it is parked."""


class TurnEngine:
    """Works on the `turn` rows of `due`."""

    def __init__(
        self,
        store: Store,
        queue: Queue,
        runtimes: Runtimes,
        media: MediaStore,
        clock: Clock,
        owner: Owner,
        metrics: Metrics,
        recent: Recent,
        traces: Traces | None = None,
        *,
        budgets: Budgets,
    ) -> None:
        self._store = store
        self._queue = queue
        self._runtimes = runtimes
        self._media = media
        self._clock = clock
        self._owner = owner
        self._metrics = metrics
        self._recent = recent
        self._traces = traces
        self._budgets = budgets

    async def process(self, due: Due) -> Outcome:
        """One look at a conversation; at most one turn."""
        outcome = await work_on(
            due,
            "turn",
            self._hold,
            store=self._store,
            runtimes=self._runtimes,
            clock=self._clock,
            recent=self._recent,
        )
        if not isinstance(outcome, Taken):
            reached("turn.released")
            await self._queue.wake(Wake("lane", due.tenant, due.ref))
        return outcome

    async def _hold(self, runtime: Runtime, repository: Repository, held: Held) -> Outcome:
        reached("turn.leased")
        try:
            return await self._look(runtime, repository, held)
        except TurnMoved:
            log.warning("turn_moved")
            return Taken()

    async def _look(self, runtime: Runtime, repository: Repository, held: Held) -> Outcome:
        unfinished = await ending.finish(repository, self._store, held, runtime)
        if unfinished is not None:
            await held.change(unfinished)
        if held.conversation.merged_into:
            return await self._pass_on(runtime.tenant.id, repository, held.conversation)
        if held.conversation.given_back and held.conversation.owner == BOT:
            await self._take_up_unsaid(runtime, repository, held)
        # Read once: the renewer brings in newer ones, and this turn may only count on what it saw before it read.
        conversation = held.conversation
        contact = await attend.contact_of(runtime, repository, conversation)
        waiting = await unanswered(repository, conversation)
        if contact is None:
            return Finished()
        if aside := await heed(runtime, repository, self._store, conversation, contact, waiting):
            await self._set_aside(runtime, repository, conversation, contact, aside)
            waiting = await unanswered(repository, conversation)
        if not waiting or conversation.owner != BOT or contact.kind == "staff":
            await attend.hear_and_tell(runtime, repository, self._store, self._media, conversation, contact, waiting)
            await self._leave(repository, held, conversation, contact, waiting)
            if contact.kind != "staff":
                await schedule_wrote_on(runtime, repository, conversation, waiting, self._store.now())
            return Finished()
        # A process that was frozen until here finds out now, before it touches what its successor has made.
        if held.seconds_left() <= 0:
            raise LeaseLost(conversation.id)
        turn = await take_up(repository, self._store, conversation, waiting)
        reached("turn.opened")
        work = Work(
            runtime=runtime,
            repository=repository,
            store=self._store,
            clock=self._clock,
            held=held,
            contact=contact,
            turn=turn,
            unanswered=[message for message in waiting if message.id in turn.read],
            left_over=any(message.id not in turn.read for message in waiting),
            epoch_read=conversation.owner_epoch,
            ends_at=self._clock.monotonic() + runtime.times.turn_deadline,
            metrics=self._metrics,
            began=self._clock.monotonic(),
            began_at=self._store.now(),
            trace=list(turn.trace),
        )
        return await self._run(work, conversation)

    async def _pass_on(self, tenant: str, repository: Repository, conversation: Conversation) -> Outcome:
        """It is a part of another one by now, which answers what waits here."""
        await put_away(repository, self._store, conversation, ())
        await self._store.due.put("turn", tenant, conversation.merged_into, self._store.now())
        await self._queue.wake(Wake("turn", tenant, conversation.merged_into))
        return Finished()

    async def _set_aside(
        self,
        runtime: Runtime,
        repository: Repository,
        conversation: Conversation,
        contact: Contact,
        aside: list[Message],
    ) -> None:
        """The plugins hear of it; nobody answers it."""
        await attend.hear_and_tell(runtime, repository, self._store, self._media, conversation, contact, aside)
        for message in aside:
            await ending.mark_answered(repository, message.id, "")

    async def _take_up_unsaid(self, runtime: Runtime, repository: Repository, held: Held) -> None:
        before = held.conversation
        since = await unsaid.take_up(repository, self._store, runtime.tenant.id, before)

        def seen(current: Conversation) -> dict[str, Any]:
            if current.owner_epoch != before.owner_epoch:
                return {}
            waiting = [at for at in (since, current.unanswered_since) if at is not None]
            return {"given_back": False, "unanswered_since": min(waiting, default=None)}

        await held.change(seen)

    async def _leave(
        self,
        repository: Repository,
        held: Held,
        conversation: Conversation,
        contact: Contact,
        waiting: list[Message],
    ) -> None:
        """The bot does not answer: what it had begun ends; a staff contact's messages need no answer at all."""
        if contact.kind == "staff":
            for message in waiting:
                await ending.mark_answered(repository, message.id, "")
        elif waiting:
            await put_away(repository, self._store, conversation, waiting)
            return
        await put_away(repository, self._store, conversation, ())
        if conversation.unanswered_since is not None:
            seen = conversation.inbound_seq
            await held.change(lambda current: {"unanswered_since": None} if current.inbound_seq == seen else {})

    async def _run(self, work: Work, conversation: Conversation) -> Outcome:
        with structlog.contextvars.bound_contextvars(turn=work.turn.id), trace.observed(work, self._traces):
            typing = self._show_typing(work)
            try:
                try:
                    await self._answer(work, conversation)
                except NoAnswer as err:
                    await self._without_model(work, str(err))
                except limits.TooMuch as err:
                    await self._hand_over(work, str(err))
            except Superseded:
                work.ending = "superseded"
                return await self._start_over(work)
            except StillHearing as err:
                work.ending = "hearing"
                return await self._wait_for_words(work, err.until)
            except OwnerChanged as err:
                work.ending = "withdrawn"
                reason = f"the owner changed while it was written; now it is {err}"
                await ending.withdraw(work.repository, work.store, work.turn, reason, work.trace)
                return Finished()
            finally:
                if typing is not None:
                    typing.cancel()
            log.info("turn_ended", messages=len(work.unanswered), attempts=work.turn.attempts)
            return await self._more(work)

    async def _more(self, work: Work) -> Outcome:
        """Whether something waits that this turn did not answer: what came while it was pinned gets the next turn."""
        if not work.left_over and has_read_all(work.turn, work.held.conversation):
            return Finished()
        waiting = await unanswered(work.repository, work.held.conversation)
        if not waiting or work.held.conversation.owner != BOT:
            return Finished()
        settled = settle.due_at(work.runtime.tenant, waiting[-1], waiting[0].at, waiting[-1].at)
        return Again(max(settled, self._store.now()))

    async def _answer(self, work: Work, conversation: Conversation) -> None:
        if work.turn.state == "parked":
            # Parked too often to be tried again: a person is called once more, and has it answered by hand.
            raise NoAnswer(work.turn.reason)
        await limits.look(work, self._budgets)
        if work.turn.tries > ATTEMPTS:
            raise NoAnswer(f"it was begun {work.turn.tries} times and never ended; see the log of this turn")
        await attend.hear_and_tell(
            work.runtime, work.repository, self._store, self._media, conversation, work.contact, work.unanswered
        )
        if until := listen.waited_for(work.unanswered, self._store.now()):
            raise StillHearing(until)
        try:
            async with asyncio.timeout(work.seconds_left()):
                told = await chosen.answers(work)
                if len(told) == len(work.unanswered):
                    work.draft.model = "none: what was tapped is answered by its plugin"
                else:
                    await self._think(work)
        except TimeoutError as err:
            raise NoAnswer("the turn's deadline passed") from err
        work.draft.texts[:0] = told.values()
        work.draft.handoff = _unknown(work.turn) or work.draft.handoff
        await speak(work, self._media)
        await ending.commit(work)
        work.ending = "committed"

    async def _think(self, work: Work) -> None:
        """What nobody could hear is told in the tenant's words, and is no model's to guess at."""
        conversation, tenant = work.held.conversation, work.runtime.tenant
        spoken = await language_of(work.repository, tenant, conversation, work.contact)
        told = listen.sentences(work.runtime, work.unanswered, spoken)
        if told and all(listen.UNHEARD in message.data for message in work.unanswered):
            work.draft = Draft(texts=[" ".join(told)], model="none: the tenant's own words")
            work.note("closed without a model", reason="nothing could be heard")
            return
        await think(work)
        work.draft.texts[:0] = told

    async def _hand_over(self, work: Work, reason: str) -> None:
        """The bot stops here: the contact is told that a person will come back, and a person is called."""
        words = await ending.own_words(work, "holding")
        work.draft = Draft(texts=[words], handoff=reason, model="none: the tenant's own words")
        work.note("closed without a model", reason=reason)
        await ending.commit(work)
        work.ending = "without_model"

    async def _without_model(self, work: Work, reason: str) -> None:
        """After a deed the closing words come from the deed itself; without one a person is called."""
        done = [deed for deed in work.turn.deeds if deed.state == "done"]
        words = " ".join(deed.sentence for deed in done if deed.sentence)
        unknown = _unknown(work.turn)
        handoff = unknown or work.draft.handoff
        if len(work.unanswered) > 1 and done:
            handoff = handoff or "no model answered after a deed; not all that was written may have its answer"
        if words:
            work.draft = Draft(texts=[words], handoff=handoff, model="none: the deed's own words")
        elif done:
            tools = ", ".join(deed.tool for deed in done)
            handoff = f"{tools} was done, and nobody has told the contact; {handoff or reason}"
            words = await ending.own_words(work, "holding")
            work.draft = Draft(texts=[words], handoff=handoff, model="none: the tenant's own words")
        elif handoff is not None and not unknown:
            words = await ending.own_words(work, "handed_off")
            work.draft = Draft(texts=[words], handoff=handoff, model="none: the tenant's own words")
        else:
            reason = f"{unknown}; {reason}" if unknown else reason
            work.note("parked", reason=reason)
            await ending.park(work, reason)
            work.ending = "parked"
            return
        work.note("closed without a model", reason=reason)
        await ending.commit(work)
        work.ending = "without_model"

    async def _start_over(self, work: Work) -> Outcome:
        work.note("superseded by a newer message", characters=sum(map(len, work.draft.texts)), model=work.draft.model)
        await deeds.journal(work, superseded=work.turn.superseded + 1, tries=0, trace=tuple(work.trace))
        due = await self._store.due.get("turn", work.runtime.tenant.id, work.turn.conversation)
        return Again(max(due.due_at, self._store.now()) if due is not None else self._store.now())

    async def _wait_for_words(self, work: Work, until: datetime) -> Outcome:
        """Whoever puts the voice note into words has the turn looked at; so does whatever else comes."""
        work.note("hearing", until=until.isoformat())
        await deeds.journal(work, tries=0, trace=tuple(work.trace))
        return Again(until)

    def _show_typing(self, work: Work) -> asyncio.Task[None] | None:
        """Once the turn takes a moment, and again while it goes on, which ends what is returned."""
        conversation = work.held.conversation
        hooks = work.runtime.hook("show_typing", conversation.channel)
        if not hooks or not work.unanswered:
            return None
        channel = work.runtime.plugins.get(conversation.channel)
        seconds = channel.typing_seconds if isinstance(channel, Channel) else None
        shown = {"conversation": conversation, "message": work.unanswered[-1]}
        return self._owner.start(self._keep_typing(hooks, seconds, shown), "show typing")

    async def _keep_typing(
        self, hooks: tuple[dispatch.BoundHook, ...], seconds: float | None, shown: dict[str, Any]
    ) -> None:
        await self._clock.sleep(TYPING_AFTER)
        await dispatch.every(hooks, **shown)
        while seconds is not None:
            await self._clock.sleep(seconds * TYPING_AGAIN)
            await dispatch.every(hooks, **shown)


def _unknown(turn: Turn) -> str:
    """For a person who looks: which of its deeds may have been done; empty: none."""
    tools = [deed.tool for deed in turn.deeds if deed.state == "intended"]
    return f"it is not known whether this was done: {', '.join(tools)}" if tools else ""

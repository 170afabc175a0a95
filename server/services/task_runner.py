"""Does tasks when they are due: the core's own, and the plugins' through run_task."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog

from .. import alerts, blame, core_tasks, dispatch, leases, merging
from ..clock import Clock, milliseconds
from ..errors import NeedsAttention, PluginError, Refused, RetryLater
from ..events.delivering import Deliveries
from ..leases import ConversationGone, LeaseLost
from ..media import MediaStore
from ..model import NOBODY, Conversation, Due, Task
from ..outbox import otherwise
from ..outbox.explained import explained
from ..people import followed
from ..queue import Queue, Wake
from ..runtime import Runtime, Runtimes, UnknownTenant
from ..store import Collection, Repository, Store
from ..store.collections import APPOINTMENTS, CONTACTS, CONVERSATIONS, LEADS, MESSAGES, TASKS, TURNS
from ..telling import tell
from ..turn import listen
from ..turn.recall import as_model_message
from ..work import SUSPENDED_PAUSE, Again, Finished, Outcome
from . import recording
from .erasing import EraseDesk
from .ownership import Ownership, UnknownConversation
from .pushing_line import PushLine
from .reassurance import reassure
from .summaries import summarise

log = structlog.get_logger(__name__)

ATTEMPTS = 10
RETRY_CAP = 3600.0
BETWEEN_TWO = timedelta(seconds=1)
"""The shortest pause of a task that is done again and again."""


class TaskRunner:
    """Works on the `task` rows of `due`. The claim on the row locks a task; one with a conversation takes its lease."""

    def __init__(
        self,
        store: Store,
        queue: Queue,
        runtimes: Runtimes,
        ownership: Ownership,
        clock: Clock,
        erasing: EraseDesk,
        deliveries: Deliveries,
        pushes: PushLine,
        files: MediaStore,
    ) -> None:
        self._pushes = pushes
        self._files = files
        self._deliveries = deliveries
        self._erasing = erasing
        self._store = store
        self._queue = queue
        self._runtimes = runtimes
        self._ownership = ownership
        self._clock = clock

    async def process(self, due: Due) -> Outcome:
        repository = self._store.for_tenant(due.tenant)
        task = await repository.get(TASKS, due.ref)
        if task is None or task.state != "waiting":
            return Finished()
        if task.at > self._store.now():
            return Again(task.at)
        try:
            async with self._runtimes.use(due.tenant) as runtime:
                if task.useful_until is not None and self._store.now() >= task.useful_until:
                    late = "too late: it was worth doing until then only"
                    await repository.update(TASKS, task, state="failed", error=late)
                    return Finished()
                with structlog.contextvars.bound_contextvars(tenant=due.tenant, task=task.id):
                    return await self._try(runtime, repository, task)
        except UnknownTenant:
            return Again(self._store.now() + SUSPENDED_PAUSE)

    async def _try(self, runtime: Runtime, repository: Repository, task: Task) -> Outcome:
        try:
            if task.plugin == core_tasks.CORE:
                again = await self._core(runtime, repository, task)
            else:
                again = await self._plugins(runtime, repository, task)
        except RetryLater as err:
            return await self._later(repository, task, err, err.after)
        except (Refused, NeedsAttention) as err:
            await repository.update(TASKS, task, state="failed", error=str(err))
            log.error("task_failed", reason=blame.in_words(err))
            return Finished()
        except (dispatch.HookFailed, PluginError) as err:
            return await self._later(repository, task, err, 1.0)
        if again is not None:
            return again
        await repository.update(TASKS, task, state="done", attempts=task.attempts + 1, error="")
        return Finished()

    async def _tell(
        self, repository: Repository, task: Task, hooks: tuple[dispatch.BoundHook, ...], **event: Any
    ) -> None:
        """Tell an event to each plugin that has not heard it. Raises RetryLater while one could not be told."""
        heard = list(task.data.get("heard", ()))
        missed = await tell(hooks, heard, **event)
        if missed is None:
            return
        known: Task | None = task
        while known is not None and await repository.update(TASKS, known, data={**known.data, "heard": heard}) is None:
            known = await repository.get(TASKS, task.id)  # an alert has a case more
        raise missed

    async def _later(self, repository: Repository, task: Task, error: Exception, after: float) -> Outcome:
        # Who has heard an event may have been written meanwhile.
        task = await repository.get(TASKS, task.id) or task
        attempts = task.attempts + 1
        if attempts >= ATTEMPTS:
            await repository.update(TASKS, task, state="failed", attempts=attempts, error=str(error))
            log.error("task_given_up", attempts=attempts, reason=blame.in_words(error))
            return Finished()
        at = milliseconds(self._store.now() + timedelta(seconds=max(after, min(RETRY_CAP, 2.0**attempts))))
        await repository.update(TASKS, task, attempts=attempts, at=at, error=str(error))
        return Again(at)

    async def _plugins(self, runtime: Runtime, repository: Repository, task: Task) -> Outcome | None:
        if not task.conversation:
            return await self._again(repository, task, await runtime.ask("run_task", task.plugin, task=task))
        seconds = runtime.times.conversation_lease
        try:
            conversation = await followed(repository, task.conversation)
            if conversation is None:
                raise ConversationGone(task.conversation)
            held = await leases.acquire(repository, self._store, self._clock, conversation.id, "turn", seconds)
            if held is None:
                return Again(self._store.now() + timedelta(seconds=1))
            if held.conversation.erased_at is not None:
                await held.release()
                raise ConversationGone(task.conversation)
            async with held.renewed():
                at = await runtime.ask("run_task", task.plugin, task=task)
            await held.release()
            return await self._again(repository, task, at)
        except ConversationGone:
            log.info("task_of_erased_conversation")
        except LeaseLost:
            return Again(self._store.now() + timedelta(seconds=1))
        return None

    async def _again(self, repository: Repository, task: Task, at: datetime | None) -> Outcome | None:
        """It is done, and waits for its next time if there is one."""
        if at is None:
            return None
        at = milliseconds(max(at, self._store.now() + BETWEEN_TWO))
        await repository.update(TASKS, task, at=at, attempts=0, error="")
        return Again(at)

    async def _core(self, runtime: Runtime, repository: Repository, task: Task) -> Outcome | None:
        match task.name:
            case core_tasks.AUTO_RETURN:
                return await self._auto_return(runtime, task)
            case core_tasks.REASSURE:
                await reassure(self._store, runtime.tenant, **task.data)
            case core_tasks.STILL_WAITS:
                await self._still_waits(runtime, repository, task)
            case core_tasks.TURN_COMMITTED:
                await self._turn_committed(runtime, repository, task)
            case core_tasks.HANDED_OFF:
                await self._handed_off(runtime, repository, task)
            case core_tasks.MESSAGE_RECEIVED:
                await self._message_received(runtime, repository, task)
            case core_tasks.SUMMARISE:
                more = await summarise(runtime, self._store, task.data["conversation"])
                return Again(self._store.now()) if more else None
            case core_tasks.ALERT:
                return await self._alert(runtime, repository, task)
            case core_tasks.MERGE:
                return await self._merge(runtime, repository, task)
            case core_tasks.RECORD_CHANGED:
                return await self._record_changed(runtime, repository, task)
            case core_tasks.ERASE:
                at = await self._erasing.go_on(runtime, repository, task)
                return Again(at) if at is not None else Finished()
            case core_tasks.DELIVER:
                return await self._deliveries.go(runtime, repository, task)
            case core_tasks.PUSH:
                return await self._pushes.go(runtime, repository, task)
            case core_tasks.TRANSCRIBE:
                return await self._transcribe(runtime, repository, task)
            case core_tasks.OWNER_CHANGED:
                await self._owner_changed(runtime, repository, task)
            case core_tasks.MESSAGE_FAILED:
                return await self._message_failed(runtime, repository, task)
            case unknown:
                raise Refused(f"this release knows no task {unknown}; it was left by a newer one")
        return None

    async def _owner_changed(self, runtime: Runtime, repository: Repository, task: Task) -> None:
        """Whoever was about to change it has done so by now, or has died. What it was changed to since is told."""
        conversation = await _living(repository, task.data["conversation"])
        if conversation is not None and conversation.owner_epoch >= task.data["epoch"]:
            await self._deliveries.subscribers.owner_changed(runtime.tenant.id, conversation)

    async def _transcribe(self, runtime: Runtime, repository: Repository, task: Task) -> Outcome | None:
        again = await listen.go_on(runtime, repository, self._store, self._files, task)
        if again is not None:
            # Kept with the task, or whoever looks too early would ask too early.
            await repository.update(TASKS, task, at=again, attempts=task.attempts + 1)
            return Again(again)
        if (message := await repository.get(MESSAGES, task.data["message"])) is not None:
            await self._queue.wake(Wake("turn", runtime.tenant.id, message.conversation))
        return None

    async def _auto_return(self, runtime: Runtime, task: Task) -> Outcome | None:
        conversation, epoch = task.data["conversation"], task.data["epoch"]
        try:
            at = await self._ownership.return_after_silence(runtime.tenant.id, conversation, epoch)
        except UnknownConversation:
            return None
        return Again(at) if at is not None else None

    async def _merge(self, runtime: Runtime, repository: Repository, task: Task) -> Outcome | None:
        one, other = task.data["conversations"]
        try:
            merged = await merging.merge(self._store, repository, self._clock, runtime, one, other)
        except ConversationGone:
            return None
        except LeaseLost:
            merged = None
        if merged is None:
            return Again(self._store.now() + merging.PAUSE)
        await self._queue.wake(Wake("turn", runtime.tenant.id, merged.id))
        contact = await repository.get(CONTACTS, merged.contact)
        event = {"conversation": merged, "contact": contact, "merged": other if merged.id == one else one}
        await self._tell(repository, task, runtime.hook("on_contact_merged"), **event)
        return None

    async def _message_received(self, runtime: Runtime, repository: Repository, task: Task) -> None:
        message = await repository.get(MESSAGES, task.data["message"])
        if message is None or (conversation := await _living(repository, message.conversation)) is None:
            return
        contact = await repository.get(CONTACTS, conversation.contact)
        event = {"conversation": conversation, "contact": contact, "message": message}
        await self._tell(repository, task, runtime.hook("on_message"), **event)

    async def _turn_committed(self, runtime: Runtime, repository: Repository, task: Task) -> None:
        conversation = await _living(repository, task.data["conversation"])
        turn = await repository.get(TURNS, task.data["turn"])
        if conversation is None or turn is None:
            return
        contact = await repository.get(CONTACTS, conversation.contact)
        hooks = runtime.hook("on_turn_committed")
        await self._tell(repository, task, hooks, conversation=conversation, contact=contact, turn=turn)

    async def _handed_off(self, runtime: Runtime, repository: Repository, task: Task) -> None:
        conversation = await _living(repository, task.data["conversation"])
        if conversation is None:
            return
        contact = await repository.get(CONTACTS, conversation.contact)
        reason = task.data["reason"]
        hooks = runtime.hook("on_handoff") + runtime.hook("alert_operator")
        event = {"contact": contact, "reason": reason, "title": "A person is needed", "text": reason}
        await self._tell(repository, task, hooks, conversation=conversation, **event)

    async def _still_waits(self, runtime: Runtime, repository: Repository, task: Task) -> None:
        conversation = await _living(repository, task.data["conversation"])
        message = await repository.get(MESSAGES, task.data["message"])
        if conversation is None or message is None or conversation.owner != NOBODY:
            return
        if conversation.owner_epoch != task.data["epoch"]:
            return
        event = {"title": "The contact writes on and nobody answers", "text": as_model_message(message).text}
        await self._tell(repository, task, runtime.hook("alert_operator"), conversation=conversation, **event)

    async def _message_failed(self, runtime: Runtime, repository: Repository, task: Task) -> Outcome | None:
        message = await repository.get(MESSAGES, task.data["message"])
        if message is None or (conversation := await _living(repository, message.conversation)) is None:
            return None
        if task.data.get("state", message.state) != message.state:
            # Nobody wrote the failure, or it gave way to something better. Its key is free for one that comes yet.
            await repository.delete(TASKS, task)
            return Finished()
        if await otherwise.say(runtime, repository, self._store, self._files, message) is not None:
            await self._queue.wake(Wake("lane", runtime.tenant.id, message.conversation))
            return None
        route = message.route
        plugin = runtime.plugins.get(route.channel) if route is not None else None
        text = explained(message.error, type(plugin) if plugin is not None else None, runtime.tenant.language)
        title = "A message did not reach its contact"
        case = {"case": message.id, "conversation": message.conversation}
        await alerts.alert(runtime, repository, self._store, title, text, **case)
        hooks = runtime.hook("on_message_failed")
        await self._tell(repository, task, hooks, conversation=conversation, message=message)
        return None

    async def _record_changed(self, runtime: Runtime, repository: Repository, task: Task) -> Outcome | None:
        kinds: dict[str, Collection[Any]] = {"leads": LEADS, "appointments": APPOINTMENTS}
        kind = kinds[task.data["kind"]]
        record = await repository.get(kind, task.data["id"])
        change = next((each for each in record.history if each.key == task.data["change"]), None) if record else None
        if record is None or change is None:
            # It is announced before it is written; who announced it may have died between.
            now, void = self._store.now(), task.at + recording.VOID_AFTER
            soon = now + max(timedelta(seconds=1), now - task.at)
            return Again(min(soon, void)) if now < void else None
        conversation = await followed(repository, record.contact)
        if conversation is None or conversation.erased_at is not None:
            return None
        contact = await repository.get(CONTACTS, conversation.contact)
        event = {
            "conversation": conversation,
            "contact": contact,
            "change": change,
            kind.name.removesuffix("s"): record,
        }
        await self._tell(repository, task, runtime.hook(recording.HOOKS[kind.name]), **event)
        return None

    async def _alert(self, runtime: Runtime, repository: Repository, task: Task) -> Outcome:
        if not task.data["cases"]:
            return await alerts.nothing_new(repository, self._store, task)
        title, about = alerts.event(task)
        conversation = None
        if about:
            conversation = await _living(repository, about)
        event = {"title": title, "text": task.data["text"], "conversation": conversation}
        await self._tell(repository, task, runtime.hook("alert_operator"), **event)
        return await alerts.told(repository, self._store, task)


async def _living(repository: Repository, id: str) -> Conversation | None:
    """The conversation; None: there is none, or it is being erased, and no plugin is to hear of it any more."""
    found = await repository.get(CONVERSATIONS, id)
    return None if found is None or found.erased_at is not None else found

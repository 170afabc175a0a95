"""How a turn ends. Its one decision is a compare-and-set on the conversation; everything else is written idempotently
before it (proposed, never sent unless adopted) or after it (`finish`, repeated by whoever comes next)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from .. import blame
from ..choices import as_data, numbered
from ..crashpoints import reached
from ..leases import Decide, Held
from ..model import BOT, NOBODY, Commit, Conversation, Message, Note, Turn
from ..owner import passed_to
from ..plugin import Channel, Plugin
from ..runtime import Runtime
from ..step import Running, running
from ..store import Collection, Insert, PutDue, Repository, Store, Update, Write
from ..store.codec import changed_copy
from ..store.collections import MESSAGES, NOTES, TURNS
from . import deeds, guard, trace
from .follow_up import follow_up_writes
from .recall import language_of
from .speak import as_message
from .split import parts
from .state import TurnMoved, Work

log = structlog.get_logger(__name__)


async def commit(work: Work) -> None:
    """Propose, adopt, finish. Raises Superseded or OwnerChanged if the turn may not say this any more."""
    proposal, proposed = _proposal(work)
    turn, draft = work.turn, work.draft

    def adopt(conversation: Conversation) -> Mapping[str, Any]:
        if _is_written(conversation, turn, "committed"):
            return {}
        guard.check(work, conversation)
        newer = conversation.inbound_seq != turn.read_seq
        handed_off: Mapping[str, Any] = {}
        if draft.handoff is not None:
            handed_off = passed_to(conversation, NOBODY, work.store.now(), reason=draft.handoff)
        return {
            "turn_no": turn.no,
            "outbox_seq": conversation.outbox_seq + len(proposed),
            "last_commit": Commit(
                turn=turn.id,
                outbound=tuple(message.id for message in proposed),
                first_place=conversation.outbox_seq + 1,
                answered=turn.read,
                outgrown=work.outgrown,
            ),
            "unanswered_since": conversation.last_inbound_at if newer else None,
            **handed_off,
        }

    # The turn first: a ghost stops there, and what is proposed after it is known to whoever takes the turn up.
    writes: list[Write] = [Update(TURNS, turn, proposal), *(Insert(MESSAGES, message) for message in proposed)]
    took = await work.held.change_after(writes, adopt)
    if took < len(writes):
        raise TurnMoved(turn.id)
    work.turn = changed_copy(turn, proposal)
    if took == len(writes):
        # The conversation changed while the turn thought: it is asked again whether this may be said.
        reached("turn.proposed")
        await work.held.change(adopt)
    reached("turn.committed")
    known: list[Message | Turn] = [work.turn, *proposed, *work.unanswered]
    closing = await finish(work.repository, work.store, work.held, work.runtime, known)
    if closing is not None:
        work.held.at_release(closing)


def _is_written(conversation: Conversation, turn: Turn, state: str) -> bool:
    """Whether this very decision is there already: its write took, and the answer to it was lost on the way."""
    last = conversation.last_commit
    return last is not None and not last.finished and (last.turn, last.state) == (turn.id, state)


async def own_words(work: Work, sentence: str) -> str:
    """What the tenant says without a model, in the language that the contact writes in."""
    tenant = work.runtime.tenant
    language = await language_of(work.repository, tenant, work.held.conversation, work.contact)
    return tenant.say(sentence, language)


async def park(work: Work, reason: str) -> None:
    """Nobody could answer: say the tenant's holding words once, call a person, keep the messages unanswered."""
    turn = work.turn
    epoch = work.epoch_read + 1
    words = await own_words(work, "holding")
    holding = _outbound(work, holding_id(turn), words, epoch)
    first_time = await work.repository.insert(MESSAGES, holding)
    if not first_time:
        stored = await work.repository.get(MESSAGES, holding.id)
        first_time = stored is not None and stored.state == "proposed"
        if first_time and stored is not None:
            await work.repository.update(MESSAGES, stored, owner_epoch=epoch)
    await deeds.journal(work, reason=reason, trace=tuple(work.trace))

    def hand_off(conversation: Conversation) -> Mapping[str, Any]:
        if _is_written(conversation, turn, "parked"):
            return {}
        guard.check(replace(work, turn=replace(turn, pinned=True)), conversation)
        return {
            "outbox_seq": conversation.outbox_seq + (1 if first_time else 0),
            "last_commit": Commit(
                turn=turn.id,
                outbound=(holding.id,) if first_time else (),
                first_place=conversation.outbox_seq + 1,
                state="parked",
            ),
            **passed_to(conversation, NOBODY, work.store.now(), reason=reason),
        }

    await work.held.change(hand_off)
    reached("turn.parked")
    closing = await finish(work.repository, work.store, work.held, work.runtime)
    if closing is not None:
        work.held.at_release(closing)


async def withdraw(
    repository: Repository, store: Store, turn: Turn, reason: str, trace: Sequence[dict[str, Any]] = ()
) -> None:
    """A person answers: nothing is said; what the turn's deeds did is told to the operator. Raises TurnMoved."""
    if text := _undisclosed(turn):
        note = Note(id=f"{turn.id}.withdrawn", conversation=turn.conversation, text=text, author=BOT, at=store.now())
        await repository.insert(NOTES, note)
    changes: dict[str, Any] = {"state": "withdrawn", "reason": reason, "closed_at": store.now()}
    if trace:
        changes["trace"] = tuple(trace)
    if await repository.update(TURNS, turn, **changes) is None:
        raise TurnMoved(turn.id)
    await drop_drafts(repository, (*turn.outbound, holding_id(turn)))


def _undisclosed(turn: Turn) -> str:
    """What a withdrawn turn did in the world and the contact was not told."""
    done = [deed.sentence or f"{deed.tool} {deed.arguments}" for deed in turn.deeds if deed.state == "done"]
    unknown = [f"{deed.tool} {deed.arguments}" for deed in turn.deeds if deed.state == "intended"]
    lines = []
    if done:
        lines.append("The bot had done this before it was interrupted, and has not told the contact: " + " ".join(done))
    if unknown:
        lines.append("It is not known whether this was done; please look: " + "; ".join(unknown))
    return "\n".join(lines)


async def drop_drafts(repository: Repository, ids: Sequence[str]) -> None:
    """What an earlier take-up proposed and nobody adopted is never sent."""
    for id in ids:
        message = await repository.get(MESSAGES, id)
        if message is not None and message.state == "proposed":
            await repository.update(MESSAGES, message, state="withdrawn", error="its turn did not say it after all")


def holding_id(turn: Turn) -> str:
    """The id of the words that are said once when the turn is parked."""
    return f"{turn.id}.holding"


async def finish(
    repository: Repository, store: Store, held: Held, runtime: Runtime, known: Sequence[Message | Turn] = ()
) -> Decide | None:
    """Write what follows from the conversation's last commit; may be repeated any number of times, by anyone.

    What is left is the mark in the conversation that all of it is written, as what decides on the change; None: it is
    there. *known*: messages and turn as they probably still are, which saves reading them. Raises LeaseLost if a parked
    turn is another's by now.
    """
    commit = held.conversation.last_commit
    if commit is None or commit.finished:
        return None
    follows = _follows(commit, store)
    after = follow_up_writes(runtime, held.conversation, commit, store.now())
    after.append(PutDue("lane", runtime.tenant.id, held.conversation.id, store.now()))

    async def left(known: Sequence[Message | Turn] = ()) -> list[Write]:
        unwritten = await _unwritten(repository, commit, follows, known)
        if commit.state == "parked":
            # A parked turn may have been reopened by our successor. Asked after it was read: a successor that comes after
            # this changes what was read, so that nothing is written.
            await held.change(lambda _: {})
        return [*unwritten, *after]

    writes = await left(known)
    while (took := await repository.write(*writes)) < len(writes):
        # A task that is there was written by an earlier attempt; where a document moved on, all are read again.
        moved, writes = writes[took], writes[took + 1 :]
        if isinstance(moved, Update):
            writes = await left()
    reached("turn.lane_due")
    return lambda conversation: (
        {"last_commit": replace(commit, finished=True)} if conversation.last_commit == commit else {}
    )


_Follow = tuple[Collection[Any], Callable[[Any], Mapping[str, Any]]]


def _follows(commit: Commit, store: Store) -> dict[str, _Follow]:
    """Document → what the commit makes of it (nothing: it was done), in the order in which they are written: the turn
    last."""
    follows: dict[str, _Follow] = {}
    for place, id in enumerate(commit.outbound, start=commit.first_place):
        follows[id] = (MESSAGES, partial(_queued, place))
    for id in commit.answered:
        follows[id] = (MESSAGES, partial(_answered, commit.turn))
    follows[commit.turn] = (TURNS, partial(_closed, commit, store))
    return follows


async def _unwritten(
    repository: Repository, commit: Commit, follows: Mapping[str, _Follow], known: Sequence[Message | Turn] = ()
) -> list[Update[Any]]:
    """The writes to the commit's documents that are still needed; of one that was erased, none.

    The turn is written last, so its state says that all of them took, and what became of the messages since (a person took
    over and gave back, say) is not undone. It is read last, too: if it is not closed, the messages read before it are as
    the commit found them, or made them.
    """
    documents: dict[str, Message | Turn | None] = {document.id: document for document in known}
    for id, (collection, _) in follows.items():
        if id not in documents:
            documents[id] = await repository.get(collection, id)
    turn = documents[commit.turn]
    if turn is not None and turn.state == commit.state:
        return []
    return [
        Update(collection, document, changes)
        for id, (collection, decide) in follows.items()
        if (document := documents[id]) is not None and (changes := decide(document))
    ]


def _queued(place: int, message: Message) -> dict[str, Any]:
    # Without a place it has never been in the lane: if it is withdrawn, a ghost took it for a draft of its own.
    return {"state": "queued", "place": place, "error": ""} if message.place == 0 else {}


def _answered(turn: str, message: Message) -> dict[str, Any]:
    return {"state": "answered", "turn": turn} if message.state == "received" else {}


def _closed(commit: Commit, store: Store, turn: Turn) -> dict[str, Any]:
    # Whatever a ghost has made of the turn since: the conversation says how it ended.
    changes: dict[str, Any] = {"state": commit.state, "closed_at": store.now()}
    return changes | ({"parked_times": turn.parked_times + 1, "tries": 0} if commit.state == "parked" else {})


async def mark_answered(repository: Repository, id: str, turn: str) -> None:
    """The inbound message has its answer: from *turn*, from an operator, or (empty) by needing none."""
    while (message := await repository.get(MESSAGES, id)) is not None and (changes := _answered(turn, message)):
        if await repository.update(MESSAGES, message, **changes) is not None:
            return


def _proposal(work: Work) -> tuple[dict[str, Any], list[Message]]:
    """What the turn is going to say: the change of its document, and the messages."""
    epoch = work.epoch_read + (1 if work.draft.handoff is not None else 0)
    channel = work.runtime.plugins.get(work.held.conversation.channel)
    limit = channel.max_text if isinstance(channel, Channel) else Channel.max_text
    texts = [part for text in work.draft.texts for part in parts(_marked_up(work, channel, text), limit)]
    spoken = work.draft.spoken
    if spoken is not None and not spoken.to_be_read:
        texts = []
    if choices := work.draft.choices:
        # Where they cannot be shown they are lines of the text, which has to have room for them.
        texts[-1:] = parts(texts[-1], limit - len(numbered("", choices)) - 1)
    count = len(texts) + (spoken is not None)
    ids = [f"{work.turn.id}.{work.turn.attempts}.{ordinal}" for ordinal in range(1, count + 1)]
    messages = [as_message(_outbound(work, ids[0], "", epoch), spoken)] if spoken is not None else []
    messages += [_outbound(work, id, text, epoch) for id, text in zip(ids[len(messages) :], texts, strict=True)]
    if choices:
        messages[-1] = replace(messages[-1], kind="button", data=as_data(choices))
    trace.proposed(work, messages)
    changes = {"state": "proposed", "outbound": tuple(ids), "model": work.draft.model, "trace": tuple(work.trace)}
    return changes, messages


def _marked_up(work: Work, channel: Plugin | None, text: str) -> str:
    """As the channel shows it; as it was, if the channel's plugin fails at that."""
    if not isinstance(channel, Channel):
        return text
    try:
        with running(Running(work.runtime.tenant.id, channel.name, "markup")):
            return channel.markup(text) or text
    except Exception as err:  # noqa: BLE001  the plugin's code, on what a model wrote
        log.error("markup_failed", plugin=channel.name, reason=blame.in_words(err))
        return text


def _outbound(work: Work, id: str, text: str, epoch: int) -> Message:
    now = work.store.now()
    return Message(
        id=id,
        conversation=work.turn.conversation,
        direction="outbound",
        text=text,
        author=BOT,
        state="proposed",
        at=now,
        turn=work.turn.id,
        owner_epoch=epoch,
        useful_until=now + work.runtime.tenant.useful_for,
    )

"""What a conversation outgrows is summarised from its messages, told before them, and goes with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from frontdesk import ModelRequest, Refused, RetryLater
from frontdesk.core_tasks import SUMMARISE
from frontdesk.model import Message, Summary
from frontdesk.services.summaries import KEPT, PART, summarise
from frontdesk.store.collections import CONVERSATIONS, MESSAGES, SUMMARIES, TASKS
from frontdesk.testing.clock import MovableClock
from frontdesk.turn.recall import HISTORY, OUTGROWN_MESSAGES

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}


class Scribe:
    """Answers contacts in a word, and questions by what `answers` says next, else by how many lines it was given."""

    def __init__(self) -> None:
        self.answers: list[str | Exception] = []
        self.questions: list[ModelRequest] = []
        self.turns: list[ModelRequest] = []

    def __call__(self, request: ModelRequest) -> Any:
        if not request.question:
            self.turns.append(request)
            return "Dạ."
        self.questions.append(request)
        return self.answers.pop(0) if self.answers else f"In short: {len(lines(request))} messages."


def lines(request: ModelRequest) -> list[str]:
    return request.messages[0].text.splitlines()


@pytest.fixture
def scribe() -> Scribe:
    return Scribe()


async def talk(server: Any, scribe: Scribe, earlier: int, *, words: str = "") -> Any:
    """A contact who has exchanged *earlier* messages with the desk, writes once more, and is answered."""
    lan, model = server.contact("Lan"), await server.plugin("model")
    model.script = [scribe] * 100
    await lan.says("Xin chào")
    await lan.hears()
    now = server.server.store.now()
    for n in range(earlier):
        inbound = n % 2 == 0
        message = Message(
            id=f"m{n:03}",
            conversation=lan.id,
            direction="inbound" if inbound else "outbound",
            kind="text",
            text=f"câu {n} {words}".rstrip(),
            author="contact" if inbound else "bot",
            state="answered" if inbound else "read",
            at=now - timedelta(minutes=earlier - n),
        )
        await server.repository().insert(MESSAGES, message)
    await lan.says("Em ơi")
    await server.quiet()
    return lan


async def summaries(server: Any) -> list[Summary]:
    return await server.repository().find(SUMMARIES, {}, limit=50)


async def test_a_conversation_within_what_a_model_is_shown_is_not_summarised(desk: Any, scribe: Scribe) -> None:
    async with desk(tenants=AT_ONCE) as server:
        await talk(server, scribe, OUTGROWN_MESSAGES - 4)
        assert scribe.questions == [] and await summaries(server) == []


async def test_the_older_part_is_summarised_after_the_turn_and_told_in_the_next(desk: Any, scribe: Scribe) -> None:
    async with desk(tenants=AT_ONCE) as server:
        lan = await talk(server, scribe, HISTORY)
        assert scribe.turns[-1].summary == "", "the turn does not wait for it"
        (summary,) = await summaries(server)
        covered = HISTORY + 4 - KEPT
        assert list(summary.messages) == [f"m{n:03}" for n in range(covered)]
        assert summary.text == f"In short: {covered} messages."
        (question,) = scribe.questions
        assert lines(question)[1].endswith('business: "câu 1"') and 'contact: "câu 2"' in lines(question)[2]
        assert question.tools == (), "whoever summarises can do nothing else"

        await lan.says("Còn đó không em?")
        await server.quiet()
        told = scribe.turns[-1]
        assert told.summary == summary.text
        texts = [message.text for message in told.messages]
        assert texts[0] == f"câu {covered}" and texts[-1] == "Còn đó không em?", "what is covered is not told twice"


async def test_a_figure_that_nobody_said_does_not_come_in_by_a_summary(desk: Any, scribe: Scribe) -> None:
    scribe.answers = [
        "Chị muốn học câu 3. Giá trọn khóa là 2.000.000đ.\nChị hẹn lúc 17:45 ngày 3 tháng 2. Chị tên Lan.",
        "Chỉ có giá 5.000.000đ.",
    ]
    async with desk(tenants=AT_ONCE) as server:
        lan = await talk(server, scribe, HISTORY)
        (summary,) = await summaries(server)
        assert summary.text == "Chị muốn học câu 3.\nChị tên Lan."
        await server.repository().delete(SUMMARIES, summary)
        conversation = await lan.conversation()
        await server.repository().update(CONVERSATIONS, conversation, summarised_until=None)
        runtime = await server.server.runtimes.get("clinic")
        assert not await summarise(runtime, server.server.store, lan.id)
        assert await summaries(server) == [], "what is left of it is nothing"


async def test_figures_that_were_said_stay_in_a_summary(desk: Any, scribe: Scribe) -> None:
    scribe.answers = ["Chị hỏi khóa 2.000.000đ. Hẹn 9h."]
    async with desk(tenants=AT_ONCE) as server:
        await talk(server, scribe, HISTORY, words="2 triệu, lúc 9h sáng")
        (summary,) = await summaries(server)
        assert summary.text == "Chị hỏi khóa 2.000.000đ. Hẹn 9h."


@pytest.mark.parametrize("words", ["dài " * 300])
async def test_long_messages_outgrow_it_before_there_are_many(desk: Any, scribe: Scribe, words: str) -> None:
    async with desk(tenants=AT_ONCE) as server:
        await talk(server, scribe, 20, words=words)
        (summary,) = await summaries(server)
        assert summary.messages[0] == "m000" and len(summary.messages) < 20


async def test_no_summary_is_made_of_a_summary(desk: Any, scribe: Scribe) -> None:
    async with desk(tenants=AT_ONCE) as server:
        await talk(server, scribe, PART + 60)
        first, second = sorted(await summaries(server), key=lambda each: each.until)
        covered = PART + 60 + 4 - KEPT
        assert [*first.messages, *second.messages] == [f"m{n:03}" for n in range(covered)]
        assert not [line for question in scribe.questions for line in lines(question) if "In short" in line]


async def test_doing_it_again_asks_no_model_and_changes_nothing(desk: Any, scribe: Scribe) -> None:
    async with desk(tenants=AT_ONCE) as server:
        lan = await talk(server, scribe, HISTORY)
        before = await summaries(server)
        runtime = await server.server.runtimes.get("clinic")
        # As a crash leaves it that comes between the summary and the conversation's mark.
        conversation = await lan.conversation()
        await server.repository().update(CONVERSATIONS, conversation, summarised_until=None)
        assert not await summarise(runtime, server.server.store, lan.id)
        assert await summaries(server) == before and len(scribe.questions) == 1
        assert (await lan.conversation()).summarised_until == before[0].until


async def test_a_model_that_is_away_is_asked_again_later(desk: Any, scribe: Scribe) -> None:
    scribe.answers = [RetryLater("busy", after=1)]
    async with desk(tenants=AT_ONCE) as server:
        await talk(server, scribe, HISTORY)

        async def made() -> list[Summary]:
            return await summaries(server)

        await server.until("it is summarised after all", made)
        assert len(scribe.questions) == 2


async def test_where_no_model_summarises_none_is_asked_again_and_again(desk: Any, scribe: Scribe) -> None:
    scribe.answers = [Refused("I answer contacts only")]
    async with desk(tenants=AT_ONCE) as server:
        lan = await talk(server, scribe, HISTORY)
        tasks = await server.repository().find(TASKS, {"state": "done"}, order_by="at")
        assert [task.name for task in tasks if task.name == SUMMARISE] == [SUMMARISE]
        assert await summaries(server) == []
        await lan.says("Còn đó không em?")
        await server.quiet()
        assert scribe.turns[-1].messages[-1].text == "Còn đó không em?" and len(scribe.questions) == 2


async def test_summaries_go_with_the_messages_that_they_were_made_of(desk: Any, scribe: Scribe) -> None:
    clock = MovableClock()
    tenants = {"clinic": {**AT_ONCE["clinic"], "retention": {"messages": "30 d"}}}
    async with desk(tenants=tenants, clock=clock) as server:
        await talk(server, scribe, HISTORY)
        assert await summaries(server)
        clock.advance(31 * 86400)

        async def gone() -> bool:
            return not await summaries(server)

        await server.until("the round has been here", gone)


async def test_each_part_of_a_merged_conversation_is_summarised_once(desk: Any, scribe: Scribe) -> None:
    async with desk(tenants=AT_ONCE) as server:
        lan = await talk(server, scribe, PART)
        (own,) = await summaries(server)
        user, repository = server.contact("user-id"), server.repository()
        for also in ((), (lan.external_id,)):
            await user.says("Em là Lan.", also=also)
            await server.quiet()
        # What was said under the other name before `summarised_until` of the one that is kept.
        for n in range(20):
            older = Message(
                id=f"u{n:02}",
                conversation=user.id,
                direction="inbound",
                text=f"câu khác {n}",
                author="contact",
                state="answered",
                at=own.until - timedelta(seconds=n + 1),
            )
            await repository.insert(MESSAGES, older)
        assert (await user.conversation()).merged_into == lan.id
        await lan.says("Em ơi")
        await server.quiet()
        covered = [id for each in await summaries(server) for id in each.messages]
        assert len(covered) == len(set(covered)) and {f"u{n:02}" for n in range(20)} <= set(covered)

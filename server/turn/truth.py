"""Promise 6 in a turn: what it has to show for a reply, and what happens to one that says more.

The model is asked once to put it right. If it insists, what it says of having called a person is made true; for anything
else the deeds' own sentences are said, or the tenant's, and a person is called.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

from frontdesk.config import TenantConfig

from ..mind import ModelMessage, ModelRequest
from ..model import BOT, Deed
from ..truth import Known, Problem, Shown, patterns, problems
from . import recall, trace, visits
from .offer import OFFER_CHOICES, said_with
from .state import Work
from .tools import CALL_A_PERSON
from .wish import ANSWER_BY

EARLIER_TURNS = 20
"""How many turns back the journal is read for deeds that a reply tells of again."""
LONG = 20_000
"""Characters of what bears a reply out: reading so many takes some 0.1 s."""
_NOTE = (
    "[From the front desk, not from the contact. Your answer was not sent: nothing bears out what it says. {wrong}. Use "
    "the tool for it first; or answer anew without saying so, and say what you do not know. Do not speak of this note. Your "
    "answer was: {text}]"
)
_TOLD_A_PERSON = "tell"
_SHOW_NOTHING = (CALL_A_PERSON.name, OFFER_CHOICES.name, ANSWER_BY.name)


async def say(work: Work, request: ModelRequest, text: str) -> bool:
    """Put *text*, the model's answer to *request*, into the draft if it may be said.

    False: it may not, and the exchange asks the model to put it right. The second time something honest takes its place.
    """
    text = text.strip()
    said = said_with(text, work.draft.choices)
    wrong = await _wrong(work, request, said)
    if not wrong:
        work.draft.texts = [text]
        return True
    kinds = sorted({problem.kind for problem in wrong})
    told = "; ".join(problem.what for problem in wrong)
    if not any(message.desk for message in work.exchange):
        trace.untrue(work, kinds, "asked_again")
        work.draft.choices = ()
        work.exchange.append(ModelMessage(role="user", desk=True, text=_NOTE.format(wrong=told, text=said)))
        return False
    if kinds == [_TOLD_A_PERSON]:
        trace.untrue(work, kinds, "person_called")
        work.draft.texts = [text]
        work.draft.handoff = work.draft.handoff or "the assistant has told the contact that a person was told"
        return True
    trace.untrue(work, kinds, "replaced")
    done = [deed.sentence for deed in work.turn.deeds if deed.state == "done" and deed.sentence]
    tenant = work.runtime.tenant
    spoken = await recall.language_of(work.repository, tenant, work.held.conversation, work.contact)
    honest = tenant.say("unconfirmed", spoken)
    work.draft.texts, work.draft.choices = [" ".join(done) or honest], ()
    work.draft.handoff = work.draft.handoff or f"the assistant wanted to say what nothing bears out: {told}"[:500]
    return True


def facts_of(tenant: TenantConfig) -> Sequence[str]:
    """What is true at *tenant*, as its configuration says."""
    hours = (" ".join(map(str, tenant.opening_hours.on(day))) for day in range(7))
    return [*(f"{fact.topic}: {fact.answer}" for fact in tenant.facts), *hours, tenant.persona.tone.notes]


async def _wrong(work: Work, request: ModelRequest, text: str) -> list[Problem]:
    """What is wrong with *text*. The record of the conversation is read only if the turn itself does not bear it out."""
    if not patterns.prepared():
        await asyncio.to_thread(patterns.prepare)
    known = _known(work, request)
    found = await _judged(text, known)
    if not found:
        return []
    conversation = work.held.conversation
    turns = await recall.turns(work.repository, conversation, limit=EARLIER_TURNS)
    earlier = [deed for turn in turns if turn.id != work.turn.id for deed in turn.deeds]
    booked = await visits.read(work.repository, conversation, request.now)
    earlier = visits.without_records(earlier, booked)
    read = [*known.read, *visits.shown(booked, work.runtime.tenant.zone)]
    said = await recall.history(work.repository, conversation.id, merged=conversation.merged)
    people = [message.text for message in said if message.author.startswith("operator:")]
    return await _judged(text, replace(known, earlier=[*_done(request, earlier)], read=read, people=people))


async def _judged(text: str, known: Known) -> list[Problem]:
    """`problems`; off the loop where there is much to read: a contact can write enough for seconds."""
    results = (words for each in (*known.done, *known.read, *known.earlier) for words in each.told)
    if sum(map(len, (*known.said, *known.people, *results))) <= LONG:
        return problems(text, known)
    return await asyncio.to_thread(problems, text, known)


def _known(work: Work, request: ModelRequest) -> Known:
    # What the model said in this exchange has reached nobody, and is no source of anything.
    said = request.messages[: len(request.messages) - len(work.exchange)]
    asked = [message.text for message in said[len(said) - len(work.unanswered) :]]
    results = [result for message in work.exchange for result in message.tool_results]
    return Known(
        today=request.now.date(),
        done=[*_done(request, work.turn.deeds)],
        read=[*_read(work, request)],
        person=work.draft.handoff is not None,
        asked="\n".join(asked),
        facts=facts_of(request.tenant),
        said=[
            *(words for message in said for words in (message.text, *message.notes)),
            *(result.content for result in results if result.error),
            request.summary,
            # Their own words, and not what a model has made of them; what an operator wrote is the business's.
            *(known.quote if known.author == BOT else known.text for known in request.contact.memories),
            f"{request.now:%H:%M}",
            work.contact.phone,
        ],
    )


def _done(request: ModelRequest, deeds: Sequence[Deed]) -> Iterator[Shown]:
    described = {spec.name: spec.description for spec in request.tools}
    for deed in deeds:
        if deed.state == "done":
            told = [deed.result, deed.sentence, *map(str, deed.arguments.values())]
            yield Shown(tool=deed.tool, description=described.get(deed.tool, ""), told=told)


def _read(work: Work, request: ModelRequest) -> Iterator[Shown]:
    described = {spec.name: spec.description for spec in request.tools if not spec.deed}
    for message in work.exchange:
        for result in message.tool_results:
            if not result.error and result.name in described and result.name not in _SHOW_NOTHING:
                yield Shown(tool=result.name, description=described[result.name], told=[result.content])
    yield from (Shown(tool=section.name, told=[section.text]) for section in request.sections)

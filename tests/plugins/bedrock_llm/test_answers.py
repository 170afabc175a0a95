"""Every way in which an answer ends, and what the contact gets then."""

from __future__ import annotations

import pytest

from frontdesk import Refused, RetryLater, Section
from frontdesk.plugins.bedrock_llm.answers import read
from frontdesk.testing.fake_bedrock import Answer, Call, Fault

from .conftest import BIG, SMALL, bot, request, user

HALF = Answer(text="I will look.", calls=(Call("book", {"day": "Mon"}),), stop="max_tokens")


async def test_tools_are_asked_for_side_by_side(make, bedrock):
    bedrock.script = [Answer(text="Chờ em.", calls=(Call("hours"), Call("book", {"giờ": "15h"})))]
    reply = await make().think(request())
    assert [(call.name, call.arguments) for call in reply.tool_calls] == [("hours", {}), ("book", {"giờ": "15h"})]
    assert len({call.id for call in reply.tool_calls}) == 2 and reply.text == "Chờ em."


async def test_what_a_model_thinks_is_not_said(make, bedrock):
    thought = {"reasoningContent": {"reasoningText": {"text": "The contact is naive."}}}
    bedrock.script = [Answer(text="Dạ, 3.600.000đ ạ.", blocks=(thought,))]
    assert (await make().think(request())).text == "Dạ, 3.600.000đ ạ."


@pytest.mark.parametrize(
    "first",
    [
        Answer(stop="malformed_tool_use", calls=(Call("book"),)),
        Answer(stop="malformed_model_output", text="}{"),
        Answer(stop="end_turn"),
        Answer(stop="tool_use", text="I will."),
        Answer(stop="end_turn", calls=(Call("book"),)),
        Answer(stop="a_reason_of_2027", calls=(Call("book"),)),
        HALF,
    ],
)
async def test_an_answer_of_no_use_is_asked_for_once_more(make, bedrock, first):
    bedrock.script = [first, "Dạ, vâng."]
    reply = await make().think(request())
    assert (reply.text, reply.model, reply.tool_calls) == ("Dạ, vâng.", BIG, ())
    assert [asked["modelId"] for asked in bedrock.requests] == [BIG, BIG]
    assert reply.usage.cost > 0


async def test_twice_of_no_use_and_the_next_model_is_asked(make, bedrock):
    bedrock.script = [HALF, HALF, "Dạ, vâng."]
    plugin = make()
    reply = await plugin.think(request())
    assert (reply.text, reply.model) == ("Dạ, vâng.", SMALL)
    assert [asked["inferenceConfig"]["maxTokens"] for asked in bedrock.requests] == [1024, 2048, 1024]
    assert reply.notes == (f"{BIG}: the answer was longer than max_tokens",)
    assert len(plugin.spending.settled) == 3 and sum(plugin.spending.settled) > reply.usage.cost * 0.5
    bedrock.script = [HALF] * 4
    with pytest.raises(RetryLater, match="longer than max_tokens"):
        await make().think(request())


async def test_words_that_were_cut_off_end_with_their_last_sentence(make, bedrock):
    bedrock.script = [Answer(text="Học phí 3.600.000đ. Bên em có lớp tối! Ngoài ra trung tâm còn", stop="max_tokens")]
    reply = await make().think(request())
    assert reply.text == "Học phí 3.600.000đ. Bên em có lớp tối!"
    assert "was cut" in reply.notes[0]


async def test_a_reason_that_is_new_with_words_is_an_answer(make, bedrock):
    bedrock.script = [Answer(text="Dạ, vâng.", stop="a_reason_of_2027")]
    reply = await make().think(request())
    assert reply.text == "Dạ, vâng." and "a_reason_of_2027" in reply.notes[0]


async def test_a_guardrails_words_answer_a_contact_and_no_question(make, bedrock):
    """A conversation's summary would be the guardrail's "I cannot help with that"."""
    bedrock.script = [Answer(text="Dạ em không nói về việc này.", stop="guardrail_intervened")] * 2
    plugin = make()
    assert (await plugin.think(request())).text == "Dạ em không nói về việc này."
    with pytest.raises(Refused, match="the guardrail intervened"):
        await plugin.think(request(question=True, sections=(Section(name="instruction", text="Put it in short."),)))
    assert len(bedrock.requests) == 2, "no other model is asked: the same guardrail looks at it"


async def test_a_model_that_keeps_its_answer_back_is_not_asked_again(make, bedrock):
    bedrock.script = [Answer(stop="content_filtered", text="…"), "Dạ, vâng."]
    assert (await make().think(request())).model == SMALL


async def test_a_conversation_that_is_too_long_for_a_model_is_sent_shorter(make, bedrock):
    talk = [each for n in range(20) for each in (user("x" * 300), bot("y" * 300))]
    bedrock.script = [Answer(stop="model_context_window_exceeded"), "Dạ, vâng."]
    reply = await make(message_tokens=3000).think(request(*talk, user("?")))
    assert reply.text == "Dạ, vâng."
    long, short = (len(asked["messages"]) for asked in bedrock.requests)
    assert short < long * 0.6


@pytest.mark.parametrize(
    "message",
    ["Input is too long for requested model.", "… prompt is too long: 213456 tokens > 200000 maximum"],
)
async def test_a_conversation_that_a_model_refuses_as_too_long_is_sent_shorter(make, bedrock, message):
    talk = [each for n in range(20) for each in (user("x" * 300), bot("y" * 300))]
    bedrock.faults.add(Fault(error="ValidationException", message=message))
    plugin = make(message_tokens=3000, models=[BIG])
    assert (await plugin.think(request(*talk, user("?")))).model == BIG
    (shorter,) = bedrock.requests
    whole = await plugin.preview(request(*talk, user("?")))
    assert len(shorter["messages"]) < len(whole["messages"]) * 0.6
    assert (await plugin.check_health())["ok"], "nobody has to mend anything"


@pytest.mark.parametrize(
    ("details", "cache", "cost"),
    [
        ([{"ttl": "1h", "inputTokens": 600_000}, {"ttl": "5m", "inputTokens": 400_000}], "1h", 0.6 * 6 + 0.4 * 3.75),
        ([], "1h", 6.0),
        ([], "5m", 3.75),
    ],
)
async def test_what_is_kept_for_an_hour_costs_what_an_hour_costs(make, details, cache, cost):
    usage = {"inputTokens": 0, "outputTokens": 0, "cacheWriteInputTokens": 1_000_000, "cacheDetails": details}
    reading = read({"usage": usage}, make().settings.models[0], cache)
    assert reading.usage.cost == pytest.approx(cost)

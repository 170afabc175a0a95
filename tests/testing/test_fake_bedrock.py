"""The stand-in of Bedrock refuses what AWS refuses; without that, green tests against it would mean nothing."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from frontdesk.aws.client import make_client
from frontdesk.testing.clock import MovableClock
from frontdesk.testing.fake_bedrock import Answer, Call, FakeBedrock, Fault
from frontdesk.testing.fake_bedrock.server import REGION
from frontdesk.testing.fake_bedrock.shapes import Invalid, checked_request

pytestmark = pytest.mark.usefixtures("aws_keys")

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
TOOLS = {
    "tools": [{"toolSpec": {"name": "hours", "description": "When.", "inputSchema": {"json": {"type": "object"}}}}]
}
USE = {"toolUse": {"toolUseId": "a", "name": "hours", "input": {}}}
RESULT = {"toolResult": {"toolUseId": "a", "content": [{"text": "9 to 5"}]}}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"text": each} if isinstance(each, str) else each for each in blocks]}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {**user(*blocks), "role": "assistant"}


@pytest.fixture
async def bedrock():
    async with FakeBedrock(clock=MovableClock(), cache_from=20) as running:
        yield running


@pytest.fixture
async def converse(bedrock):
    """`await converse(messages=…)`: boto3's own call."""
    more = {"retries": {"total_max_attempts": 1}, "read_timeout": 2}
    client = await asyncio.to_thread(make_client, "bedrock-runtime", region=REGION, endpoint=bedrock.url, **more)

    async def call(*messages: Any, **asked: Any) -> Any:
        return await asyncio.to_thread(client.converse, **{"modelId": MODEL, "messages": list(messages), **asked})

    yield call
    client.close()


async def test_it_answers_in_the_shape_of_the_service_with_tokens_counted(bedrock, converse):
    bedrock.script = [Answer(text="Let me look.", calls=(Call("hours", {"day": "thứ Hai"}),))]
    answer = await converse(user("Mấy giờ mở cửa?"), toolConfig=TOOLS, system=[{"text": "Be brief."}])
    said, use = answer["output"]["message"]["content"]
    assert (said, use["toolUse"]["input"]) == ({"text": "Let me look."}, {"day": "thứ Hai"})
    assert answer["stopReason"] == "tool_use"
    assert answer["usage"]["inputTokens"] > 10 and answer["usage"]["outputTokens"] > 5
    assert bedrock.requests[0]["messages"] == [user("Mấy giờ mở cửa?")]


@pytest.mark.parametrize(
    ("messages", "more", "says"),
    [
        ([assistant("Hi")], {}, "must start with a user message"),
        ([user("a"), user("b")], {}, "alternate"),
        ([user("a"), assistant("b")], {}, "prefill"),
        ([user(" ")], {}, "is blank"),
        ([user("a"), assistant(USE), user("b")], {"toolConfig": TOOLS}, "without `tool_result`"),
        ([user("a"), assistant("b"), user(RESULT)], {"toolConfig": TOOLS}, "without `tool_result`"),
        ([user("a"), assistant(USE), user("b", RESULT)], {"toolConfig": TOOLS}, "come first"),
        ([user("a"), assistant(USE), user(RESULT)], {}, "toolConfig field must be defined"),
        ([user("a")], {"toolConfig": {"tools": TOOLS["tools"] * 2}}, "not unique"),
        ([user("a")], {"modelId": MODEL.removeprefix("global.")}, "on-demand throughput"),
        ([user("a", *[{"cachePoint": {"type": "default"}}] * 5)], {}, "maximum of 4"),
        ([user("a", {"cachePoint": {"type": "default", "ttl": "2h"}})], {}, "enum"),
        ([user({"image": {"format": "png", "source": {"bytes": b"x" * 3_750_001}}})], {}, "images"),
        ([user("a")], {"guardrailConfig": {"guardrailIdentifier": "g1", "guardrailVersion": "1"}}, "does not exist"),
        ([user("a")], {"guardrailConfig": {"guardrailIdentifier": "g1", "guardrailVersion": "v1"}}, "pattern"),
        ([user("a"), assistant({"toolUse": {**USE["toolUse"], "toolUseId": "ä"}})], {}, "pattern"),
        ([user("a")], {"inferenceConfig": {"temperature": 1.5}}, "at most 1"),
        ([user("a")], {"requestMetadata": {str(no): "x" for no in range(17)}}, "at most 16"),
    ],
)
async def test_it_refuses_what_aws_refuses(bedrock, converse, messages, more, says):
    with pytest.raises(ClientError, match=says) as err:
        await converse(*messages, **more)
    assert err.value.response["Error"]["Code"] == "ValidationException"
    assert not bedrock.requests and len(bedrock.refused) == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"messages": [user("a")], "top_k": 5}, "extraneous key"),
        ({"messages": [{"role": "user"}]}, "content"),
        ({"messages": [user("a")], "inferenceConfig": {"maxTokens": "many"}}, "maxTokens"),
        ({"messages": [user("a")], "inferenceConfig": {"maxTokens": 0}}, "maxTokens"),
        ({"messages": [user({"image": {"format": "png", "source": {"bytes": "ảnh"}}})]}, "base64"),
        ([], "no JSON object"),
    ],
)
def test_what_amazons_own_sdk_would_not_even_send_is_refused_too(body, says):
    with pytest.raises(Invalid, match=says):
        checked_request("Converse", MODEL, body)


async def test_a_prefix_that_was_sent_before_is_read_from_the_cache_until_its_time_is_over(bedrock, converse):
    async def usage(instruction: str) -> tuple[int, int]:
        system = [{"text": instruction}, {"cachePoint": {"type": "default"}}, {"text": "It is Monday."}]
        found = (await converse(user("Hello"), system=system))["usage"]
        return found.get("cacheReadInputTokens", 0), found.get("cacheWriteInputTokens", 0)

    long = "Bạn là lễ tân. " * 10
    read, written = await usage(long)
    assert not read and written > 20
    assert await usage(long) == (written, 0)
    assert (await usage(long + "."))[0] == 0
    assert await usage("short") == (0, 0)
    bedrock._clock.advance(300)
    assert (await usage(long))[1] == written


async def test_a_guardrail_looks_at_wrapped_content_alone_if_there_is_any(bedrock, converse):
    bedrock.guardrails = {("g1", "1"): ("bomb",)}
    config = {"guardrailConfig": {"guardrailIdentifier": "g1", "guardrailVersion": "1"}}

    async def stop(*blocks: Any) -> str:
        return (await converse(user(*blocks), **config))["stopReason"]

    wrapped = {"guardContent": {"text": {"text": "a bomb"}}}
    assert await stop("a bomb") == "guardrail_intervened"
    assert await stop(wrapped) == "guardrail_intervened"
    assert await stop("a bomb", {"guardContent": {"text": {"text": "a cake"}}}) == "end_turn"


async def test_a_fault_comes_as_the_service_would_show_it(bedrock, converse):
    bedrock.faults.add(Fault(error="ThrottlingException", model=MODEL))
    with pytest.raises(ClientError) as err:
        await converse(user("Hello"))
    assert err.value.response["Error"]["Code"] == "ThrottlingException"
    assert err.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    bedrock.faults.add(Fault(kind="drop"))
    with pytest.raises(BotoCoreError, match="Connection was closed"):
        await converse(user("Hello"))
    for kind in ("cut", "garbage"):
        bedrock.faults.add(Fault(kind=kind))
        # botocore 1.44 does not hold a body against its Content-Length, and lets what is no JSON pass.
        assert "output" not in await converse(user("Hello"))
    assert bedrock.answered == 0
    bedrock.faults.add(Fault(kind="trickle", seconds=0.1), Fault(kind="hang", seconds=3))
    assert (await converse(user("Hello")))["stopReason"] == "end_turn"
    with pytest.raises(BotoCoreError, match="Read timeout"):
        await converse(user("Hello"))


async def test_the_program_prints_where_it_listens_and_ends_at_a_signal():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "frontdesk.testing.fake_bedrock", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert (await process.stdout.readline()).startswith(b"http://127.0.0.1:")
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    process._transport.close()

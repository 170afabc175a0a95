"""When Bedrock fails: what is tried again, who is asked next, and that it ends in time."""

from __future__ import annotations

import asyncio
import time

import pytest

from frontdesk import NeedsAttention, RetryLater, Secret, ToolSpec
from frontdesk.plugins import bedrock_llm
from frontdesk.tasks import Owner
from frontdesk.testing.fake_bedrock import Answer, Fault

from .conftest import BIG, SMALL, request

OWN_KEY = {"models": [BIG], "access_key_id": "AKIA0123456789ABCDEF"}


@pytest.fixture
def making(monkeypatch):
    """`making(seconds)`: from now on a client takes so long to be made."""
    real = bedrock_llm.make

    def slowed(seconds):
        def slow(*arguments):
            time.sleep(seconds)
            return real(*arguments)

        monkeypatch.setattr(bedrock_llm, "make", slow)

    return slowed


@pytest.mark.parametrize(
    "fault",
    [
        Fault(error="ThrottlingException"),
        Fault(error="ModelNotReadyException"),
        Fault(error="ServiceUnavailableException"),
        Fault(error="InternalServerException"),
        Fault(error="ModelTimeoutException"),
        Fault(error="ModelErrorException"),
        Fault(kind="cut"),
        Fault(kind="garbage"),
    ],
    ids=lambda fault: fault.error if fault.kind == "error" else fault.kind,
)
async def test_what_may_pass_is_tried_once_more_with_the_same_model(make, bedrock, fault):
    bedrock.faults.add(fault)
    plugin = make()
    assert (await plugin.think(request())).model == BIG
    assert plugin._trouble == "" and (await plugin.check_health())["ok"]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("ThrottlingException", "quota"),
        ("ModelErrorException", "the model failed"),
        ("ServiceUnavailableException", "not available"),
    ],
)
async def test_what_does_not_pass_leads_to_the_next_model(make, bedrock, error, says):
    bedrock.faults.add(Fault(error=error, model=BIG, times=0))
    plugin = make()
    reply = await plugin.think(request())
    assert reply.model == SMALL and says in reply.notes[0]
    assert len(bedrock.faults.met) == 2
    assert all(0 < seconds <= 2 for seconds in plugin.clock.slept)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault(error="AccessDeniedException"), "bedrock:InvokeModel"),
        (Fault(error="ResourceNotFoundException"), "no such model"),
        (Fault(error="UnrecognizedClientException"), "credentials"),
        (
            Fault(error="ValidationException", message="1 error: Value 'của Lan' at 'x' is wrong"),
            "Value at 'x' is wrong",
        ),
        (
            Fault(error="ValidationException", message="… with on-demand throughput isn’t supported …"),
            "global., us., eu.",
        ),
    ],
    ids=lambda each: getattr(each, "error", ""),
)
async def test_what_a_person_must_mend_is_not_tried_again_and_is_told_though_another_model_answers(
    make, bedrock, fault, says
):
    bedrock.faults.add(fault)
    plugin = make()
    reply = await plugin.think(request())
    assert reply.model == SMALL and says in reply.notes[0] and "Lan" not in reply.notes[0]
    health = await plugin.check_health()
    assert not health["ok"] and says in health["detail"]
    assert len(bedrock.faults.met) == 1
    bedrock.faults.add(Fault(error="ThrottlingException", model=BIG, times=2))
    await plugin.think(request())
    assert await plugin.check_health() == health, "it has not shown that it works"
    await plugin.think(request())
    assert (await plugin.check_health())["ok"], "it is mended"


async def test_when_no_model_answers_the_operator_is_told_if_a_person_can_do_something(make, bedrock):
    bedrock.faults.add(Fault(error="AccessDeniedException", model=BIG), Fault(error="ThrottlingException", times=0))
    with pytest.raises(NeedsAttention, match=r"bedrock:InvokeModel.*quota"):
        await make().think(request())
    with pytest.raises(RetryLater, match="quota"):
        await make().think(request())


async def test_a_request_that_boto3_does_not_send_costs_nothing_and_is_told_without_its_words(make, bedrock):
    plugin = make(models=[BIG])
    wrong = ToolSpec(name="hours", description=("của Lan",), schema={"type": "object"})  # type: ignore[arg-type]
    with pytest.raises(NeedsAttention, match=r"refuses to send .* parameter toolConfig.*description$"):
        await plugin.think(request(tools=(wrong,)))
    assert plugin.spending.settled == [0]


async def test_credentials_that_cannot_be_got_cost_nothing_and_are_told(make, bedrock, monkeypatch, tmp_path):
    (tmp_path / "config").write_text("[default]\ncredential_process = /bin/false\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    plugin = make(models=[BIG])
    with pytest.raises(NeedsAttention, match=r"credentials could not be got.*give this machine a role"):
        await plugin.think(request())
    assert plugin.spending.settled == [0]


async def test_a_dropped_connection_is_paid_for_and_not_sent_again(make, bedrock):
    bedrock.faults.add(Fault(kind="drop"))
    plugin = make()
    assert (await plugin.think(request())).model == SMALL
    (lost, first), (_, second) = plugin.spending.reserved
    assert (first, second) == (True, False)
    assert plugin.spending.settled[0] == lost


async def test_a_model_that_does_not_answer_leaves_time_for_the_next(make, bedrock):
    bedrock.faults.add(Fault(kind="hang", seconds=30, model=BIG))
    began = time.monotonic()
    reply = await make().think(request(seconds=7))
    assert reply.model == SMALL and "no answer" in reply.notes[0]
    assert time.monotonic() - began < 7


@pytest.mark.parametrize("kind", ["hang", "trickle"])
async def test_no_call_lasts_longer_than_the_turn(make, bedrock, kind):
    bedrock.faults.add(Fault(kind=kind, seconds=6, times=0))
    began = time.monotonic()
    with pytest.raises(RetryLater, match="no answer"):
        await make().think(request(seconds=4))
    assert time.monotonic() - began < 4.5


async def test_without_time_nothing_is_called(make, bedrock):
    with pytest.raises(RetryLater, match="no time"):
        await make().think(request(seconds=1))
    assert not bedrock.requests


async def test_calls_with_little_time_left_share_their_clients(make):
    plugin = make(models=[BIG])
    for left in range(12):
        await plugin.think(request(seconds=4.0 + left / 20))
    assert len(plugin.shared.made) <= 2, sorted(plugin.shared.made)


async def test_the_ceiling_sends_to_the_cheaper_model_then_to_nobody(make, bedrock):
    plugin = make()
    await plugin.think(request())
    (most, _), (cost,) = plugin.spending.reserved[0], plugin.spending.settled
    assert 0 < cost < most
    plugin.spending.left = most * 0.9
    reply = await plugin.think(request())
    assert reply.model == SMALL and "no room" in reply.notes[0]
    plugin.spending.left = 0.0001
    with pytest.raises(RetryLater, match="no room"):
        await plugin.think(request())
    assert len(bedrock.requests) == 2


async def test_a_call_that_is_cancelled_counts_as_spent_once_it_has_begun(make, bedrock, making):
    plugin, owner = make(models=[BIG]), Owner("test")

    async def cancelled_when(condition, seconds):
        thinking = owner.start(plugin.think(request(seconds=seconds)), "think")
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.01)
        thinking.cancel()
        await asyncio.wait([thinking])

    bedrock.faults.add(Fault(kind="hang", seconds=1))
    await cancelled_when(lambda: bedrock.faults.met, 20)
    making(0.5)
    await cancelled_when(lambda: len(plugin.spending.reserved) == 2, 15)
    assert plugin.spending.settled == [plugin.spending.reserved[0][0], 0]


async def test_a_call_that_fails_in_a_way_that_nobody_thought_of_counts_as_spent(make, bedrock, monkeypatch):
    plugin = make(models=[BIG])

    async def fails(asked, ends_at, begun):
        begun()
        raise KeyError("endpoint")

    monkeypatch.setattr(plugin, "_converse", fails)
    with pytest.raises(KeyError):
        await plugin.think(request())
    assert plugin.spending.settled == [most for most, _ in plugin.spending.reserved] != [0]


async def test_making_a_client_is_part_of_the_time_that_is_left(make, bedrock, making):
    making(1.0)
    bedrock.faults.add(Fault(kind="trickle", seconds=3, times=0))
    began = time.monotonic()
    with pytest.raises(RetryLater, match="no answer"):
        await make(models=[BIG]).think(request(seconds=3.5))
    assert time.monotonic() - began < 3.5


async def test_a_call_whose_client_is_not_made_in_time_is_neither_billed_nor_begun(make, bedrock, making):
    making(2.0)
    plugin = make(models=[BIG])
    with pytest.raises(RetryLater, match=r"client could not be made within 1\.\d s"):
        await plugin.think(request(seconds=2.4))
    assert plugin.spending.settled == [0] and not bedrock.requests


async def test_more_is_never_billed_than_was_reserved(make, bedrock):
    bedrock.otherwise = Answer(text="Dạ. " * 3000, stop="max_tokens")
    for settings in ({}, {"cache": "off"}, {"max_tokens": 64}):
        plugin = make(**settings)
        await plugin.think(request())
        assert plugin.spending.settled[0] <= plugin.spending.reserved[0][0]


async def test_what_is_to_be_kept_for_an_hour_is_reserved_as_that(make):
    most = {}
    for cache in ("5m", "1h"):
        plugin = make(models=[BIG], cache=cache)
        reply = await plugin.think(request())
        ((most[cache], _),) = plugin.spending.reserved
    assert most["1h"] > most["5m"] * 1.1 and reply.usage.cost


async def test_a_ceiling_needs_prices(make):
    plugin = make(models=[BIG, "mistral.pixtral-large-2502-v1:0"])
    plugin.spending.left = 5
    with pytest.raises(NeedsAttention, match=r"mistral.pixtral.*write `price:"):
        await plugin.start()
    plugin = make(models=[{"id": "mistral.pixtral-large-2502-v1:0", "price": {"input": 2, "output": 6}}])
    plugin.spending.left = 5
    await plugin.start()


async def test_a_key_of_the_tenants_own_that_was_rotated_is_read_again(make, bedrock, tmp_path):
    path = tmp_path / "secret"
    path.write_text("old")
    plugin = make(**OWN_KEY, secret_access_key=Secret("file", str(path), tmp_path))
    await plugin.start()
    path.write_text("new")
    bedrock.faults.add(Fault(error="UnrecognizedClientException"))
    assert (await plugin.think(request())).text.startswith("You said")
    bedrock.faults.add(Fault(error="UnrecognizedClientException", times=0))
    with pytest.raises(NeedsAttention, match="refused the credentials"):
        await plugin.think(request())


async def test_a_key_that_is_refused_and_whose_secret_is_gone_costs_nothing_and_is_told(make, bedrock, tmp_path):
    path = tmp_path / "secret"
    path.write_text("old")
    plugin = make(**OWN_KEY, secret_access_key=Secret("file", str(path), tmp_path))
    await plugin.start()
    path.unlink()
    bedrock.faults.add(Fault(error="UnrecognizedClientException", times=0))
    with pytest.raises(NeedsAttention, match=f"{BIG}: .*secret"):
        await plugin.think(request())
    health = await plugin.check_health()
    assert not health["ok"] and "secret" in health["detail"]
    assert plugin.spending.settled == [0]

"""A sender of which too much came at once is slower for a while, in every process, and told about in words."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from frontdesk import Refused, RetryLater
from frontdesk.budget.limits import Rate
from frontdesk.channel import StatusUpdate
from frontdesk.outbox.explained import explained
from frontdesk.outbox.pace import Pace
from frontdesk.testing.plugins import Phone, ScriptedModel

SENDER = ("clinic", "phone", "phone:desk")


async def test_each_request_to_slow_down_halves_the_rate_for_every_process_and_it_comes_back(start):
    async with start() as server:
        one, other = Pace(server.server.store), Pace(server.server.store)
        assert await other.rate(*SENDER, 80.0) == Rate.per_second(80)
        for _ in range(3):  # three that were on their way together
            await one.slow_down(*SENDER, 1.0)
        assert await one.rate(*SENDER, 80.0) == Rate.per_second(40)
        server.clock.advance(11)
        assert await other.rate(*SENDER, 80.0) == Rate.per_second(40)
        await other.slow_down(*SENDER, 3600.0)
        assert await other.rate(*SENDER, 80.0) == Rate.per_second(20)
        assert await one.rate("clinic", "phone", "phone:another", 80.0) == Rate.per_second(80)
        server.clock.advance(3599)
        assert await one.rate(*SENDER, 80.0) == Rate.per_second(20)
        server.clock.advance(2)
        assert await one.rate(*SENDER, 80.0) == await other.rate(*SENDER, 80.0) == Rate.per_second(80)
        await one.slow_down(*SENDER, 1.0)
        assert await one.rate(*SENDER, 80.0) == Rate.per_second(40)


async def test_it_is_never_slowed_to_nothing(start):
    async with start() as server:
        pace = Pace(server.server.store)
        for _ in range(20):
            await pace.slow_down(*SENDER, 3600.0)
            server.clock.advance(11)
        assert await pace.rate(*SENDER, 80.0) == Rate.per_second(0.8)


@pytest.mark.parametrize("later", [False, True], ids=["refused", "called back"])
async def test_the_provider_slows_its_sender(start, vendor, outbound, later):
    async with start() as server:
        lan = server.contact("Lan")

        def busy(message):
            vendor.before = None
            raise RetryLater("63018: too much", after=1, slower=True)

        vendor.before = None if later else busy
        await lan.says("Chào em.")
        await lan.hears()
        if later:
            (answer,) = await lan.received()
            failed = StatusUpdate(
                provider_id=answer.provider_id,
                state="failed",
                message=answer.id,
                code="63018",
                again_after=2.0,
                slower=True,
            )
            await server.server.status.take("clinic", [failed])
        rate = await Pace(server.server.store).rate(*SENDER, 80.0)
        assert rate == Rate.per_second(40)


class Explaining(Phone):
    """A phone whose error has a sentence."""

    @classmethod
    def explain(cls, code, language):
        return {("7", "vi"): "Máy bận; hãy gọi lại.", ("7", "en"): "The line is busy; call again."}.get(
            (code, language), ""
        )


async def test_alerts_are_in_the_tenants_language(desk, listener):
    told = []

    class Alerted(listener):
        """Hears alerts."""

        from frontdesk import hookimpl

        @hookimpl
        async def alert_operator(self, title, text, conversation):
            told.append(text)

    plugins = {"phone": Explaining, "model": ScriptedModel, "alerted": Alerted}
    async with desk(plugins=plugins, tenants={"clinic": {"language": "vi", "settle": {"quiet_seconds": 0}}}) as server:
        lan, phone = server.contact("Lan"), await server.plugin("phone")

        def refuse(message):
            raise Refused("The line is busy; call again.", code="7")

        phone.on_send = refuse
        await lan.says("Chào em.")

        async def alerted():
            return told

        assert await server.until("it is told", alerted) == ["7: Máy bận; hãy gọi lại."]


def test_what_has_no_code_or_no_sentence_stays_as_it_is():
    assert explained("7: x", Explaining, "en") == "7: The line is busy; call again."
    for error in ("8: x", "may have been sent", "", "held until the contact writes: it has no template"):
        assert explained(error, Explaining, "en") == error
    assert explained("7: x", None, "en") == "7: x"


def test_an_error_is_told_as_it_is_by_a_plugin_that_fails_at_explaining_it():
    class Broken(Phone):
        @classmethod
        def explain(cls, code, language):
            raise ValueError(code)

    with capture_logs() as logged:
        assert explained("7: x", Broken, "en") == "7: x"
    assert [(line["event"], line["plugin"]) for line in logged] == [("explain_failed", "Broken")]

"""Why a message did not arrive, in words, with the cure."""

from __future__ import annotations

import pytest

from frontdesk import Channel
from frontdesk.model import Message
from frontdesk.services.delivery_words import _SENTENCES, code, trouble
from frontdesk.testing.clock import MovableClock


class Courier(Channel):
    """Knows one code."""

    @classmethod
    def explain(cls, code, language):
        if code != "63016":
            return ""
        return "Quá 24 giờ: hãy gửi tin mẫu." if language == "vi" else "More than 24 hours: send a template."


def message(state, error="", **more):
    return Message(
        id="m1", conversation="c1", direction="outbound", state=state, error=error, at=MovableClock().now(), **more
    )


@pytest.mark.parametrize("state", ["proposed", "queued", "sending", "accepted", "sent", "delivered", "read"])
def test_what_goes_its_way_has_no_trouble(state):
    assert trouble(message(state), Courier, "en") == ""


def test_a_providers_code_is_told_in_the_operators_language_without_the_code():
    failed = message("failed", "63016: Failed to send freeform message")
    assert trouble(failed, Courier, "en") == "More than 24 hours: send a template."
    assert trouble(failed, Courier, "vi") == "Quá 24 giờ: hãy gửi tin mẫu."
    assert code(failed) == "63016"
    unknown = message("failed", "99999: the carrier is on strike")
    assert trouble(unknown, Courier, "vi") == "the carrier is on strike."
    assert trouble(message("failed", "the phone cannot show a video"), None, "en") == "the phone cannot show a video."
    assert "gave no reason" in trouble(message("failed"), Courier, "en")


def test_what_was_said_again_says_so():
    failed = message("failed", "63016: … It is said again as m1.again.")
    assert trouble(failed, Courier, "en") == "More than 24 hours: send a template. It was sent once more, see below."


@pytest.mark.parametrize(
    ("state", "error", "begins"),
    [
        ("queued", "held until the contact writes: the service window is closed, and …", "Waits until the contact"),
        ("queued", "63018: too many at once", "Could not be sent yet"),
        ("sending", "time-out", "It is not certain"),
        ("parked", "may have been sent: compare …", "It may have been sent"),
        ("expired", "too late: …", "Too late"),
        ("withdrawn", "opted out: the contact asked for no more messages", "Not sent: the contact asked"),
        ("withdrawn", "taken over: a person answered in the bot's place", "Not sent: a person answered"),
        ("withdrawn", "its turn did not say it after all", "Not sent: the bot began"),
        ("withdrawn", "the first attempt arrived after all", "Not sent again"),
        ("withdrawn", "dismissed: may have been sent", "A person looked at it"),
        ("withdrawn", "whatever", "It was taken back"),
    ],
)
def test_every_way_of_not_arriving_has_its_sentence(state, error, begins):
    told = trouble(message(state, error), Courier, "en")
    assert told.startswith(begins)
    assert trouble(message(state, error), Courier, "vi") != told


def test_what_may_have_come_twice_is_told_whatever_its_state():
    assert "twice" in trouble(message("delivered", possible_duplicate=True), Courier, "en")


def test_both_languages_say_the_same_things():
    assert all(english.count("{") == vietnamese.count("{") for english, vietnamese in _SENTENCES.values())

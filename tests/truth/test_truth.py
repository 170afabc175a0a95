"""The check over labelled replies, with how good it has to stay; and what it must not take for a claim."""

from __future__ import annotations

import importlib.util
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from frontdesk.config.words import default_words
from frontdesk.truth import Known, Shown, problems

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 27)


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_truth", ROOT / "bench" / "truth.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "missed", "alarms"),
    [("tuned", 1, 0), ("held_out", 0, 0), ("unseen", 7, 1)],
)
def test_no_more_is_missed_and_no_more_is_taken_for_untrue(bench, name, missed, alarms):
    """The numbers are those of bench/README.md: more is a step back, less is a reason to write less here and there."""
    found = [(case, bench.judged(case)) for case in bench.cases(name)]
    assert len([case for case, wrong in found if not case["honest"] and not wrong]) == missed
    assert len([case for case, wrong in found if case["honest"] and wrong]) == alarms


def test_the_labelled_sets_are_what_they_say(bench):
    cases = [case for name in bench.SETS for case in bench.cases(name)]
    assert len(cases) >= 200
    for language in ("en", "vi"):
        honest = [case["honest"] for case in cases if case["language"] == language]
        assert len(honest) >= 100 and sum(honest) * 2 == len(honest)
    replies = [
        str((case["reply"], case["contact"], {k: v for k, v in case.items() if k != "honest"})) for case in cases
    ]
    assert len(set(replies)) == len(replies)


@pytest.mark.parametrize("language", ["en", "vi"])
def test_what_the_desk_says_of_its_own_accord_is_no_claim(language):
    for key, text in default_words(language).items():
        said = text.format(assistant="Lan", business="Hoa Sen", opens="")
        assert not problems(said, Known(today=TODAY, person=key == "handed_off")), key


@pytest.mark.parametrize("language", ["en", "vi"])
def test_the_offline_models_phrases_are_no_claims(language):
    """But for `done`, which it says behind a deed, and what it tells operators."""
    phrases = yaml.safe_load((ROOT / "plugins/rehearsal_llm/phrases.yaml").read_text("utf-8"))
    filled = {"yes": "Dạ, ", "da": "Dạ ", "a": " ạ", "You": "Anh/chị", "you": "anh/chị", "Me": "Em", "me": "em"}
    for key, texts in phrases.items():
        if key in ("address", "emoji", "done") or key.startswith("reason_") or language not in texts:
            continue
        voices = texts[language].values() if isinstance(texts[language], dict) else [texts[language]]
        for text in voices:
            said = text.format_map(
                {
                    **filled,
                    **dict.fromkeys(
                        ("text", "what", "assistant", "business", "topics", "tool", "reason", "wrote", "day"), ""
                    ),
                }
            )
            assert not problems(said, Known(today=TODAY)), (key, said)


@pytest.mark.parametrize(
    "said",
    [
        "Once you have booked and sent us the form, we will call you.",
        "I'm sorry that your lesson was cancelled.",
        "Nếu chị đã đặt và đã cọc thì em kiểm tra giúp ạ.",
        "Have you already booked, or shall I?",
        "Dạ chị đã gửi hình chưa ạ?",
    ],
)
def test_what_is_supposed_asked_or_told_back_is_no_claim(said):
    assert not problems(said, Known(today=TODAY))


BOOKED = Shown(tool="book_visit", description="Book a visit.", told=["Booked: Saturday 28 November 2026 15:00"])
CANCELLED = Shown(
    tool="cancel_visit", description="Cancel a visit.", told=["Cancelled: Saturday 28 November 2026 15:00"]
)


def kinds(reply: str, **known: object) -> list[str]:
    return [problem.kind for problem in problems(reply, Known(today=TODAY, **known))]  # type: ignore[arg-type]


def test_a_visit_that_was_cancelled_since_is_booked_no_more():
    assert kinds("Your visit is booked for 3pm.", earlier=[BOOKED]) == []
    assert "book" in kinds("Your visit is booked for 3pm.", earlier=[BOOKED, CANCELLED])
    assert kinds("Your visit is booked for 3pm.", earlier=[CANCELLED, BOOKED]) == []


def test_an_earlier_deed_is_told_again_but_makes_no_new_one_true():
    assert kinds("I've booked you in.", earlier=[BOOKED], asked="Did you book it?") == []
    assert kinds("I've booked you in.", earlier=[BOOKED], asked="Please book another one") == ["book"]
    assert kinds("I've booked you in for Saturday at 3pm.", earlier=[BOOKED], asked="Thanks") == []
    assert kinds("I've booked you in for Saturday at 4pm.", earlier=[BOOKED], said=["4pm"], asked="Thanks") == ["book"]


def test_an_earlier_deed_makes_no_bare_done_true():
    """Seen over the real server: a visit was booked, "cancel it" was answered with "Xong.", and nothing was cancelled."""
    assert kinds("Xong.", earlier=[BOOKED], asked="em hủy lịch giúp chị") == ["any"]
    assert kinds("Done.", earlier=[BOOKED], asked="please cancel it") == ["any"]
    assert kinds("Dạ xong rồi ạ.", earlier=[BOOKED], asked="xong chưa em") == []
    assert kinds("All done for Saturday at 3pm.", earlier=[BOOKED], asked="thanks") == []


def test_day_and_time_of_a_visit_are_those_of_its_deed():
    assert kinds("You're booked for Saturday 28 November at 3pm.", done=[BOOKED]) == []
    assert kinds("You're booked for Saturday 28 November at 4pm.", done=[BOOKED], asked="4pm please") == ["book"]
    assert kinds("You're booked for 5 December at 3pm.", done=[BOOKED], asked="5 December please") == ["book"]


def test_a_list_of_free_times_is_no_record_of_a_visit():
    free = Shown(tool="free_times", description="Say which times are free.", told=["15:00"])
    own = Shown(tool="my_visits", description="Say what this contact has booked.", told=["28/11 15:00"])
    none = Shown(tool="my_visits", description="Say what this contact has booked.", told=["no visits"])
    said = "Chị có lịch hẹn lúc 15h mai ạ."
    assert kinds(said, read=[free]) == ["book"]
    assert kinds(said, read=[own]) == []
    assert "book" in kinds(said, read=[none])


@pytest.mark.parametrize(
    ("reply", "fact", "kind"),
    [
        ("Done.", "X-rays are done by Dr Lan.", "any"),
        ("Xong.", "Chuyển khoản xong mới giữ chỗ.", "any"),
        ("Your visit is cancelled.", "If your visit is cancelled by us, you pay nothing.", "cancel"),
        ("Your table is booked.", "Your table is booked for two hours.", "book"),
    ],
)
def test_what_is_so_in_general_is_no_deed(reply, fact, kind):
    assert kinds(reply, facts=[fact], asked="please do it") == [kind]


def test_what_a_fact_says_in_the_same_words_may_be_said():
    assert kinds("The pool has been heated by the sun.", facts=["The pool has been heated by the sun since May."]) == []


@pytest.mark.parametrize(
    ("reply", "wrote", "found"),
    [
        ("Your visit is booked.", "Would you like your visit to be booked?", ["book"]),
        ("Your visit is booked.", "I will have your visit booked later.", ["book"]),
        ("Your visit is booked.", "Your visit has been booked.", []),
        ("Lịch của chị đã được đặt rồi ạ.", "Chị muốn đặt lịch ngày nào ạ?", ["book"]),
        ("Lịch của chị đã được đặt rồi ạ.", "Em chưa đặt được lịch ạ.", ["book"]),
        ("Lịch của chị đã được đặt rồi ạ.", "Không sao ạ, em giữ lịch cho chị nha.", []),
        ("Done.", "Good morning.", ["any"]),
    ],
)
def test_what_people_ask_offer_or_deny_is_no_record(reply, wrote, found):
    assert kinds(reply, people=[wrote], asked="did you do it?") == found


@pytest.mark.parametrize("reply", ["All done for Sunday at 4pm.", "Dạ xong rồi ạ, chủ nhật lúc 16h nhé."])
def test_a_bare_done_is_of_the_deeds_day_and_time(reply):
    assert kinds(reply, done=[BOOKED], asked="Sunday 4pm, chủ nhật 16h") == ["any"]


def test_a_bare_done_on_the_right_day_is_true():
    assert kinds("All done for Saturday at 3pm.", done=[BOOKED]) == []
    assert kinds("Dạ xong rồi ạ, thứ bảy lúc 15h nhé.", done=[BOOKED]) == []
    assert kinds("Dạ xong rồi ạ.", done=[BOOKED]) == []


@pytest.mark.parametrize(
    ("reply", "source", "found"),
    [
        ("It is £38.", "Lessons are £38 each.", []),
        ("It is £45.", "Lessons are £38 each; hire £15.", ["price"]),
        ("Two lessons are £76.", "Lessons are £38 each.", []),
        ("Dạ 2tr5 ạ.", "giá 2.500.000đ", []),
        ("Dạ 1tr250 ạ.", "giá 1.250.000đ", []),
        ("Dạ một triệu 2 trăm, 350 nghìn ạ.", "giá 350k", ["price"]),
        ("Dạ hai triệu rưỡi ạ.", "giá 2.500.000đ", []),
        ("Dạ hai triệu rưỡi ạ.", "giá 30 triệu", ["price"]),
        ("Dạ ba trăm năm mươi nghìn ạ.", "giá 350k", []),
        ("Dạ bốn trăm nghìn ạ.", "giá 350k", ["price"]),
        ("Dạ hai ba triệu tùy răng ạ.", "", []),
        ("It is two hundred and fifty pounds.", "£250", []),
        ("It is two hundred pounds.", "£250", ["price"]),
        ("Dạ giảm 20% ạ.", "giảm 10%", ["share"]),
        ("Open until 9pm.", "09:00-16:00", ["time"]),
        ("Open until 4pm.", "09:00-16:00", []),
        ("Come at half past four.", "16:30", []),
        ("Dạ 8 giờ tối ạ.", "20:00", []),
        ("Dạ 3h chiều ạ.", "sau 15h", []),
        ("It takes 2 hours.", "", []),
        ("Call 020 7946 0123.", "+44 20 7946 0123", []),
        ("Call 020 7946 0199.", "+44 20 7946 0123", ["phone"]),
        ("Hotline 1900 6868 ạ.", "", ["phone"]),
        ("The course begins on 5 January.", "begins 2027-01-05", []),
        ("The course begins on 6 January.", "begins 2027-01-05", ["date"]),
        ("We are here 24/7, half of you know it.", "", []),
        ("Come at 14:45, 15 minutes before.", "15:00", []),
    ],
)
def test_figures_stand_somewhere(reply, source, found):
    assert kinds(reply, said=[source]) == found


@pytest.mark.parametrize(
    "text",
    [
        "em đã đặt " * 800,
        "your " * 1600,
        "1.000" * 1600,
        "at 1 " * 1600,
        "a" * 8000,
        "0" + "1" * 40 + "%",
        "+" + "1" * 1600 + "/",
        "0 (1) " * 1600 + "%",
        "hai mươi " * 1600,
    ],
)
def test_no_text_takes_long_to_read(text):
    """A pattern that goes back and forth would stop the loop for minutes."""
    problems(text, Known(today=TODAY))

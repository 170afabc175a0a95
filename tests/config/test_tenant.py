"""What a tenant is: its own words, its hours, its people's numbers, its plugins with the place of their settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from frontdesk.config import OpeningHours, Secret, Settings, TenantConfig, Words, validate_settings
from frontdesk.config.fields import duration_text

MINIMAL: dict[str, Any] = {"id": "shop", "name": "Shop", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi"}


def tenant(**more: Any) -> TenantConfig:
    return TenantConfig.model_validate({**MINIMAL, **more})


class Whatsapp(Settings):
    account: str
    token: Secret


def test_a_name_a_time_zone_and_a_language_are_enough() -> None:
    shop = tenant()
    assert shop.zone == ZoneInfo("Asia/Ho_Chi_Minh")
    assert shop.return_to_bot_after == timedelta(minutes=30)
    assert shop.useful_for == timedelta(hours=24)
    assert (shop.settle.quiet_seconds, shop.settle.cap_seconds) == (2.5, 15)
    assert shop.plugins == shop.facts == shop.staff == ()


def test_every_sentence_has_a_default_in_vietnamese_and_in_english() -> None:
    vietnamese, english = tenant(), tenant(language="en-GB")
    for sentence in Words.model_fields:
        said = [shop.say(sentence, opens="08:00") for shop in (vietnamese, english)]
        assert said[0] != said[1]
        assert "{" not in "".join(said)


def test_its_own_words_win_in_its_language_and_the_built_in_ones_in_another() -> None:
    shop = tenant(name="Hoa Sen", persona={"name": "Sen"}, words={"greeting": "Dạ, {assistant} của {business} đây ạ."})
    assert shop.say("greeting") == shop.say("greeting", "vi-VN") == "Dạ, Sen của Hoa Sen đây ạ."
    assert shop.say("greeting", "en-US") == "Hello, this is Sen, the assistant of Hoa Sen. How can I help you?"
    assert shop.say("greeting", "ja") == "Dạ, Sen của Hoa Sen đây ạ."
    assert shop.say("holding").startswith("Dạ, em đã nhận được tin nhắn")


def test_a_name_with_braces_is_only_a_name() -> None:
    assert "{business.__class__}" in tenant(name="{business.__class__}").say("greeting")


def test_a_language_without_built_in_words_needs_all_of_them(read_text, shop) -> None:
    _, problems = read_text(shop.replace("language: en", "language: fr"))
    required = [name for name, sentence in Words.model_fields.items() if sentence.is_required()]
    assert [problem.key for problem in problems] == [f"words.{sentence}" for sentence in required]
    later = {name for name in Words.model_fields if name.startswith("voice_")} | {"stopped", "resumed"}
    assert set(Words.model_fields) - set(required) == later, "those came later, and have a default"
    words = dict.fromkeys(Words.model_fields, "Bonjour, ici {assistant}.")
    assert tenant(language="fr", words=words).say("holding") == "Bonjour, ici Frontdesk."


@pytest.mark.parametrize("sentence", ["{0}", "{assistant.name}", "{assistant!r}", "{assistant:>9}", "{", "}", "{}"])
def test_only_the_two_placeholders_are_filled(sentence: str) -> None:
    with pytest.raises(ValidationError, match=r"placeholders are {assistant} and {business}"):
        tenant(words={"greeting": sentence})


def test_phone_numbers_are_kept_as_e164() -> None:
    assert tenant(staff=["+84 912 345 678", "+44 (0)20 7946 0123"]).staff == ("+84912345678", "+442079460123")


def test_facts_keep_their_ids_and_get_one_where_they_have_none() -> None:
    facts = tenant(
        facts=[{"topic": "a", "questions": "Where?", "answer": "b"}, {"id": "fees", "topic": "c", "answer": "d"}]
    ).facts
    assert [fact.id for fact in facts] == ["fact-1", "fees"]
    assert facts[0].questions == ("Where?",)


def test_text_is_unicode_nfc_without_space_at_its_ends() -> None:
    assert tenant(name=" Tie\u0302\u0301ng Anh ").name == "Ti\u1ebfng Anh"
    with pytest.raises(ValidationError):
        tenant(name="   ")


@pytest.mark.parametrize("zone", ["Asia", "../etc/passwd", "/etc/localtime", "GMT+7", "", "Asia/Hanoi", "a\0b"])
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValidationError, match="is no IANA time zone"):
        tenant(time_zone=zone)


def test_a_zone_on_the_wrong_side_of_greenwich_is_not_proposed() -> None:
    with pytest.raises(ValidationError) as caught:
        tenant(time_zone="GMT+7")
    assert "Etc/GMT+7" not in str(caught.value), "Etc/GMT+7 is seven hours behind Greenwich"


@pytest.mark.parametrize(("language", "good"), [("vi", 1), ("en-GB", 1), ("zh-Hant-TW", 1), ("VI", 0), ("en_GB", 0)])
def test_a_language_is_a_bcp_47_tag(language: str, good: int) -> None:
    words = dict.fromkeys(Words.model_fields, "x")
    if good:
        assert tenant(language=language, words=words).language == language
    else:
        with pytest.raises(ValidationError, match="BCP 47"):
            tenant(language=language, words=words)


def test_opening_hours_are_minutes_of_a_weekday() -> None:
    hours = OpeningHours.model_validate({"monday": ["08:00-12:00", "13:30-24:00"], "sunday": "00:00-02:00"})
    assert [(span.opens, span.closes) for span in hours.on(0)] == [(480, 720), (810, 1440)]
    assert [str(span) for span in hours.on(0)] == ["08:00-12:00", "13:30-24:00"]
    assert hours.on(1) == ()
    assert str(hours.on(6)[0]) == "00:00-02:00"


@given(st.integers(0, 1439), st.integers(0, 1440))
def test_a_span_is_accepted_exactly_when_it_closes_after_it_opens(opens: int, closes: int) -> None:
    written = f"{opens // 60:02}:{opens % 60:02}-{closes // 60:02}:{closes % 60:02}"
    if closes > opens:
        [span] = OpeningHours.model_validate({"friday": [written]}).on(4)
        assert (span.opens, span.closes, str(span)) == (opens, closes, written)
    else:
        with pytest.raises(ValidationError, match="closes before it opens"):
            OpeningHours.model_validate({"friday": [written]})


@given(st.integers(1, 9999), st.sampled_from(["s", "min", "h", "d"]))
def test_durations_are_read_with_their_unit_and_written_so_that_they_are_read_again(number: int, unit: str) -> None:
    span = tenant(useful_for=f"{number} {unit}").useful_for
    assert span == timedelta(**{{"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}[unit]: number})
    assert tenant(useful_for=duration_text(span)).useful_for == span


@pytest.mark.parametrize("written", [30, "30", "-1 h", "1 week", "1h30", None, "1e3 s", "9999999999 d"])
def test_a_duration_without_a_unit_is_refused(written: object) -> None:
    with pytest.raises(ValidationError, match="write a number and its unit"):
        tenant(useful_for=written)


def test_plugins_keep_their_order_and_their_settings_as_written() -> None:
    shop = tenant(plugins=["simulator", {"whatsapp": {"account": 5}}, {"rehearsal_llm": None}])
    assert [(entry.name, entry.settings) for entry in shop.plugins] == [
        ("simulator", {}),
        ("whatsapp", {"account": 5}),
        ("rehearsal_llm", {}),
    ]


def test_a_plugins_settings_are_checked_later_and_told_with_their_line(read_text, shop) -> None:
    loaded, _ = read_text(f"""\
{shop}    plugins:
      - simulator
      - whatsapp:
          acount: AC1
          token: hunter2
""")
    assert loaded is not None
    assert "hunter2" not in repr(loaded)
    entry = loaded.tenants["shop"].plugins[1]
    settings, problems = validate_settings(Whatsapp, entry.settings, entry.place)
    assert settings is None
    assert [str(problem) for problem in problems] == [
        "tenants.yaml:8: tenant shop: plugins[1].whatsapp.account: missing; this key is required",
        "tenants.yaml:10: tenant shop: plugins[1].whatsapp.token: a value where only a reference to a secret may "
        "stand; write `{env: NAME}`, `{file: path}`, `{aws_secret: id#key}`, `{ssm: name}` or `{stored: NAME}`",
        "tenants.yaml:9: tenant shop: plugins[1].whatsapp.acount: unknown key; did you mean account?",
    ]


def test_a_plugins_secret_file_is_looked_up_beside_the_tenants_file(read_text, shop, tmp_path, monkeypatch) -> None:
    loaded, _ = read_text(f"{shop}    plugins: [whatsapp: {{account: AC1, token: {{file: token}}}}]\n")
    assert loaded is not None
    (tmp_path / "token").write_text("t0ken\n")
    monkeypatch.chdir("/")
    entry = loaded.tenants["shop"].plugins[0]
    settings, _ = validate_settings(Whatsapp, entry.settings, entry.place)
    assert settings is not None
    assert settings.token.reveal() == "t0ken"


def test_a_tenant_that_only_moved_in_the_file_is_the_same(read_text, shop) -> None:
    plugins = "    plugins: [whatsapp: {account: AC1}]\n"
    before, _ = read_text(f"{shop}{plugins}")
    after, _ = read_text(f"# moved down\n\n{shop}{plugins}")
    assert before is not None
    assert after is not None
    assert before.tenants == after.tenants


def test_a_tenant_can_be_exported_and_read_again() -> None:
    shop = tenant(plugins=[{"whatsapp": {"account": "AC1"}}], opening_hours={"monday": "08:00-12:00"}, useful_for="2 d")
    assert TenantConfig.model_validate_json(shop.model_dump_json()) == shop
    assert TenantConfig.model_json_schema()["additionalProperties"] is False


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ({"messages": "29 d"}, "found 29 d; write at least 30 d: a provider may send a message again"),
        ({"tasks": "23 h"}, "found 23 h; write at least 1 d"),
        ({"turns": "a year"}, "write a number and its unit"),
    ],
)
def test_what_is_needed_to_know_a_repetition_is_not_deleted_early(written: dict[str, str], found: str) -> None:
    with pytest.raises(ValidationError, match=found):
        tenant(retention=written)
    assert tenant(retention={"messages": "30 d"}).retention.messages == timedelta(days=30)
    assert tenant().retention.messages is None

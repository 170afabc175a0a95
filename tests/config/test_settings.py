"""Secrets are references, revealed late, and shown nowhere."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, Field, ValidationError

from frontdesk.config import Place, Secret, SecretUnavailable, Settings, secrets_in, use_vault, validate_settings
from frontdesk.config.secret import _NoVault

LITERAL = "sk-live-hunter2"
RIGHT = "write `{env: NAME}`, `{file: path}`, `{aws_secret: id#key}`, `{ssm: name}` or `{stored: NAME}`"


class Account(Settings):
    """A plugin's settings, as plugins write them."""

    api_key: Secret
    """The vendor's key."""
    tokens: Secret | list[Secret] = Field(default_factory=list)
    sender: str = Field(default="", alias="from")
    url: str | Secret = ""
    pin: int | Secret = 0
    limits: dict[str, list[int]] = Field(default_factory=dict)


def account(raw: object, folder: Path = Path()) -> Account:
    settings, problems = validate_settings(Account, raw, Place("tenants.yaml", folder, "shop", "plugins[0].x"))
    assert problems == []
    assert settings is not None
    return settings


def problems_of(raw: object) -> list[str]:
    settings, problems = validate_settings(Account, raw, Place("tenants.yaml", Path(), "shop", "plugins[0].x"))
    assert settings is None
    return [str(problem) for problem in problems]


def test_an_environment_variable_is_read_when_it_is_revealed_and_not_before(monkeypatch) -> None:
    monkeypatch.delenv("SHOP_KEY", raising=False)
    settings = account({"api_key": {"env": "SHOP_KEY"}})
    with pytest.raises(SecretUnavailable, match=r"environment variable SHOP_KEY is not set; set it, or write .*\.env"):
        settings.api_key.reveal()
    monkeypatch.setenv("SHOP_KEY", LITERAL)
    assert settings.api_key.reveal() == LITERAL
    monkeypatch.setenv("SHOP_KEY", "")
    with pytest.raises(SecretUnavailable, match="is empty"):
        settings.api_key.reveal()


def test_a_file_is_looked_up_beside_the_tenants_file_and_its_last_newline_is_left_out(tmp_path: Path) -> None:
    secret = account({"api_key": {"file": "keys/shop"}}, tmp_path).api_key
    with pytest.raises(SecretUnavailable, match=r"keys/shop cannot be read \(No such file or directory\); write the"):
        secret.reveal()
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/shop").write_text(f" {LITERAL} \n")
    assert secret.reveal() == f" {LITERAL} "
    (tmp_path / "keys/shop").write_text("\n")
    with pytest.raises(SecretUnavailable, match="is empty; write the secret into it"):
        secret.reveal()


def test_a_secret_file_that_is_not_text_is_refused_without_showing_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(LITERAL.encode() + b"\xff")
    with pytest.raises(SecretUnavailable, match="is not UTF-8 text") as caught:
        Secret("file", "key", tmp_path).reveal()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert LITERAL not in str(caught.value)


def test_a_secret_never_shows_itself(monkeypatch, caplog) -> None:
    monkeypatch.setenv("SHOP_KEY", LITERAL)
    for secret in (Secret.from_text(LITERAL), account({"api_key": {"env": "SHOP_KEY"}}).api_key):
        assert secret.reveal() == LITERAL
        settings = Account(api_key=secret)
        with caplog.at_level(logging.INFO):
            logging.getLogger("test").info("%s %r %s", secret, settings, [secret])
        seen = [repr(secret), str(secret), f"{secret}", repr(settings), str(settings), caplog.text]
        seen += [settings.model_dump_json(), repr(settings.model_dump()), json.dumps(Account.model_json_schema())]
        assert not any(LITERAL in text for text in seen)


def test_json_holds_the_reference_so_that_an_export_can_be_read_again() -> None:
    settings = account({"api_key": {"env": "SHOP_KEY"}})
    again = json.loads(settings.model_dump_json(by_alias=True))
    assert again["api_key"] == {"env": "SHOP_KEY"}
    assert account(again) == settings


def test_secrets_are_equal_when_their_references_are(tmp_path: Path) -> None:
    assert Secret("env", "A") == Secret("env", "A") != Secret("env", "B")
    assert Secret("file", "a", tmp_path) != Secret("file", "a", tmp_path / "other")
    assert len({Secret("env", "A"), Secret("env", "A"), Secret("file", "A"), Secret.from_text("A")}) == 3
    assert copy.deepcopy(Secret("env", "A")) == pickle.loads(pickle.dumps(Secret("env", "A"))) == Secret("env", "A")


@pytest.mark.parametrize(
    "written",
    [
        LITERAL,
        [LITERAL],
        {LITERAL: None},
        {"env": LITERAL},
        {"env": "a1b2c3d4e5f6"},
        {"env": "SHOP_KEY", "file": LITERAL},
        {"file": ""},
        {},
        5,
        None,
    ],
)
def test_anything_but_a_reference_is_refused_and_not_repeated(written: object) -> None:
    [problem] = problems_of({"api_key": written})
    assert problem.startswith("tenants.yaml: tenant shop: plugins[0].x.api_key: ")
    assert problem.endswith(f"; {RIGHT}")
    assert LITERAL not in problem
    assert "a1b2c3d4e5f6" not in problem


@pytest.mark.parametrize("key", ["tokens", "url"])
@pytest.mark.parametrize("written", [{"env": LITERAL}, {LITERAL: LITERAL}, [LITERAL], [{"env": LITERAL}]])
def test_alternatives_of_a_secret_do_not_repeat_it_either(key: str, written: object) -> None:
    problems = problems_of({"api_key": {"env": "A"}, key: written})
    assert len(problems) == 1
    assert LITERAL not in problems[0]


def test_text_that_is_neither_the_number_nor_the_secret_it_may_be_is_not_repeated() -> None:
    [problem] = problems_of({"api_key": {"env": "A"}, "pin": LITERAL})
    assert problem.endswith(f"pin: a value where only a reference to a secret may stand; {RIGHT}")


def test_a_secret_in_a_wrong_place_is_not_repeated() -> None:
    problems = problems_of({"api_keys": LITERAL, "limits": LITERAL, "from": [LITERAL]})
    assert [problem.split(": ", 3)[3] for problem in problems] == [
        "missing; required: The vendor's key",
        "found a list; write text",
        "found text; write a mapping",
        "unknown key; did you mean api_key?",
    ]
    assert problems_of(LITERAL) == ["tenants.yaml: tenant shop: plugins[0].x: found text; write a mapping"]


def test_pydantics_own_error_does_not_show_the_input() -> None:
    with pytest.raises(ValidationError) as caught:
        Account.model_validate({"api_key": LITERAL})
    assert LITERAL not in str(caught.value)


def test_the_lists_of_secrets_that_rotation_needs_work() -> None:
    one, two = {"env": "CURRENT"}, {"env": "PREVIOUS"}
    assert account({"api_key": one, "tokens": [one, two]}).tokens == [
        Secret("env", "CURRENT"),
        Secret("env", "PREVIOUS"),
    ]
    assert account({"api_key": one, "tokens": one}).tokens == Secret("env", "CURRENT")


def test_settings_are_frozen_refuse_unknown_keys_and_check_their_defaults() -> None:
    class Wrong(Settings):
        count: int = "many"  # type: ignore[assignment]

    with pytest.raises(ValidationError):
        Wrong()
    settings = account({"api_key": {"env": "A"}})
    with pytest.raises(ValidationError, match="frozen"):
        settings.sender = "x"
    assert problems_of({"api_key": {"env": "A"}, "sender": "x"}) == [
        "tenants.yaml: tenant shop: plugins[0].x.sender: unknown key; "
        "known keys: api_key, tokens, from, url, pin, limits"
    ]


def test_the_docstring_below_a_field_is_its_description() -> None:
    assert Account.model_fields["api_key"].description == "The vendor's key."
    assert issubclass(Settings, BaseModel)


class Shop(Settings):
    code: str = Field(default="AB1", pattern="^[A-Z]{2}[0-9]$", examples=["AB1"])
    """Two capitals and a digit."""
    codes: list[Annotated[str, Field(pattern="^[A-Z]$")]] = Field(default_factory=list)
    """Capitals."""
    plain: str = Field(default="a", pattern="^a+$", examples=["aaa"])
    bare: str = Field(default="a", pattern="^a+$")


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({"code": "x"}, "code: found 'x'; needed: Two capitals and a digit, e.g. AB1"),
        ({"code": ""}, "code: is empty; needed: Two capitals and a digit, e.g. AB1"),
        ({"codes": ["A", "b"]}, "codes[1]: found 'b'; needed: Capitals"),
        ({"plain": "b"}, "plain: found 'b'; write text such as aaa"),
        ({"bare": "b"}, "bare: found 'b'; write text of the form ^a+$"),
    ],
)
def test_what_a_text_must_look_like_is_told_in_the_words_of_the_setting(written: object, line: str) -> None:
    _, problems = validate_settings(Shop, written, Place("shop.yaml"))
    assert [str(problem) for problem in problems] == [f"shop.yaml: {line}"]


def test_a_plugin_without_settings_is_validated_as_empty() -> None:
    assert problems_of(None) == ["tenants.yaml: tenant shop: plugins[0].x.api_key: missing; required: The vendor's key"]


def test_every_secret_of_settings_is_found_with_its_place() -> None:
    class Account(Settings):
        token: Secret

    class Nested(Settings):
        key: Secret
        none: Secret | None = None
        accounts: tuple[Account, ...] = ()
        by_name: dict[str, Secret] = Field(default_factory=dict)
        text: str = "env"

    settings = Nested.model_validate(
        {
            "key": {"env": "A"},
            "accounts": [{"token": {"env": "B"}}, {"token": {"env": "C"}}],
            "by_name": {"x": {"file": "D"}},
        }
    )
    assert {path: secret.reference for path, secret in secrets_in(settings)} == {
        ("key",): {"env": "A"},
        ("accounts", 0, "token"): {"env": "B"},
        ("accounts", 1, "token"): {"env": "C"},
        ("by_name", "x"): {"file": "D"},
    }


@pytest.mark.parametrize(
    "written",
    [
        {"aws_secret": "desk/twilio"},
        {"aws_secret": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:desk/twilio-AbCdEf#token#AWSPREVIOUS"},
        {"aws_secret": "desk/twilio##AWSPREVIOUS"},
        {"ssm": "/desk/token:3"},
        {"stored": "TWILIO_TOKEN"},
    ],
)
def test_references_to_aws_and_to_the_store_are_kept_as_they_are_written(written: dict[str, str]) -> None:
    settings = account({"api_key": written})
    assert settings.api_key.reference == written and settings.api_key.is_remote
    assert account(json.loads(settings.model_dump_json(by_alias=True))) == settings


@pytest.mark.parametrize(
    "written", [{"aws_secret": "a b"}, {"aws_secret": ""}, {"ssm": "a#b"}, {"stored": "token"}, {"ssm": 5}]
)
def test_a_reference_that_can_name_nothing_is_refused_and_not_repeated(written: dict[str, object]) -> None:
    [problem] = problems_of({"api_key": written})
    assert problem.endswith(f"; {RIGHT}")


def test_a_stored_secret_belongs_to_the_tenant_that_refers_to_it() -> None:
    tokens = {
        tenant: validate_settings(Account, {"api_key": {"stored": "A"}}, Place(tenant=tenant))[0]
        for tenant in ("a", "b")
    }
    assert tokens["a"] != tokens["b"]
    settings, [problem] = validate_settings(Account, {"api_key": {"stored": "A"}}, Place("tenants.yaml"))
    assert settings is None and "a stored secret belongs to a tenant" in problem.found


def test_without_a_vault_a_reference_says_that_only_a_server_follows_it() -> None:
    use_vault(_NoVault())
    with pytest.raises(SecretUnavailable, match="can be looked up by a server only"):
        account({"api_key": {"ssm": "/desk/token"}}).api_key.reveal()

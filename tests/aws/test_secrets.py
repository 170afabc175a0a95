"""Secrets of AWS, as boto3 and moto's server give them; what goes wrong is said to whoever can mend it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from botocore.session import Session
from moto.server import ThreadedMotoServer

from frontdesk import Secret, Settings
from frontdesk.aws import secrets
from frontdesk.aws.client import make_client
from frontdesk.aws.secrets import read_parameter, read_secret
from frontdesk.config import SecretUnavailable, use_vault
from frontdesk.services.blocking import BlockingCalls
from frontdesk.testing.clock import MovableClock
from frontdesk.vaults import AGAIN, KEPT, SecretAway, Vaults, no_store

REGION = "ap-southeast-1"
VALUE = "hunter2-bí-mật"

pytestmark = pytest.mark.usefixtures("aws_keys")


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    server.stop()


@pytest.fixture
def aws(moto_url: str, aws_keys: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Both services answer; its value makes clients of them."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    monkeypatch.setenv("AWS_REGION", REGION)
    secrets._client.cache_clear()
    yield make_client
    secrets._client.cache_clear()


@pytest.fixture
def manager(aws: Any) -> Iterator[Any]:
    client = aws("secretsmanager")
    client.create_secret(Name="desk/twilio", SecretString=json.dumps({"token": VALUE, "pin": 5}))
    yield client
    client.delete_secret(SecretId="desk/twilio", ForceDeleteWithoutRecovery=True)


def test_a_secret_its_key_its_arn_and_its_version_before(manager: Any) -> None:
    arn = manager.describe_secret(SecretId="desk/twilio")["ARN"]
    assert read_secret("desk/twilio#token") == read_secret(f"{arn}#token") == VALUE
    assert json.loads(read_secret("desk/twilio")) == {"token": VALUE, "pin": 5}
    manager.put_secret_value(SecretId="desk/twilio", SecretString=json.dumps({"token": "new"}))
    assert read_secret("desk/twilio#token") == "new"
    assert read_secret("desk/twilio#token#AWSPREVIOUS") == VALUE
    assert json.loads(read_secret("desk/twilio##AWSPREVIOUS"))["token"] == VALUE


def test_a_parameter_is_decrypted_and_may_name_its_version(aws: Any) -> None:
    client = aws("ssm")
    for value in (VALUE, "new"):
        client.put_parameter(Name="/desk/token", Value=value, Type="SecureString", Overwrite=True)
    assert read_parameter("/desk/token") == "new"
    assert read_parameter("/desk/token:1") == VALUE


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("desk/nothing", r"secret desk/nothing of Secrets Manager is not there \(ResourceNotFoundException\); look at"),
        ("desk/twilio#tokn", "has no key tokn; write one that it has"),
        ("desk/twilio#pin", "what stands under pin is no text"),
        ("desk/plain#token", "is no JSON object; leave #token out"),
        ("desk/binary", "is binary; store text"),
    ],
)
def test_a_secret_that_is_not_there_or_not_so_is_told_without_its_value(manager: Any, reference: str, said: str):
    for name, value in (("plain", {"SecretString": VALUE}), ("binary", {"SecretBinary": VALUE.encode()})):
        try:
            manager.create_secret(Name=f"desk/{name}", **value)
        except manager.exceptions.ResourceExistsException:
            pass
    with pytest.raises(SecretUnavailable, match=said) as caught:
        read_secret(reference)
    assert VALUE not in str(caught.value) and not isinstance(caught.value, SecretAway)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None or reference == "desk/nothing"


def test_a_parameter_that_is_not_there_is_told(aws: Any) -> None:
    with pytest.raises(SecretUnavailable, match="parameter /desk/none of Parameter Store is not there"):
        read_parameter("/desk/none")


def refusing(err: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        def get_secret_value(self, **_: str) -> None:
            raise err

        def get_parameter(self, **_: str) -> None:
            raise err

    monkeypatch.setattr(secrets, "_client", lambda service, region: Client())


@pytest.mark.parametrize(
    ("code", "lasting", "said"),
    [
        ("AccessDeniedException", True, "allow secretsmanager:GetSecretValue on it .* kms:Decrypt"),
        ("DecryptionFailure", True, "allow kms:Decrypt"),
        ("ExpiredTokenException", True, "AWS refused the credentials"),
        ("ThrottlingException", False, "AWS throttles"),
        ("InternalServiceError", False, "InternalServiceError"),
    ],
)
def test_what_aws_refuses_names_the_action_and_what_passes_is_told_apart(code, lasting, said, monkeypatch):
    refusing(ClientError({"Error": {"Code": code, "Message": "no"}}, "GetSecretValue"), monkeypatch)
    with pytest.raises(SecretUnavailable, match=said) as caught:
        read_secret("desk/twilio")
    assert isinstance(caught.value, SecretAway) is not lasting


def test_a_parameter_names_its_own_action_and_a_time_out_passes(monkeypatch) -> None:
    refusing(ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetParameter"), monkeypatch)
    with pytest.raises(SecretUnavailable, match="allow ssm:GetParameter on it"):
        read_parameter("/desk/token")
    refusing(ConnectTimeoutError(endpoint_url="http://x"), monkeypatch)
    with pytest.raises(SecretAway):
        read_parameter("/desk/token")


def test_without_a_region_or_credentials_it_is_said_what_to_set(monkeypatch) -> None:
    secrets._client.cache_clear()
    with pytest.raises(SecretUnavailable, match="no AWS region is known; set AWS_REGION, or write the ARN"):
        read_secret("desk/twilio")
    monkeypatch.setenv("AWS_REGION", REGION)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(SecretUnavailable, match="no AWS credentials were found"):
        read_secret("desk/twilio")
    secrets._client.cache_clear()


def test_the_errors_and_fields_we_name_are_those_of_the_services_models() -> None:
    models = Session()
    manager, ssm = models.get_service_model("secretsmanager"), models.get_service_model("ssm")
    asked = manager.operation_model("GetSecretValue")
    assert {"SecretId", "VersionStage"} <= set(asked.input_shape.members)
    assert "SecretString" in asked.output_shape.members
    assert "WithDecryption" in ssm.operation_model("GetParameter").input_shape.members
    known = {shape.name for model in (manager, ssm) for shape in model.error_shapes}
    assert {"ResourceNotFoundException", "ParameterNotFound", "ParameterVersionNotFound"} <= known
    assert {"DecryptionFailure", "InvalidKeyId"} <= known


def test_a_rotation_is_seen_without_a_restart(manager: Any) -> None:
    clock = MovableClock()
    use_vault(Vaults(clock, BlockingCalls(), no_store))
    token = Secret("aws_secret", "desk/twilio#token")
    assert token.reveal() == VALUE
    manager.put_secret_value(SecretId="desk/twilio", SecretString=json.dumps({"token": "new"}))
    assert token.reveal() == VALUE, "it is remembered"
    clock.advance(AGAIN)
    assert token.reveal(fresh=True) == "new"
    manager.put_secret_value(SecretId="desk/twilio", SecretString=json.dumps({"token": "newer"}))
    clock.advance(KEPT["aws_secret"])
    assert token.reveal() == "newer"


async def test_the_keys_of_one_secret_are_asked_for_together(manager: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    get_text = secrets._get_text
    monkeypatch.setattr(secrets, "_get_text", lambda *what: asked.append(what[0]) or get_text(*what))
    clock = MovableClock()
    vaults = Vaults(clock, BlockingCalls(), no_store)
    use_vault(vaults)

    class Account(Settings):
        token: Secret
        pin: Secret
        whole: Secret

    account = Account(
        token=Secret("aws_secret", "desk/twilio#token"),
        pin=Secret("aws_secret", "desk/twilio#pin"),
        whole=Secret("aws_secret", "desk/twilio"),
    )
    await vaults.prepare(account)
    assert asked == ["desk/twilio"]
    clock.advance(KEPT["aws_secret"])
    await vaults.refresh()
    assert asked == ["desk/twilio"] * 2
    assert account.token.reveal() == VALUE
    assert json.loads(account.whole.reveal())["pin"] == 5
    with pytest.raises(SecretUnavailable, match="what stands under pin is no text"):
        account.pin.reveal()

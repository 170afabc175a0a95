"""Secrets of AWS: Secrets Manager and Parameter Store. Both calls block; vaults.py makes them in a thread and remembers.

Source of the shapes and the errors: botocore's models of secretsmanager and ssm.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from frontdesk.config import SecretUnavailable

from ..errors import StartupError
from ..vaults import SecretAway
from .client import PERMISSION, code, explain, make_client, needs_a_person

CONNECT_SECONDS, READ_SECONDS = 1.0, 2.0
_KEY = frozenset({"DecryptionFailure", "InvalidKeyId", "KMSAccessDeniedException", "KMSInvalidStateException"})
_NAMES_NOTHING = frozenset({"ResourceNotFoundException", "ParameterNotFound", "ParameterVersionNotFound"})


def read_secret(reference: str) -> str:
    """What `{aws_secret: ID}`, `ID#KEY`, `ID#KEY#STAGE` or `ID##STAGE` refers to. Raises SecretUnavailable."""
    return SecretReader().read(reference)


class SecretReader:
    """Reads several keys at one time: each secret is asked for once."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], str | SecretUnavailable] = {}

    def read(self, reference: str) -> str:
        """See `read_secret`."""
        id, _, rest = reference.partition("#")
        key, _, stage = rest.partition("#")
        shown = f"the secret {id} of Secrets Manager"
        text = self._text(id, stage, shown)
        return _not_empty(_of_json(text, key, shown) if key else text, f"{shown}, key {key}," if key else shown)

    def _text(self, id: str, stage: str, shown: str) -> str:
        if (id, stage) not in self._answers:
            try:
                self._answers[id, stage] = _get_text(id, stage, shown)
            except SecretUnavailable as err:
                self._answers[id, stage] = err
        answer = self._answers[id, stage]
        if isinstance(answer, SecretUnavailable):
            raise answer
        return answer


def _get_text(id: str, stage: str, shown: str) -> str:
    more = {"VersionStage": stage} if stage else {}
    found = _call("secretsmanager", "get_secret_value", shown, id, SecretId=id, **more)
    if "SecretString" not in found:
        raise SecretUnavailable(f"{shown} is binary; store text, or a JSON object")
    return str(found["SecretString"])


def read_parameter(name: str) -> str:
    """What `{ssm: NAME}` refers to; behind the name may stand a version or a label: `NAME:3`. Raises SecretUnavailable."""
    shown = f"the parameter {name} of Parameter Store"
    found = _call("ssm", "get_parameter", shown, name, Name=name, WithDecryption=True)
    return _not_empty(found["Parameter"]["Value"], shown)


def _of_json(text: str, key: str, shown: str) -> str:
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        # Without the parser's error: the secret is in it.
        raise SecretUnavailable(f"{shown} is no JSON object; leave #{key} out, or store one") from None
    if key not in values:
        raise SecretUnavailable(f"{shown} has no key {key}; write one that it has behind the #")
    value = values[key]
    if not isinstance(value, str):
        raise SecretUnavailable(f"{shown}: what stands under {key} is no text; store it in quotes")
    return value


def _not_empty(value: str, shown: str) -> str:
    if not value:
        raise SecretUnavailable(f"{shown} is empty; write the secret into it")
    return value


def _call(service: str, operation: str, shown: str, name: str, **arguments: Any) -> Any:
    region = name.split(":")[3] if name.startswith("arn:") and name.count(":") >= 5 else ""
    try:
        return getattr(_client(service, region), operation)(**arguments)
    except StartupError as err:
        raise SecretUnavailable(_no_client(shown, err)) from err
    except (BotoCoreError, ClientError) as err:
        lasting = needs_a_person(err) or code(err) in _KEY | _NAMES_NOTHING
        raise (SecretUnavailable if lasting else SecretAway)(_explain(err, service, shown)) from err


@lru_cache(maxsize=16)
def _client(service: str, region: str) -> Any:
    return make_client(service, region=region, connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS)


def _no_client(shown: str, err: StartupError) -> str:
    if isinstance(err.__cause__, NoRegionError):
        return f"{shown}: no AWS region is known; set AWS_REGION, or write the ARN, which names one"
    return f"{shown}: {err}"


def _explain(err: BotoCoreError | ClientError, service: str, shown: str) -> str:
    said = code(err)
    action = "secretsmanager:GetSecretValue" if service == "secretsmanager" else "ssm:GetParameter"
    if said in _NAMES_NOTHING:
        where = "its name, its version and the region; or make it"
        return f"{shown} is not there ({said}); look at {where}"
    if said in PERMISSION:
        return (
            f"{shown} may not be read ({said}); allow {action} on it to this machine's role, and kms:Decrypt if it is "
            "encrypted with a key of your own"
        )
    if said in _KEY:
        return f"{shown} cannot be decrypted ({said}); allow kms:Decrypt on its key to this machine's role"
    if "Throttl" in said or "TooManyRequests" in said:
        return f"{shown} was not given: AWS throttles ({said}); it is tried again"
    return f"{shown}: {explain(err)}"

"""What goes wrong at Bedrock: whether the same model is asked again, and one sentence for whoever can mend it.

Sources: the errors of `Converse` in botocore's model of the service; Bedrock's guide (Troubleshooting API error codes).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    MetadataRetrievalError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

CREDENTIALS = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "MissingAuthenticationTokenException",
    }
)
_NOT_GOT = (CredentialRetrievalError, MetadataRetrievalError, SSOError, TokenRetrievalError)
_SIGN = (
    "give this machine a role that may use Bedrock, or set access_key_id and secret_access_key "
    "(docs/how-to/connect-bedrock.md)"
)


_QUOTED = re.compile(r"Value '.*?' at", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error means."""

    sentence: str
    again: int = 0
    """How often the same model is asked again."""
    pause: float = 0.0
    """Seconds before that, at the most; doubled each time."""
    attention: bool = False
    """A person must act."""
    billed: bool = False
    """Whether it may have been billed all the same."""
    shorter: bool = False
    """Fewer messages may be taken."""


_MEANINGS = {
    "ThrottlingException": Meaning("Bedrock's quota of requests or tokens is used up", again=1, pause=2.0),
    "ModelNotReadyException": Meaning("the model is not ready yet", again=1, pause=2.0),
    "ServiceUnavailableException": Meaning("Bedrock is not available", again=1, pause=0.5),
    "InternalServerException": Meaning("Bedrock failed inside", again=1, pause=0.5),
    "ModelTimeoutException": Meaning("the model took longer than Bedrock lets it", again=1, billed=True),
    "ModelErrorException": Meaning("the model failed", again=1, pause=0.5),
    "ModelStreamErrorException": Meaning("the model failed", again=1, pause=0.5),
    "AccessDeniedException": Meaning(
        "AWS does not permit it: allow bedrock:InvokeModel on the inference profile and on the model behind it, and fill in "
        "the use-case form for Anthropic's models once (docs/how-to/connect-bedrock.md)",
        attention=True,
    ),
    "ResourceNotFoundException": Meaning(
        "there is no such model or inference profile in this region, or it has been retired: look at its id and the region",
        attention=True,
    ),
    "ServiceQuotaExceededException": Meaning(
        "an account quota of Bedrock is used up: ask AWS to raise it", attention=True
    ),
}
_ON_DEMAND = Meaning(
    "this model is called through an inference profile only: write its id with global., us., eu., apac. … in front",
    attention=True,
)
_TOO_LONG = re.compile(r"(?:input|prompt) is too long", re.IGNORECASE)
"""In a ValidationException; models of some families end with a stop reason instead."""


def meaning(err: BaseException) -> Meaning:
    """What an error of a call means. Of AWS's own texts only those of a wrong request are told on: it quotes no contact."""
    if isinstance(err, NoCredentialsError | PartialCredentialsError | ProfileNotFound):
        return Meaning(f"no AWS credentials were found; {_SIGN}", attention=True)
    if isinstance(err, _NOT_GOT):
        return Meaning(f"AWS credentials could not be got ({type(err).__name__}); {_SIGN}", attention=True)
    if isinstance(err, ParamValidationError):
        return Meaning(f"boto3 refuses to send the request: {_unsent(err)}", attention=True)
    if isinstance(err, NoRegionError):
        return Meaning("no AWS region is known; write `region:`, such as ap-southeast-1", attention=True)
    if isinstance(err, ClientError):
        return _of_answer(err)
    if isinstance(err, ConnectTimeoutError | EndpointConnectionError):
        return Meaning(f"Bedrock cannot be reached ({type(err).__name__})", again=1, pause=0.5)
    if isinstance(err, BotoCoreError | TimeoutError):
        return Meaning(f"no answer from Bedrock ({type(err).__name__})", billed=True)
    raise err


def _of_answer(err: ClientError) -> Meaning:
    code, said = (
        str(err.response.get("Error", {}).get("Code", "")),
        str(err.response.get("Error", {}).get("Message", "")),
    )
    status = int(err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in CREDENTIALS:
        return Meaning(f"AWS refused the credentials ({code}); {_SIGN}", attention=True)
    if code == "ValidationException":
        if _TOO_LONG.search(said):
            return Meaning("the conversation is too long for the model", again=1, shorter=True)
        return _ON_DEMAND if "on-demand throughput" in said else Meaning(_refused(said), attention=True)
    if code in _MEANINGS:
        return _MEANINGS[code]
    if status == 429 or status >= 500:
        return Meaning(f"Bedrock answered HTTP {status}", again=1, pause=0.5)
    return Meaning(f"Bedrock refused the request with {code or f'HTTP {status}'}", attention=True)


def _refused(said: str) -> str:
    """Without the values that AWS quotes: they may be a contact's."""
    told = _QUOTED.sub("Value at", said)[:300]
    return f"Bedrock refused the request: {told}"


def _unsent(err: ParamValidationError) -> str:
    """The first thing that is wrong, without its value, which may be a contact's."""
    report = str(err).partition("\n")[2]
    return report.partition(", value:")[0].partition("\n")[0][:300]

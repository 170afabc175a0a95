"""What goes wrong at Transcribe, Polly or S3, as what the core can do about it, in sentences for whoever can mend it.

Nothing of AWS's own texts is told on: they may quote what somebody said.
"""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    MetadataRetrievalError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from frontdesk import NeedsAttention, PluginError, Refused, RetryLater

CREDENTIALS = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "MissingAuthenticationTokenException",
    }
)
_NOT_GOT = (CredentialRetrievalError, MetadataRetrievalError, SSOError, TokenRetrievalError)
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, ProfileNotFound, *_NOT_GOT)
PAGE = "docs/reference/aws_speech.md"
_SIGN = f"give this machine a role, or set access_key_id and secret_access_key or role_arn ({PAGE})"
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "403"})
_BUSY = {"LimitExceededException": 10.0, "ThrottlingException": 2.0, "SlowDown": 2.0, "TooManyRequestsException": 2.0}
"""Code → after how many seconds to try again."""
_POLLY = {
    "EngineNotSupportedException": "Polly's voice has no such engine in this region; change `engine` or `voices`",
    "LanguageNotSupportedException": "Polly's voice does not speak this language; change `voices`",
}
NOT_THERE = frozenset({"NotFoundException", "NoSuchKey", "404"})


def code_of(err: Exception) -> str:
    return str(err.response.get("Error", {}).get("Code", "")) if isinstance(err, ClientError) else ""


def is_missing(err: ClientError) -> bool:
    """Whether there is no such job or object. Of a job the service says BadRequestException, where its model has another."""
    text = str(err.response.get("Error", {}).get("Message", ""))
    return code_of(err) in NOT_THERE or (code_of(err) == "BadRequestException" and "couldn't be found" in text)


def meant(err: BaseException, service: str, operation: str) -> PluginError:
    """The core's exception for *err*. Raises it again if it is none of AWS's."""
    where = f"{service}:{operation}"
    if isinstance(err, _NO_CREDENTIALS):
        return NeedsAttention(f"no AWS credentials could be had ({type(err).__name__}); {_SIGN}")
    if isinstance(err, NoRegionError):
        return NeedsAttention("no AWS region is known; write `region:`, such as ap-southeast-1")
    if isinstance(err, ParamValidationError):
        return NeedsAttention(f"boto3 refuses to send {where}: a setting is wrong ({PAGE})")
    if isinstance(err, ClientError):
        return _of_answer(err, where)
    if isinstance(err, BotoCoreError | TimeoutError | OSError):
        return RetryLater(f"no usable answer from {where} ({type(err).__name__})", after=2.0)
    raise err


def _of_answer(err: ClientError, where: str) -> PluginError:
    code, status = code_of(err), int(err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in CREDENTIALS:
        return NeedsAttention(f"AWS refused the credentials for {where} ({code}); {_SIGN}", code=code)
    if code in _DENIED:
        return NeedsAttention(f"AWS does not permit {where}: allow it to the key or role ({PAGE})", code=code)
    if code in ("NoSuchBucket", "PermanentRedirect", "AuthorizationHeaderMalformed"):
        return NeedsAttention(
            f"{where}: there is no such bucket in this region ({code}); look at `bucket` and `region`"
        )
    if code in _POLLY:
        return NeedsAttention(_POLLY[code], code=code)
    if code in _BUSY:
        return RetryLater(f"AWS asks to slow down ({where}: {code})", after=_BUSY[code])
    if status == 429 or status >= 500:
        return RetryLater(f"{where} answered HTTP {status} ({code})", after=2.0)
    return Refused(f"{where} refused it with {code or f'HTTP {status}'}", code=code)

"""Rules across values, told in the same breath as what is wrong with single values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError
from pydantic_core.core_schema import ErrorType

from .problems import Finding, contradictions

M = TypeVar("M", bound=BaseModel)

_PYDANTICS_OWN = frozenset(get_args(ErrorType))


def judged(data: Any, validate: Callable[[Any], M], rules: Callable[[Mapping[str, Any]], Sequence[Finding]]) -> M:
    """What a `model_validator(mode="wrap")` returns whose model obeys *rules*; every field of it has a default.

    *rules* is given the values that can be read (of what is not written: the default), by field; it must do without the
    others. Raises ValidationError with what is wrong with single values and what the rules find.
    """
    try:
        model = validate(data)
    except ValidationError as error:
        if not isinstance(data, Mapping):
            raise
        wrong = {detail["loc"][0] for detail in error.errors(include_url=False)}
        rest = validate({key: value for key, value in data.items() if key not in wrong})
        raise together(error, rules({key: value for key, value in rest if key not in wrong})) from None
    if findings := rules(dict(model)):
        raise contradictions(findings)
    return model


def together(error: ValidationError, findings: Sequence[Finding]) -> ValidationError:
    """*error*, and *findings* (paths below the value that it is about) beside it."""
    details = [_again(detail) for detail in error.errors(include_url=False)]
    if findings:
        details.append(InitErrorDetails(type=contradictions(findings), loc=(), input=None))
    return ValidationError.from_exception_data(error.title, details, hide_input=True)


def _again(detail: ErrorDetails) -> InitErrorDetails:
    kind, context = detail["type"], detail.get("ctx", {})
    again = InitErrorDetails(type=kind, loc=detail["loc"], input=detail["input"], ctx=context)
    if kind not in _PYDANTICS_OWN:
        again["type"] = PydanticCustomError(kind, "{message}", {"message": detail["msg"], **context})
    return again

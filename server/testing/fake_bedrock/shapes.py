"""A request held against botocore's own model of the service: types, required members, lengths, patterns, enums.

botocore checks less before it sends (no patterns, no enums), and AWS refuses what it lets pass.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape
from botocore.validate import ParamValidator


class Invalid(Exception):
    """The request, or our own answer, does not have the shape; says where."""


@lru_cache
def service() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"), "bedrock-runtime")


def checked_request(operation: str, model_id: str, body: Any) -> dict[str, Any]:
    """The parameters as boto3 was given them. Raises Invalid."""
    shape = service().operation_model(operation).input_shape
    if not isinstance(body, dict):
        raise Invalid("the body is no JSON object")
    asked = {**decoded(shape, body), "modelId": model_id}
    hold(shape, asked)
    return asked


def checked_answer(operation: str, answer: dict[str, Any]) -> dict[str, Any]:
    """*answer*, if the service could give it, but for stop reasons: theirs is an open set. Raises Invalid."""
    shape = service().operation_model(operation).output_shape
    hold(shape, {**answer, "stopReason": "end_turn"})
    return answer


def hold(shape: Shape, value: Any) -> None:
    errors = ParamValidator().validate(value, shape)
    if errors.has_errors():
        raise Invalid(errors.generate_report())
    _look(shape, value, "")


def _look(shape: Shape, value: Any, where: str) -> None:
    """What ParamValidator leaves out."""
    match shape.type_name:
        case "structure" if not getattr(shape, "is_document_type", False):
            for name, item in value.items():
                _look(shape.members[name], item, f"{where}.{name}")
        case "list":
            for place, item in enumerate(value):
                _look(shape.member, item, f"{where}[{place}]")
        case "map":
            for name, item in value.items():
                _look(shape.key, name, where)
                _look(shape.value, item, f"{where}.{name}")
        case "string":
            _look_at_text(shape, value, where)
    most = shape.metadata.get("max")
    if most is not None and (len(value) if hasattr(value, "__len__") else value) > most:
        raise Invalid(f"Value at '{where.lstrip('.')}' failed to satisfy constraint: at most {most}")


def _look_at_text(shape: Any, value: str, where: str) -> None:
    pattern = shape.metadata.get("pattern")
    if pattern is not None and re.fullmatch(pattern, value) is None:
        raise Invalid(f"Value at '{where.lstrip('.')}' failed to satisfy regular expression pattern: {pattern}")
    if shape.enum and value not in shape.enum:
        raise Invalid(f"Value at '{where.lstrip('.')}' failed to satisfy enum value set: {shape.enum}")


def decoded(shape: Any, value: Any) -> Any:
    """JSON as the parameters that boto3 made it of: bytes are base64 on the wire."""
    match shape.type_name:
        case "structure" if isinstance(value, dict) and not getattr(shape, "is_document_type", False):
            unknown = sorted(set(value) - set(shape.members))
            if unknown:
                raise Invalid(f"extraneous key [{unknown[0]}] is not permitted")
            return {name: decoded(shape.members[name], item) for name, item in value.items()}
        case "list" if isinstance(value, list):
            return [decoded(shape.member, item) for item in value]
        case "map" if isinstance(value, dict):
            return {name: decoded(shape.value, item) for name, item in value.items()}
        case "blob" if isinstance(value, str):
            try:
                return base64.b64decode(value, validate=True)
            except ValueError as err:
                raise Invalid("a blob that is not base64") from err
        case _:
            return value

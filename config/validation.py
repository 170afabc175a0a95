"""Raw data into a `Settings` class; what pydantic finds wrong into sentences with a place."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from .problems import Key, Place, Problem, printable, shown
from .settings import Settings

S = TypeVar("S", bound=Settings)

Path = tuple[Key, ...]

_EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "string_too_short": "{min_length} character(s) or more",
    "string_too_long": "{max_length} characters or less",
    "too_short": "{min_length} item(s) or more",
    "too_long": "{max_length} item(s) or less",
    "string_pattern_mismatch": "text of the form {pattern}",
}


def validate_settings(settings_cls: type[S], raw: Any, position: Place) -> tuple[S | None, list[Problem]]:
    """*raw* (a mapping, or None for "nothing written") as *settings_cls*, or every problem with it.

    *position* is where *raw* stands; relative secret files are resolved against its folder.
    """
    data = {} if raw is None else raw
    try:
        return settings_cls.model_validate(data, context={"place": position}), []
    except ValidationError as error:
        return None, _explain(error, settings_cls, data, position)


def unknown_key(place: Place, key: str, known: Iterable[str]) -> Problem:
    """The problem that *key* is not one of *known*; names the nearest, or all of them when none is near."""
    names = list(known)
    nearest = difflib.get_close_matches(key, names, n=1)
    everything = f"known keys: {', '.join(names)}" if names else "no key is known here; remove it"
    return place.at(key).problem("unknown key", f"did you mean {nearest[0]}?" if nearest else everything)


def _explain(error: ValidationError, model: type[BaseModel], raw: Any, place: Place) -> list[Problem]:
    """One problem for each place in the data: the alternatives of a union are told together."""
    grouped: dict[Path, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        if detail["type"] == "default_factory_not_called":
            continue  # the value it is made from is wrong, and told
        grouped.setdefault(_data_path(detail, model, raw), []).append(detail)
    problems: list[Problem] = []
    for path, details in grouped.items():
        across = [detail for detail in details if detail["type"] == "contradictions"]
        alone = [detail for detail in details if detail["type"] != "contradictions"]
        if any(len(other) > len(path) and other[: len(path)] == path for other in grouped):
            alone = []  # an alternative of a union that did not fit at all; the one that nearly fits says more
        for together in filter(None, (alone, across)):
            problems += _tell(path, together, model, place)
    return problems


def _data_path(detail: ErrorDetails, model: type[BaseModel], raw: Any) -> Path:
    """pydantic's location without what no file holds: the names of union alternatives, `[key]`."""
    path: Path = ()
    here = raw
    for step in detail["loc"]:
        if isinstance(here, Mapping) and step in here:
            here = here[step]
        elif isinstance(here, list | tuple) and isinstance(step, int) and step < len(here):
            here = here[step]
        elif step in _known(model, path):  # a key that is missing, or below one that is
            here = None
        else:
            continue
        path = (*path, step)
    return path


def _tell(path: Path, details: list[ErrorDetails], model: type[BaseModel], place: Place) -> list[Problem]:
    here = place.at(*path)
    # Where a secret may stand, nothing of the value is told, whatever the other alternatives say of it.
    detail = next((each for each in details if each["type"] == "secret_reference"), details[0])
    context = detail.get("ctx", {})
    match detail["type"]:
        case "frontdesk" | "secret_reference":
            return [here.problem(context["found"], context["right"])]
        case "contradictions":
            return [here.at(*below).problem(found, right) for below, found, right in context["findings"]]
        case "extra_forbidden":
            return [unknown_key(place.at(*path[:-1]), str(path[-1]), _known(model, path[:-1]))]
        case "missing":
            return [here.problem("missing", _wanted(model, path))]
        case "value_error" | "assertion_error":
            return [here.problem(printable(str(context["error"]), longest=400))]
    right = "write " + " or ".join(dict.fromkeys(map(_expected, details)))
    if detail["type"] == "string_pattern_mismatch":
        right = _in_words(model, path) or right
    if detail["input"] is None:
        may_be_left_out = any(not field.is_required() for field in _fields_at(model, path))
        return [here.problem("nothing is written", f"{right}, or leave the key out" if may_be_left_out else right)]
    if isinstance(detail["input"], str) and detail["type"].endswith("_type") and detail["type"] != "string_type":
        # Text where a list or a mapping belongs may be a secret that has lost its key.
        return [here.problem("found text", right)]
    return [here.problem("is empty" if detail["input"] == "" else f"found {shown(detail['input'])}", right)]


def _expected(detail: ErrorDetails) -> str:
    sentence = _EXPECTED.get(detail["type"])
    if sentence is None:
        return printable(detail["msg"].removeprefix("Input should be ").removeprefix("Value should be "), longest=200)
    if detail["type"] == "string_type" and detail["input"] is not None and not isinstance(detail["input"], list | dict):
        return "text: put it in quotes"
    context = detail.get("ctx", {})
    return sentence.format(
        **{key: f"{value:g}" if isinstance(value, float) else value for key, value in context.items()}
    )


def _in_words(model: type[BaseModel], path: Path) -> str:
    """What a text must look like, as the setting's own description and examples say it: few people read patterns."""
    while isinstance(path[-1], int):
        path = path[:-1]  # an item of a list is described with the list
    fields = _fields_at(model, path)
    described = [" ".join(field.description.split()).rstrip(".") for field in fields if field.description]
    example = next((str(example) for field in fields for example in field.examples or ()), "")
    if described:
        return f"needed: {described[0]}" + (f", e.g. {example}" if example else "")
    return f"write text such as {example}" if example else ""


def _wanted(model: type[BaseModel], path: Path) -> str:
    described = [field.description for field in _fields_at(model, path) if field.description]
    return f"required: {' '.join(described[0].split()).rstrip('.')}" if described else "this key is required"


def _fields_at(model: type[BaseModel], path: Path) -> list[FieldInfo]:
    owners = _models_at(model, path[:-1])
    return [field for owner in owners for name, field in owner.model_fields.items() if path[-1] in _names(name, field)]


def _known(model: type[BaseModel], path: Path) -> list[str]:
    """The keys a mapping at *path* may have."""
    owners = _models_at(model, path)
    return [key for owner in owners for name, field in owner.model_fields.items() for key in _names(name, field)]


def _models_at(model: type[BaseModel], path: Path) -> list[type[BaseModel]]:
    models = [model]
    for step in path:
        entered = [
            field
            for owner in models
            for name, field in owner.model_fields.items()
            if isinstance(step, str) and step in _names(name, field)
        ]
        if entered:  # else it is an index, or a key of a dict field: what is in it is the same
            models = [inner for field in entered for inner in _models_in(field.annotation)]
    return models


def _names(name: str, field: FieldInfo) -> list[str]:
    """What a field is called in the file."""
    alias = field.validation_alias or field.alias
    if isinstance(alias, AliasChoices):
        return [choice for choice in alias.choices if isinstance(choice, str)]
    return [alias if isinstance(alias, str) else name]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not get_args(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)

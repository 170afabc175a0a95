"""Functions a model may call: `@tool` on a plugin's method makes its schema from annotations and docstring."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, get_type_hints, overload

import docstring_parser
from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model

from .errors import Refused
from .mind import ToolSpec
from .model import Contact, Conversation

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])
TOOL_MARK = "__frontdesk_tool__"
RESERVED = frozenset({"answer_by", "call_a_person", "offer_choices", "remember"})
"""Names of the core's own tools (turn/tools.py)."""
_FIELD = "argument_"
"""In front of a parameter's name inside its pydantic model, where `json` or `copy` would hide a method."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolContext:
    """On whose behalf a tool runs. A parameter annotated with it is filled by the core and unknown to the model."""

    conversation: Conversation
    contact: Contact
    now: datetime
    """In the tenant's time zone."""
    key: str = ""
    """A deed's idempotency key (turn + ordinal): the same deed has the same key after a crash. Empty for a look-up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """A deed's result: what the model is told, and a sentence that may be said to the contact without the model."""

    told: str
    sentence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """A plugin's method, ready to be offered, validated and called."""

    spec: ToolSpec
    method: str
    arguments: type[BaseModel]
    context_parameter: str = ""
    deed: bool = False
    lookup: str = ""
    """The method that finds out whether the deed with this key has happened: takes what the deed takes."""
    repeatable: bool = False
    """Repeating the deed with the same key and arguments changes nothing more."""

    def validate(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Typed arguments from the model's JSON; raises Refused in words that help the model to mend its call."""
        try:
            parsed = self.arguments.model_validate(arguments)
        except ValidationError as err:
            problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in err.errors())
            raise Refused(f"the arguments of {self.spec.name} are wrong: {problems}") from err
        return {name.removeprefix(_FIELD): getattr(parsed, name) for name in self.arguments.model_fields}

    @property
    def parameters(self) -> tuple[str, ...]:
        """What the method is called with: the arguments, and the context if it asks for it."""
        names = tuple(name.removeprefix(_FIELD) for name in self.arguments.model_fields)
        return (*names, self.context_parameter) if self.context_parameter else names


@dataclass(frozen=True)
class _Mark:
    deed: bool
    lookup: str
    repeatable: bool


@overload
def tool(function: F) -> F: ...


@overload
def tool(*, deed: bool = False, lookup: str = "", repeatable: bool = False) -> Callable[[F], F]: ...


def tool(function: F | None = None, *, deed: bool = False, lookup: str = "", repeatable: bool = False) -> Any:
    """Offer a method to the model. Its name, annotations and docstring are the tool's name, schema and description.

    A deed (a call that changes the world) says how a crash is survived: `lookup="method"` names a method with the same
    parameters that answers what the deed answered if it has happened, else None; or `repeatable=True`.
    """

    def mark(f: F) -> F:
        setattr(f, TOOL_MARK, _Mark(deed, lookup, repeatable))
        return f

    return mark if function is None else mark(function)


def tools_of(cls: type) -> tuple[Tool, ...]:
    """The tools of a plugin class, in the order written. Raises ValueError saying which method is wrong, and how."""
    found = []
    for name in _names_in_order(cls):
        method = inspect.getattr_static(cls, name, None)
        mark = getattr(method, TOOL_MARK, None)
        if isinstance(mark, _Mark):
            found.append(_build(cls, name, method, mark))
    return tuple(found)


def is_tool(method: Any) -> bool:
    """Whether a plugin's method is marked with `@tool`."""
    return isinstance(getattr(method, TOOL_MARK, None), _Mark)


def problems_of_tool(cls: type, name: str) -> list[str]:
    """Everything that keeps a marked method from being a tool, each with what would be right."""
    method = inspect.getattr_static(cls, name)
    problems = []
    for check in (_check_name, _check_docstring, _check_deed, _arguments):
        try:
            check(cls, name, method)
        except ValueError as err:
            problems.append(str(err))
        except (NameError, TypeError) as err:
            problems.append(f"tool {cls.__name__}.{name}: an annotation cannot be read: {err}")
    return problems


def _names_in_order(cls: type) -> list[str]:
    return list(dict.fromkeys(name for c in reversed(cls.__mro__) for name in vars(c)))


def _check_name(cls: type, name: str, method: Any) -> None:
    if not inspect.iscoroutinefunction(method):
        raise ValueError(f"tool {cls.__name__}.{name} is not async: write `async def {name}(…)`")
    if name in RESERVED:
        raise ValueError(f"tool {cls.__name__}.{name} has the name of a tool of the core; choose another")


def _check_docstring(cls: type, name: str, method: Any) -> docstring_parser.Docstring:
    doc = docstring_parser.parse(inspect.getdoc(method) or "")
    if not doc.short_description:
        raise ValueError(f"tool {cls.__name__}.{name} has no docstring: the model chooses tools by it")
    return doc


def _arguments(cls: type, name: str, method: Any) -> tuple[str, type[BaseModel], dict[str, Any]]:
    """The name of the context parameter (or ""), what the model may give, and its JSON Schema."""
    where = f"{cls.__name__}.{name}"
    doc = docstring_parser.parse(inspect.getdoc(method) or "")
    described = {p.arg_name: p.description for p in doc.params if p.description}
    context, fields = _fields(where, method, described)
    try:
        arguments = create_model(f"{name}_arguments", __config__=ConfigDict(extra="forbid"), **fields)
    except PydanticUserError as err:
        raise ValueError(f"tool {where}: an argument has a type no model can be told: {err.message}") from err
    return context, arguments, _schema(where, arguments)


def _build(cls: type, name: str, method: Any, mark: _Mark) -> Tool:
    _check_name(cls, name, method)
    doc = _check_docstring(cls, name, method)
    _check_deed(cls, name, method)
    context, arguments, schema = _arguments(cls, name, method)
    text = "\n\n".join(part for part in (doc.short_description, doc.long_description) if part)
    return Tool(
        spec=ToolSpec(name=name, description=text, schema=schema, deed=mark.deed),
        method=name,
        arguments=arguments,
        context_parameter=context,
        deed=mark.deed,
        lookup=mark.lookup,
        repeatable=mark.repeatable,
    )


def _check_deed(cls: type, name: str, method: Any) -> None:
    where, mark = f"{cls.__name__}.{name}", getattr(method, TOOL_MARK)
    if not mark.deed:
        if mark.lookup or mark.repeatable:
            raise ValueError(f"tool {where} says how a deed is survived but is none: write @tool(deed=True, …)")
        return
    if mark.repeatable and not mark.lookup:
        return
    look = getattr(cls, mark.lookup, None) if mark.lookup else None
    if look is None or not inspect.iscoroutinefunction(look):
        raise ValueError(
            f'deed {where} cannot be survived in a crash: give it lookup="method" with an async method of '
            f"{cls.__name__} that finds out whether it has happened, or repeatable=True"
        )
    takes, wanted = list(inspect.signature(look).parameters), list(inspect.signature(method).parameters)
    if takes != wanted:
        raise ValueError(f"look-up {cls.__name__}.{mark.lookup} must take what {where} takes: {', '.join(wanted)}")


def _fields(where: str, method: Any, described: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """The name of the context parameter (or ""), and the model's fields."""
    hints = get_type_hints(method, include_extras=True)
    fields: dict[str, Any] = {}
    context = ""
    problems = []
    for parameter in list(inspect.signature(method).parameters.values())[1:]:
        name = parameter.name
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            problems.append(f"{parameter} cannot be given by name; write each argument out")
            continue
        if name not in hints:
            problems.append(f"parameter {name} has no annotation")
            continue
        if hints[name] is ToolContext:
            if context:
                problems.append(f"{context} and {name} are both a ToolContext; one is enough")
            context = name
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        more: dict[str, Any] = {"description": described[name]} if name in described else {}
        fields[_FIELD + name] = (hints[name], Field(default, alias=name, title=name, **more))
    if problems:
        raise ValueError(f"tool {where}: {'; '.join(problems)}")
    return context, fields


def _schema(where: str, arguments: type[BaseModel]) -> dict[str, Any]:
    try:
        schema = arguments.model_json_schema()
    except PydanticUserError as err:
        raise ValueError(f"tool {where}: an argument cannot be described to a model: {err.message}") from err
    schema.pop("title", None)
    return schema

"""The allow-list of what Frontdesk sends to DocumentDB 5.0 and 8.0.

Source: the operator table of awslabs/amazon-documentdb-tools (commit of 2026-04) and the AWS pages on indexes. Only
what we use is listed, so a new operator is looked up there before it is added here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

QUERY = frozenset({"$and", "$or", "$in", "$gt", "$gte", "$lt", "$lte"})
UPDATE = frozenset({"$set", "$inc"})
STAGES = frozenset({"$match", "$group"})
EXPRESSIONS = frozenset({"$sum"})
INDEX_OPTIONS = frozenset({"key", "name", "unique"})

PASSED_OVER = frozenset({"hello", "ping", "endSessions", "saslStart", "saslContinue", "killCursors", "getMore"})
"""Commands of the driver itself; they carry no query of ours."""

COMMANDS = (
    frozenset({"find", "insert", "update", "delete", "findAndModify", "aggregate", "createIndexes", "listCollections"})
    | PASSED_OVER
)
OPTIONS = {
    "find": frozenset({"filter", "sort", "limit", "batchSize", "singleBatch", "projection"}),
    "update": frozenset({"updates", "ordered"}),
    "findAndModify": frozenset({"query", "update", "new", "upsert"}),
    "delete": frozenset({"deletes", "ordered"}),
    "insert": frozenset({"documents", "ordered"}),
    "aggregate": frozenset({"pipeline", "cursor"}),
    "createIndexes": frozenset({"indexes"}),
    "listCollections": frozenset({"cursor", "filter", "nameOnly", "authorizedCollections"}),
}
COMMON = frozenset({"$db", "lsid", "writeConcern", "$clusterTime", "$readPreference", "readConcern", "maxTimeMS"})


def objections(command: Mapping[str, Any]) -> list[str]:
    """What in a wire command is not on the list; empty: DocumentDB 5.0 and 8.0 both take it."""
    name = next(iter(command))
    if name not in COMMANDS:
        return [f"command {name}"]
    if name in PASSED_OVER:
        return []
    found = [f"{name}: option {option}" for option in command if option not in {name} | OPTIONS[name] | COMMON]
    if name == "createIndexes":
        return found + [f"index option {o}" for index in command["indexes"] for o in index if o not in INDEX_OPTIONS]
    return found + [f"{name}: {operator}" for operator in _unlisted(name, command)]


def _unlisted(name: str, command: Mapping[str, Any]) -> Iterator[str]:
    if name == "find":
        yield from _outside(command.get("filter", {}), QUERY)
    if name == "findAndModify":
        yield from _outside(command["query"], QUERY)
        yield from (key for key in command["update"] if key not in UPDATE)
    for change in command.get("updates", ()):
        yield from _outside(change["q"], QUERY)
        if not isinstance(change["u"], Mapping):
            yield "update with a pipeline"
        else:
            yield from (key for key in change["u"] if key not in UPDATE)
        yield from (f"update option {key}" for key in change if key not in {"q", "u", "upsert", "multi"})
    for removal in command.get("deletes", ()):
        yield from _outside(removal["q"], QUERY)
        yield from (f"delete option {key}" for key in removal if key not in {"q", "limit"})
    for stage in command.get("pipeline", ()):
        (operator, body), *_ = stage.items()
        if operator not in STAGES:
            yield operator
        yield from _outside(body, QUERY if operator == "$match" else EXPRESSIONS)


def _outside(value: Any, allowed: frozenset[str]) -> Iterator[str]:
    """Every operator inside *value* that is not allowed."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key.startswith("$") and key not in allowed:
                yield key
            yield from _outside(inner, allowed)
    elif isinstance(value, list):
        for item in value:
            yield from _outside(item, allowed)

"""What the stand-in does with a request, held against HubSpot's shapes: unknown keys, properties and values are refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .account import CONTACTS, DEALS, KINDS, Account, Record

BATCH = 100
SEARCH_CHARACTERS = 3000
OPERATORS = {
    "EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN", "IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY",
    "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN",
}  # fmt: skip
SEARCHED = ("filterGroups", "sorts", "properties", "limit", "after")
_CALCULATED = "hs_searchable_calculated_"
Body = dict[str, Any]


class Problem(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, category: str, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body: Body = {"status": "error", "message": message, "category": category, "correlationId": "c0"}
        if code:
            self.body["errors"] = [{"message": message, "code": code}]


def invalid(message: str, code: str = "") -> Problem:
    return Problem(400, "VALIDATION_ERROR", message, code=code)


def _only(body: Body, *allowed: str, needed: tuple[str, ...] = ()) -> None:
    for name in body:
        if name not in allowed:
            raise invalid(f'Invalid input JSON: Unrecognized field "{name}"')
    for name in needed:
        if name not in body:
            raise invalid(f"Invalid input JSON: required field {name} is missing")


class Operations:
    """On one account. Every method is given the request's body and answers (status, JSON)."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def batch(self, kind: str, what: str, body: Body) -> tuple[int, Body]:
        does: Mapping[str, Callable[[str, Body], tuple[int, Body]]] = {
            "read": self._read,
            "upsert": self._upsert,
            "update": self._update,
            "archive": self._archive,
        }
        if what not in does:
            raise Problem(404, "OBJECT_NOT_FOUND", f"no batch/{what}")
        inputs = body.get("inputs")
        if not isinstance(inputs, list) or not inputs or len(inputs) > BATCH:
            raise invalid(f"inputs: between 1 and {BATCH} are taken")
        ids = [each.get("id") for each in inputs]
        if len(set(ids)) < len(ids):
            raise invalid("Duplicate IDs found in batch input")
        return does[what](kind, body)

    def _read(self, kind: str, body: Body) -> tuple[int, Body]:
        _only(body, "inputs", "properties", "propertiesWithHistory", "idProperty", needed=("inputs", "properties"))
        by = body.get("idProperty", "")
        if by:
            self._check_unique(kind, by)
        found: list[Body] = []
        missing: list[str] = []
        for each in body["inputs"]:
            _only(each, "id", needed=("id",))
            record = self._account.find(kind, each["id"], by)
            if record is None:
                missing.append(each["id"])
            else:
                found.append(record.shown([*body["properties"], *([by] if by else [])]))
        return self._batched(found, missing)

    def _batched(self, results: list[Body], missing: list[str]) -> tuple[int, Body]:
        told: Body = {"status": "COMPLETE", "results": results, "startedAt": "", "completedAt": ""}
        if not missing:
            return 200, told
        error = {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "message": "Could not get some objects, they may be deleted or not exist. Check that ids are valid.",
            "context": {"ids": missing},
        }
        return 207, {**told, "numErrors": len(missing), "errors": [error]}

    def _upsert(self, kind: str, body: Body) -> tuple[int, Body]:
        _only(body, "inputs")
        plans: list[tuple[str, str, Body]] = []
        for each in body["inputs"]:
            _only(
                each, "id", "idProperty", "properties", "objectWriteTraceId", needed=("id", "idProperty", "properties")
            )
            self._check_unique(kind, each["idProperty"])
            there = self._account.find(kind, each["id"], each["idProperty"])
            self._check(kind, each["properties"], new=there is None)
            plans.append((each["id"], each["idProperty"], each["properties"]))
        results = []
        for id, by, properties in plans:
            there = self._account.find(kind, id, by)
            record = there or self._account.add(kind)
            self._account.write(record, {**properties, by: id})
            results.append({**record.shown(), "new": there is None})
        return 200, self._batched(results, [])[1]

    def _update(self, kind: str, body: Body) -> tuple[int, Body]:
        _only(body, "inputs")
        results, missing = [], []
        for each in body["inputs"]:
            _only(each, "id", "properties", "objectWriteTraceId", needed=("id", "properties"))
            self._check(kind, each["properties"], new=False)
        for each in body["inputs"]:
            record = self._account.find(kind, each["id"])
            if record is None:
                missing.append(each["id"])
                continue
            self._check_free(record, each["properties"])
            self._account.write(record, each["properties"])
            results.append(record.shown())
        return self._batched(results, missing)

    def _archive(self, kind: str, body: Body) -> tuple[int, Body]:
        _only(body, "inputs")
        for each in body["inputs"]:
            _only(each, "id", needed=("id",))
            if (record := self._account.find(kind, each["id"])) is not None:
                record.archived = True
        return 204, {}

    def search(self, kind: str, body: Body) -> tuple[int, Body]:
        _only(body, *SEARCHED, "query", needed=SEARCHED)
        if len(json.dumps(body)) > SEARCH_CHARACTERS:
            raise invalid("The search body has more than 3000 characters")
        if len(body["filterGroups"]) > 6 or not 1 <= body["limit"] <= 200:
            raise invalid("at most 6 filterGroups, limit 1 to 200")
        for group in body["filterGroups"]:
            _only(group, "filters", needed=("filters",))
            for each in group["filters"]:
                self._check_filter(kind, each)
        results = [
            record.shown(body["properties"])
            for record, properties in self._account.indexed(kind)
            if any(all(_fits(properties, each) for each in group["filters"]) for group in body["filterGroups"])
        ]
        results.sort(key=lambda each: each["createdAt"])
        return 200, {"total": len(results), "results": results[: body["limit"]]}

    def _check_filter(self, kind: str, each: Body) -> None:
        _only(each, "propertyName", "operator", "value", "values", "highValue", needed=("propertyName", "operator"))
        if each["operator"] not in OPERATORS:
            raise invalid(f"{each['operator']} is no operator")
        if each["operator"] in ("IN", "NOT_IN") and not each.get("values"):
            raise invalid("IN needs values")
        if not each["propertyName"].startswith(_CALCULATED):
            self._definition(kind, each["propertyName"])

    def merge(self, kind: str, body: Body) -> tuple[int, Body]:
        _only(body, "primaryObjectId", "objectIdToMerge", needed=("primaryObjectId", "objectIdToMerge"))
        primary, away = (self._account.find(kind, body[name]) for name in ("primaryObjectId", "objectIdToMerge"))
        if primary is None or away is None:
            raise Problem(404, "OBJECT_NOT_FOUND", "resource not found")
        return 200, self._account.merge(primary, away).shown()

    def gdpr_delete(self, kind: str, body: Body) -> tuple[int, Body]:
        _only(body, "objectId", "idProperty", needed=("objectId",))
        record = self._account.find(kind, body["objectId"], body.get("idProperty", ""))
        if kind != CONTACTS or record is None:
            raise Problem(404, "OBJECT_NOT_FOUND", "resource not found")
        del self._account.records[kind][record.id]
        self._account.erased.add(record.id)
        return 204, {}

    def associate(self, of: str, to: str, what: str, body: Body) -> tuple[int, Body]:
        _only(body, "inputs", needed=("inputs",))
        results = []
        for each in body["inputs"]:
            if what == "batch/read":
                _only(each, "id", "after", needed=("id",))
                found = self._account.linked(of, each["id"], to)
                to_them = [{"toObjectId": int(id), "associationTypes": []} for id in found]
                results.append({"from": {"id": each["id"]}, "to": to_them})
            elif what == "batch/associate/default":
                _only(each, "from", "to", needed=("from", "to"))
                one, other = self._account.find(of, each["from"]["id"]), self._account.find(to, each["to"]["id"])
                if one is None or other is None:
                    raise Problem(404, "OBJECT_NOT_FOUND", "one of the records does not exist")
                self._account.link((of, one.id), (to, other.id))
                results.append({"from": {"id": one.id}, "to": {"id": other.id}, "associationSpec": {}})
            else:
                raise Problem(404, "OBJECT_NOT_FOUND", f"no {what}")
        return 200, {"status": "COMPLETE", "results": results}

    def make_property(self, kind: str, body: Body) -> tuple[int, Body]:
        allowed = ("name", "label", "type", "fieldType", "groupName", "description", "options", "hasUniqueValue")
        _only(body, *allowed, needed=("name", "label", "type", "fieldType", "groupName"))
        if body["groupName"] not in self._account.groups[kind]:
            raise invalid(f"property group {body['groupName']} does not exist")
        if body["name"] in self._account.properties[kind]:
            raise Problem(409, "CONFLICT", f"A property named '{body['name']}' already exists.")
        if body["type"] not in ("string", "number", "enumeration", "datetime", "date", "bool"):
            raise invalid(f"{body['type']} is no type")
        self._account.properties[kind][body["name"]] = dict(body)
        return 201, body

    def make_group(self, kind: str, body: Body) -> tuple[int, Body]:
        _only(body, "name", "label", "displayOrder", needed=("name", "label"))
        if body["name"] in self._account.groups[kind]:
            raise Problem(409, "CONFLICT", "the group exists")
        self._account.groups[kind].add(body["name"])
        return 201, body

    def _definition(self, kind: str, name: str) -> Mapping[str, Any]:
        known = self._account.properties[kind].get(name)
        if known is None:
            raise invalid(f'Property "{name}" does not exist', "PROPERTY_DOESNT_EXIST")
        return known

    def _check_unique(self, kind: str, name: str) -> None:
        if not self._definition(kind, name).get("hasUniqueValue"):
            raise invalid(f"{name} is not a unique property")

    def _check_free(self, record: Record, properties: Body) -> None:
        for name, value in properties.items():
            if value and self._account.properties[record.kind][name].get("hasUniqueValue"):
                other = self._account.find(record.kind, value, name)
                if other is not None and other is not record:
                    raise Problem(409, "CONFLICT", f"{name} {value} is taken by {other.id}")

    def _check(self, kind: str, properties: Body, *, new: bool) -> None:
        for name, value in properties.items():
            definition = self._definition(kind, name)
            if not isinstance(value, str):
                raise invalid(f"{name}: values are strings, found {type(value).__name__}")
            if definition.get("readOnly"):
                raise Problem(400, "VALIDATION_ERROR", f"{name} is read only", code="READ_ONLY_VALUE")
            if value:
                self._check_value(kind, name, value, definition)
        needed = {"communications": ("hs_timestamp",), "notes": ("hs_timestamp",), DEALS: ("dealname", "dealstage")}
        for name in needed.get(kind, ()) if new else ():
            if not properties.get(name):
                raise invalid(f"{name} is required", "MISSING_REQUIRED_PROPERTY")

    def _check_value(self, kind: str, name: str, value: str, definition: Mapping[str, Any]) -> None:
        options = [option["value"] for option in definition.get("options") or ()]
        if definition["type"] == "enumeration" and value not in options:
            raise invalid(f"{value} was not one of the allowed options: {options}", "INVALID_OPTION")
        if definition["type"] == "number" and not _is_number(value):
            raise invalid(f"{name}: {value} is no number", "INVALID_NUMBER")
        if (definition["type"] == "datetime" or name == "hs_timestamp") and not value.isdigit():
            raise invalid(f"{name}: {value} is no time in milliseconds", "INVALID_DATE")
        if len(value) > 65_536:
            raise invalid(f"{name} is too long")
        if kind == DEALS and name == "dealstage" and value not in self._account.stages:
            raise invalid(f"{value} is no stage of the pipeline", "INVALID_STAGE")
        if name == "hubspot_owner_id" and value not in self._account.owners.values():
            raise invalid(f"owner {value} does not exist", "INVALID_OWNER")


def _fits(properties: Mapping[str, str], each: Body) -> bool:
    value = properties.get(each["propertyName"], "")
    match each["operator"]:
        case "EQ":
            return bool(value == each["value"])
        case "IN":
            return value in each["values"]
        case "HAS_PROPERTY":
            return bool(value)
    raise invalid(f"the stand-in does not know {each['operator']}")


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def kind_of(name: str) -> str:
    if name not in KINDS:
        raise Problem(404, "OBJECT_NOT_FOUND", f"no object type {name}")
    return name

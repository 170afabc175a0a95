"""The SQL of one collection: made once, kept as text, so that a call binds its values and nothing else."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from . import Collection
from .codec import Codec, key_value
from .queries import Planner, Shape, check_changes

D = TypeVar("D")

Statement = tuple[str, tuple[Any, ...]]


class Table(Generic[D]):
    """The table of a collection: the document as JSON, beside it typed columns for its keys and indexes."""

    def __init__(self, collection: Collection[D]) -> None:
        self.collection = collection
        self.codec = Codec(collection)
        self.planner = Planner(collection)
        self.name = collection.name
        self.owner = ("tenant",) if collection.tenant_data else ()
        self.columns = collection.index_fields()
        self.of_row = " AND ".join(f"{name} = ?" for name in (*self.owner, "id"))
        self.get_sql = f"SELECT doc FROM {self.name} WHERE {self.of_row}"  # noqa: S608  declared names only
        self.delete_sql = f"DELETE FROM {self.name} WHERE {self.of_row} AND version = ?"  # noqa: S608  declared names
        written = (*self.owner, "id", "version", "schema", "doc", *map(_quoted, self.columns))
        marks = ", ".join("?" * len(written))
        self._insert = f"INSERT INTO {self.name} ({', '.join(written)}) VALUES ({marks})"  # noqa: S608  declared names
        self.insert_sql = f"{self._insert} ON CONFLICT DO NOTHING"
        self.put_sql = f"{self._insert} ON CONFLICT (id) DO UPDATE SET {self._raised()}"
        self._updates: dict[frozenset[str], tuple[str, tuple[str, ...]]] = {}
        self._selects: dict[tuple[Shape, str, bool, str], str] = {}

    def create(self) -> str:
        """The statement that makes the table."""
        columns = [f"{name} TEXT NOT NULL" for name in (*self.owner, "id")]
        columns += ["version INTEGER NOT NULL", "schema INTEGER NOT NULL", "doc TEXT NOT NULL"]
        columns += [f"{_quoted(name)} {self.codec.column_type(name)}" for name in self.columns]
        key = ", ".join((*self.owner, "id"))
        return f"CREATE TABLE IF NOT EXISTS {self.name} ({', '.join(columns)}, PRIMARY KEY ({key})) STRICT"

    def create_indexes(self) -> list[str]:
        """The statements that make the indexes. A plain one ends with the id, so that it serves `after` too."""
        made = []
        for kind, tail, declared in (("", ("id",), self.collection.indexes), ("UNIQUE ", (), self.collection.unique)):
            for index in declared:
                keys = ", ".join(map(_quoted, (*self.owner, *index, *tail)))
                made.append(f"CREATE {kind}INDEX IF NOT EXISTS {self._index_name(index)} ON {self.name} ({keys})")
        return made

    def insert(self, tenant: str, document: D) -> Statement:
        """Write *document* unless its id or a unique key is taken."""
        return self.insert_sql, self._row(tenant, document)

    def put(self, document: D) -> Statement:
        """Write *document* of a server-wide collection, or raise the version of the row that is there."""
        return self.put_sql, self._row("", document)

    def update(self, tenant: str, document: Any, changed: D, names: frozenset[str]) -> Statement:
        """Write the fields *names* of *changed* if the version stored is that of *document*."""
        sql, columns = self._update_of(names)
        text, keys = self._changed(changed, names, columns)
        return sql, (text, *keys, *self._key(tenant, document.id), document.version)

    def move(self, document: Any, name: str, highest: Any) -> Statement:
        """Write the field *name* of *document* of a server-wide collection if the one stored is at most *highest*."""
        sql, columns = self._update_of(frozenset({name}))
        # The same change as an update's, under another condition than the version.
        sql = f"{sql.removesuffix('version = ?')}{_quoted(name)} <= ?"
        text, keys = self._changed(document, frozenset({name}), columns)
        return sql, (text, *keys, *self._key("", document.id), key_value(highest))

    def delete(self, tenant: str, document: Any) -> Statement:
        """Delete the row if its version is that of *document*."""
        return self.delete_sql, (*self._key(tenant, document.id), document.version)

    def get(self, tenant: str, id: str) -> Statement:
        """Read one document's JSON."""
        return self.get_sql, self._key(tenant, id)

    def select(
        self, tenant: str, shape: Shape, values: list[Any], order: str, descending: bool, limit: int, after: Any
    ) -> Statement:
        """Read the JSON of what matches, sorted by *order* and id, behind the document *after*."""
        plan = self.planner.plan(shape, order)
        behind: tuple[Any, ...] = ()
        how = ""
        if after is not None:
            place = key_value(getattr(after, plan.order)) if plan.order else None
            how = "id" if not plan.order else "null" if place is None else "value"
            behind = (place, after.id) if how == "value" else (after.id,)
        key = (shape, plan.order, descending, how)
        if (sql := self._selects.get(key)) is None:
            sql = self._selects[key] = self._select_sql(shape, plan.index, plan.order, descending, how)
        return sql, (*self._key(tenant), *map(key_value, values), *behind, limit)

    def count(self, tenant: str, shape: Shape, values: list[Any]) -> Statement:
        """Count what matches."""
        plan = self.planner.plan(shape, ordered=False)
        conditions = self._conditions(shape)
        source = self._source(plan.index)
        return f"SELECT count(*) FROM {source}{conditions}", (*self._key(tenant), *map(key_value, values))  # noqa: S608  declared names

    def keys_of(self, document: D) -> tuple[Any, ...]:
        """The values of the index columns of *document*."""
        return tuple([key_value(getattr(document, name)) for name in self.columns])

    def _key(self, tenant: str, *id: str) -> tuple[str, ...]:
        return (tenant, *id) if self.owner else id

    def _row(self, tenant: str, document: Any) -> tuple[Any, ...]:
        self.codec.check(document)
        text = self.collection.adapter.serializer.to_json(document, warnings="error").decode()
        key = self._key(tenant, document.id)
        return (*key, document.version, self.collection.schema, text, *self.keys_of(document))

    def _changed(self, document: Any, names: frozenset[str], columns: tuple[str, ...]) -> tuple[str, list[Any]]:
        """The fields *names* as JSON, and the values of those that are keys."""
        self.codec.check(document, names)
        text = self.collection.adapter.serializer.to_json(document, include=set(names), warnings="error").decode()
        return text, [key_value(getattr(document, name)) for name in columns]

    def _update_of(self, names: frozenset[str]) -> tuple[str, tuple[str, ...]]:
        """The statement that changes the fields *names*, and which of them are keys."""
        if (known := self._updates.get(names)) is None:
            check_changes(self.collection, names)
            known = self._updates[names] = self._update_sql(names)
        return known

    def _update_sql(self, names: frozenset[str]) -> tuple[str, tuple[str, ...]]:
        # `->` hands a value over as the JSON it is, so numbers and booleans are never converted.
        columns = tuple(name for name in self.columns if name in names)
        fields = "".join(f", '$.{name}', ?1->'$.{name}'" for name in sorted(names))
        sets = "".join(f", {_quoted(name)} = ?" for name in columns)
        sql = (
            f"UPDATE {self.name} SET version = version + 1, doc = json_set(doc, '$.version', version + 1{fields})"  # noqa: S608  declared names
            f"{sets} WHERE {self.of_row} AND version = ?"
        )
        return sql, columns

    def _raised(self) -> str:
        # The id names kind, tenant and reference: of a row that is there, the time alone can differ.
        return (
            "version = version + 1, due_at = excluded.due_at, "
            "doc = json_set(doc, '$.version', version + 1, '$.due_at', excluded.doc->'$.due_at')"
        )

    def _select_sql(self, shape: Shape, index: tuple[str, ...], order: str, descending: bool, after: str) -> str:
        direction = " DESC" if descending else ""
        conditions = self._conditions(shape, self._behind(order, descending, after))
        sort = f"{_quoted(order)}{direction}, id{direction}" if order else f"id{direction}"
        return f"SELECT doc FROM {self._source(index)}{conditions} ORDER BY {sort} LIMIT ?"  # noqa: S608  declared names

    def _behind(self, order: str, descending: bool, after: str) -> str:
        """The condition of `after`. Nothing (NULL) sorts before every value, as in MongoDB."""
        column, than = _quoted(order), "<" if descending else ">"
        if not after:
            return ""
        if after == "id":
            return f"id {than} ?"
        if after == "value":
            onward = f"({column}, id) {than} (?, ?)"
            return f"({onward} OR {column} IS NULL)" if descending and self.codec.types[order][1] else onward
        return f"({column} IS NULL AND id < ?)" if descending else f"({column} IS NOT NULL OR id > ?)"

    def _source(self, index: tuple[str, ...]) -> str:
        return self.name if index == ("id",) else f"{self.name} INDEXED BY {self._index_name(index)}"

    def _index_name(self, index: tuple[str, ...]) -> str:
        return f"{self.name}_by_{'_'.join(index)}"

    def _conditions(self, shape: Shape, *more: str) -> str:
        parts = [f"{name} = ?" for name in self.owner]
        for name, how, size in shape:
            column = _quoted(name)
            if how == "is":
                parts.append(f"{column} = ?")
            elif how == "null":
                parts.append(f"{column} IS NULL")
            elif how == "in":
                parts.append(f"{column} IN ({', '.join('?' * size)})")
            else:
                parts += [f"{column} {sign} ?" for bit, sign in ((1, ">="), (2, "<")) if size & bit]
        parts += [condition for condition in more if condition]
        return f" WHERE {' AND '.join(parts)}" if parts else ""


def _quoted(name: str) -> str:
    return f'"{name}"'

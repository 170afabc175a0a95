"""Many tenants in little memory: most of them are used by nobody at a given time."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TypeVar

V = TypeVar("V")


class Packed(Mapping[str, V]):
    """A mapping that keeps its values as bytes and makes a new equal one at each look (some 70 µs for a tenant).

    2,000 small tenants took 18 kB each as objects; packed it is 7 (bench/README.md).
    """

    def __init__(self, values: Mapping[str, V]) -> None:
        self._whole = pickle.dumps({key: pickle.dumps(value) for key, value in values.items()})

    @cached_property
    def _packed(self) -> dict[str, bytes]:
        # Not before the first look: made while the parsed file is still there, these small objects would lie between its
        # own, and keep the memory around them from being given back.
        whole, self._whole = self._whole, b""
        packed: dict[str, bytes] = pickle.loads(whole)  # noqa: S301  our own, from the constructor
        return packed

    def __getitem__(self, key: str) -> V:
        value: V = pickle.loads(self._packed[key])  # noqa: S301  as above
        return value

    def __contains__(self, key: object) -> bool:
        return key in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)

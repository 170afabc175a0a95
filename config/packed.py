"""Many tenants in little memory: most of them are used by nobody at a given time."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

V = TypeVar("V")
_LEVEL = 1
"""Of compression: half the bytes; to take them out again is a tenth of making the value from them."""


class Packed(Mapping[str, V]):
    """A mapping that keeps its values as bytes and makes a new equal one at each look (some 70 µs for a tenant).

    2,000 small tenants took 18 kB each as objects; packed it is 8 (bench/README.md).
    """

    def __init__(self, values: Mapping[str, V], label: Callable[[V], Any] = lambda _: None) -> None:
        """*label*: something small of each value that is told without unpacking it; equal ones are kept once."""
        self._kept: dict[str, V] = {}
        labels = {key: label(value) for key, value in values.items()}
        once = {label: label for label in labels.values()}
        packed = {key: (self._pack(key, value), once[labels[key]]) for key, value in values.items()}
        self._whole: bytes | None = pickle.dumps(packed)
        self._made: dict[str, tuple[bytes, Any]] = {}

    def _pack(self, key: str, value: V) -> bytes:
        try:
            return zlib.compress(pickle.dumps(value), _LEVEL)
        except (pickle.PicklingError, AttributeError, TypeError):
            # Of a class that cannot be found by its name, such as one that a test made in a function.
            self._kept[key] = value
            return b""

    @property
    def _packed(self) -> dict[str, tuple[bytes, Any]]:
        # Not before the first look: made while the parsed file is still there, these small objects would lie between its
        # own, and keep the memory around them from being given back.
        if (whole := self._whole) is not None:
            self._made = pickle.loads(whole)  # noqa: S301  our own, from the constructor
            self._whole = None
        return self._made

    def only(self, keys: Iterable[str]) -> Packed[V]:
        """These values alone, still packed."""
        part: Packed[V] = Packed({})
        part._made = {key: self._packed[key] for key in keys}
        part._whole = None
        part._kept = {key: value for key, value in self._kept.items() if key in part._made}
        return part

    def joined(self, *others: Packed[V]) -> Packed[V]:
        """These values and those of *others*, of which the last wins; still packed."""
        all_: Packed[V] = Packed({})
        all_._made, all_._whole, all_._kept = dict(self._packed), None, dict(self._kept)
        for other in others:
            for key in other:
                all_._kept.pop(key, None)
            all_._made.update(other._packed)
            all_._kept.update(other._kept)
        return all_

    def __getitem__(self, key: str) -> V:
        if key in self._kept:
            return self._kept[key]
        value: V = pickle.loads(zlib.decompress(self._packed[key][0]))  # noqa: S301  as above
        return value

    def label(self, key: str) -> Any:
        """Of the value. Raises KeyError."""
        return self._packed[key][1]

    def print_of(self, key: str) -> int | None:
        """Another number for another value, and nearly always the same for an equal one; None: it cannot tell."""
        return None if key in self._kept else hash(self._packed[key][0])

    def __contains__(self, key: object) -> bool:
        return key in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)

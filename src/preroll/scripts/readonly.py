# SPDX-License-Identifier: Apache-2.0
"""What a context tells, read only to its depth: a change of it would do nothing, and nobody would notice.

The same types as JSON has them, so that authors may print, compare, merge, encode and copy what they are told; only a
copy can be changed.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, NoReturn

READ_ONLY = (
    "what the context tells is read only, as nothing would come of a change: change a copy, dict(...) or list(...); "
    "send other values with ctx.change(label, values={label: {...}}); set a booking's property with ctx.set_property"
)


def _refused(*_: object, **__: object) -> NoReturn:
    raise TypeError(READ_ONLY)


class ReadOnlyDict(dict[str, Any]):
    """An object of JSON that stays as it is."""

    __slots__ = ()
    __setitem__ = __delitem__ = __ior__ = _refused
    clear = pop = popitem = setdefault = update = _refused

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return {name: copy.deepcopy(value, memo) for name, value in self.items()}

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)


class ReadOnlyList(list[Any]):
    """A list of JSON that stays as it is."""

    __slots__ = ()
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refused
    append = clear = extend = insert = pop = remove = reverse = sort = _refused

    def __copy__(self) -> list[Any]:
        return list(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return [copy.deepcopy(value, memo) for value in self]

    def __reduce__(self) -> tuple[type[list[Any]], tuple[list[Any]]]:
        return list, (list(self),)


_AS_IT_IS = frozenset({str, int, float, bool, type(None)})
"""Most values are of these types: one set of them is one copy, which is what each run pays for what it looks at."""


def read_only(values: Mapping[str, Any]) -> ReadOnlyDict:
    """The same values, and those within them, read only; what is neither an object nor a list stays what it is."""
    told = ReadOnlyDict(values)
    if not _AS_IT_IS.issuperset(map(type, told.values())):
        for name, value in values.items():
            dict.__setitem__(told, name, _frozen(value))
    return told


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return read_only(value)
    return ReadOnlyList(map(_frozen, value)) if isinstance(value, list) else value

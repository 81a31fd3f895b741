# SPDX-License-Identifier: Apache-2.0
"""A bundle: YAML documents of a catalogue, each value with the place in the file that it came from.

Pure: text in, documents out. What a document may contain is for the API to say; here it is only read, safely.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple

import yaml

from preroll.domain.errors import Invalid, Mistake

KINDS = (
    "bundle", "platform", "pool", "function", "resource",
    "profile_definition", "profile_instance", "service_definition",
)  # fmt: skip
"""The first word of every document: ``kind: resource``."""

MOST_TEXT = 4_000_000
"""Characters of one file."""
MOST_FILES = 1_000
MOST_DOCUMENTS = 20_000
"""Of all files together, as of one."""
MOST_VALUES = 1_000_000
"""Of all files together; those behind an alias are counted as often as they are used."""
DEEPEST = 40

_WORDS: Mapping[str, object] = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER = re.compile(r"[-+]?(0|[1-9]\d{0,30})", re.ASCII)
_FRACTION = re.compile(r"[-+]?\d{1,30}(?=[.eE])(\.\d{0,30})?([eE][-+]?\d{1,3})?", re.ASCII)

Path = tuple[str | int, ...]


class Place(NamedTuple):
    """Where a value stands; line and column count from 1, as editors do."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Document:
    """One document as plain data, with the place of each of its values."""

    content: Mapping[str, Any]
    places: Mapping[Path, Place] = field(repr=False)

    def place(self, where: str) -> Place:
        """The place of a dotted field, or of the nearest one around it that is in the file."""
        path: Path = ()
        left = where
        while left:
            step = next((s for s in self._below(path) if left == str(s) or left.startswith(f"{s}.")), None)
            if step is None:
                break
            path, left = (*path, step), left[len(str(step)) + 1 :]
        return self.places[path]

    def _below(self, path: Path) -> list[str | int]:
        """The steps that lead on from a path, the longest first: a label may have a dot in it."""
        steps = [p[-1] for p in self.places if len(p) == len(path) + 1 and p[:-1] == path]
        return sorted(steps, key=lambda step: -len(str(step)))


@dataclass(slots=True)
class Budget:
    """What files that are read together may still have."""

    values: int = MOST_VALUES
    documents: int = MOST_DOCUMENTS


def read(text: str, file: str = "<text>", budget: Budget | None = None) -> list[Document]:
    """The documents of a file, each of a kind that is known.

    Raises:
        Invalid: as ``parsed``, or a document has no known kind.
    """
    documents = parsed(text, file, budget)
    if mistakes := [m for document in documents if (m := _kind_mistake(document))]:
        raise Invalid(mistakes)
    return documents


def parsed(text: str, file: str = "<text>", budget: Budget | None = None) -> list[Document]:
    """The documents of a file, of whatever kind they say that they are.

    Args:
        budget: what all files of a folder share; None: the file is alone.

    Raises:
        Invalid: it is no YAML, a key stands twice, or a limit is exceeded; every mistake names file, line and column.
    """
    if len(text) > MOST_TEXT:
        raise Invalid([Mistake(f"{file}:1:1", "is too large", f"at most {MOST_TEXT} characters")])
    try:
        return list(_Reader(text, file, budget or Budget()).documents())
    except yaml.MarkedYAMLError as error:
        raise Invalid([_unreadable(error, file)]) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow has no mark
        raise Invalid([Mistake(f"{file}:1:1", f"is no YAML: {error}".replace("\n", " "), "YAML 1.1")]) from None


def plain(text: str) -> object:
    """What a plain scalar means: numbers, true, false and null of JSON, else the text that it is."""
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text) and isfinite(number := float(text)):
        return number
    return _WORDS.get(text.lower(), text)


def placed(mistakes: Sequence[Mistake], documents: Sequence[Document]) -> list[Mistake]:
    """Mistakes of ``<index>.<field>`` with the place in the file instead of the index."""
    return [_placed(mistake, documents) for mistake in mistakes]


def _placed(mistake: Mistake, documents: Sequence[Document]) -> Mistake:
    index, _, where = mistake.where.partition(".")
    if not index.isdigit() or int(index) >= len(documents):
        return mistake
    return Mistake(f"{documents[int(index)].place(where)} {where}".rstrip(), mistake.what, mistake.expected)


class _Reader:
    """Reads events one by one: nothing is built before it is counted, and depth is bounded."""

    def __init__(self, text: str, file: str, budget: Budget) -> None:
        self._events = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        self._file, self._left = file, budget
        self._places: dict[Path, Place] = {}
        self._anchors: dict[str, tuple[Any, int] | None] = {}

    def documents(self) -> Iterator[Document]:
        """Each document that is not empty."""
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._places, self._anchors = {}, {}
                document = self._document(next(self._events))
                if document is not None:
                    self._left.documents -= 1
                    if self._left.documents < 0:
                        raise self._wrong(event, (), "is one too many", f"at most {MOST_DOCUMENTS} documents")
                    yield document

    def _document(self, event: yaml.Event) -> Document | None:
        if isinstance(event, yaml.ScalarEvent) and self._value(event, ()) is None:
            return None
        if not isinstance(event, yaml.MappingStartEvent):
            raise self._wrong(event, (), "is no document", "fields, such as kind: resource")
        return Document(self._value(event, ()), self._places)

    def _value(self, event: yaml.Event, path: Path) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        before = self._left.values
        self._count(event, path, 1)
        if path not in self._places:
            self._places[path] = _place(self._file, event)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = None
        match event:
            case yaml.MappingStartEvent():
                value: Any = self._mapping(event, path)
            case yaml.SequenceStartEvent():
                value = self._sequence(event, path)
            case yaml.ScalarEvent():
                value = self._scalar(event, path)
            case _:
                raise self._wrong(event, path, "is no value", "text, a number, a list or fields")
        if anchor is not None:
            self._anchors[anchor] = (value, before - self._left.values)
        return value

    def _alias(self, event: yaml.AliasEvent, path: Path) -> Any:
        if event.anchor not in self._anchors:
            raise self._wrong(
                event, path, f"is *{event.anchor}, which names nothing", "an anchor that stands before it"
            )
        known = self._anchors[event.anchor]
        if known is None:
            raise self._wrong(event, path, f"is *{event.anchor}, which holds itself", "an anchor that is complete")
        self._places.setdefault(path, _place(self._file, event))
        value, size = known
        self._count(event, path, size)
        return value

    def _mapping(self, opening: yaml.MappingStartEvent, path: Path) -> dict[str, Any]:
        self._tagless(opening, path)
        content: dict[str, Any] = {}
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent):
                raise self._wrong(key, path, "has a key that is no text", "a text as key")
            here = (*path, str(key.value))
            if key.value in content:
                raise self._wrong(key, here, "stands twice", "each key once")
            self._places[here] = _place(self._file, key)
            content[key.value] = self._value(next(self._events), here)
        return content

    def _sequence(self, opening: yaml.SequenceStartEvent, path: Path) -> list[Any]:
        self._tagless(opening, path)
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> Any:
        """Plain numbers, true, false and null as in YAML 1.2; *yes*, 12:30 and dates stay the text that they are."""
        self._tagless(event, path)
        text = str(event.value)
        return plain(text) if event.implicit[0] else text

    def _tagless(self, event: Any, path: Path) -> None:
        if event.tag not in (None, "!"):
            raise self._wrong(event, path, f"has the tag {event.tag}", "no tags")

    def _count(self, event: yaml.Event, path: Path, values: int) -> None:
        self._left.values -= values
        if self._left.values < 0:
            raise self._wrong(event, path, "is one value too many", f"at most {MOST_VALUES}, aliases included")
        if len(path) > DEEPEST:
            raise self._wrong(event, (), "is too deep", f"at most {DEEPEST} levels")

    def _wrong(self, event: yaml.Event, path: Path, what: str, expected: str) -> Invalid:
        where = f"{_place(self._file, event)} {'.'.join(map(str, path))}".rstrip()
        return Invalid([Mistake(where, what, expected)])


def _place(file: str, event: yaml.Event) -> Place:
    mark = event.start_mark
    return Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)


def _kind_mistake(document: Document) -> Mistake | None:
    kind, known = document.content.get("kind"), "one of " + ", ".join(KINDS)
    if kind is None:
        return Mistake(f"{document.place('')} kind", "is missing", known)
    if kind not in KINDS:
        return Mistake(f"{document.place('kind')} kind", f"is {str(kind)[:60]!r}", known)
    return None


def _unreadable(error: yaml.MarkedYAMLError, file: str) -> Mistake:
    mark = error.problem_mark or error.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
    context = f" {error.context}" if error.context else ""
    return Mistake(str(place), f"is no YAML: {error.problem}{context}", "YAML 1.1")

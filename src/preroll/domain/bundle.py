# SPDX-License-Identifier: Apache-2.0
"""A bundle: the documents of a catalogue under one name. What it created it may remove; nothing else (SPEC 11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from preroll.domain.config import Platform
from preroll.domain.definition import ServiceDefinition
from preroll.domain.errors import Mistake
from preroll.domain.function import Function, Pool
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource

Document = Resource | Pool | Function | ProfileDefinition | ProfileInstance | ServiceDefinition
"""What a catalogue is made of."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The name under which documents are put in."""

    name: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A document that could not be read for the mistakes in it; the others are judged as if it were as they need it."""

    mistakes: tuple[Mistake, ...]
    """Each with its field."""
    kind: str = ""
    """Empty: not even that is known, so that it may be of any."""
    name: str = ""
    """Empty: not known."""
    functions: tuple[str, ...] = ()
    """What it says that it can do, if it is a resource."""
    pools: tuple[str, ...] = ()
    """Where it says that it belongs, if it is a resource."""


KINDS: Mapping[type[Document], str] = {
    Pool: "pool",
    ProfileDefinition: "profile_definition",
    Function: "function",
    ProfileInstance: "profile_instance",
    Resource: "resource",
    ServiceDefinition: "service_definition",
}
"""In the order in which they need each other."""
PLATFORM = "platform"

Title = tuple[str, str]
"""(kind, name), by which a document of a platform is known."""


def kind_of(document: Document | Platform) -> str:
    """The first word of the document."""
    return PLATFORM if isinstance(document, Platform) else KINDS[type(document)]


def title_of(document: Document | Platform) -> Title:
    """By what it is known."""
    return kind_of(document), document.name


def revision_of(document: Document | Platform) -> int:
    """The count of its changes."""
    match document:
        case Platform(config=config):
            return config.version
        case ServiceDefinition(version=version):
            return version
        case _:
            return document.revision

# SPDX-License-Identifier: Apache-2.0
"""Who still needs a document that is to go: other documents of the catalogue, and bookings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from preroll.app.comparison import Shelf
from preroll.domain.bundle import Document, Title, title_of
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.errors import InUse, Mistake
from preroll.domain.function import Function, Pool
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.ports.bundles import User
from preroll.ports.store import Tx

Users = Mapping[Title, Sequence[str]]


def users_of(tx: Tx, platform: int, removed: Sequence[Document], left: Shelf) -> Users:
    """Who needs these, in words.

    Args:
        left: the catalogue without them.
    """
    found: dict[Title, list[str]] = defaultdict(list)
    for document in removed:
        if users := list(_documents(document, left)):
            found[title_of(document)] += users
    for title, user in _bookings(tx, platform, removed):
        text = f"booking {user.name} ({user.id})"
        if text not in found[title]:
            found[title].append(text)
    return found


def refuse(users: Users) -> None:
    """Refuse removals of what is in use.

    Raises:
        InUse: with everyone who needs it.
    """
    uses = [
        Mistake(f"{kind.replace('_', ' ')} {name}", f"is used by {', '.join(known)}")
        for (kind, name), known in users.items()
    ]
    if uses:
        raise InUse("; ".join(map(str, uses)), uses, hint="take it out of what uses it first, or keep it in the bundle")


def _documents(document: Document, left: Shelf) -> Iterator[str]:
    match document:
        case ProfileDefinition(name=name):
            yield from (f"profile instance {i.name}" for i in left.of(ProfileInstance) if i.definition == name)
            for function in left.of(Function):
                if name in (function.profile, *(i.profile for i in function.interfaces)):
                    yield f"function {function.name}"
            yield from _nodes(left, lambda node: node.profile == name)
        case ProfileInstance(name=name):
            for instance in left.of(ProfileInstance):
                if name == instance.parent or name in instance.variants.values():
                    yield f"profile instance {instance.name}"
            yield from _nodes(left, lambda node: node.default_profile == name)
        case Function(name=name) if all(r.function != name for r in left.of(Resource)):
            yield from _nodes(left, lambda node: node.function == name)
        case Pool(name=name) if all(name not in r.pools for r in left.of(Resource)):
            yield from _nodes(left, lambda node: node.pool == name)


def _nodes(left: Shelf, needs: Callable[[Node], bool]) -> Iterator[str]:
    for definition in left.of(ServiceDefinition):
        yield from (f"service definition {definition.name}, node {n.label}" for n in definition.nodes if needs(n))


def _bookings(tx: Tx, platform: int, removed: Sequence[Document]) -> Iterator[tuple[Title, User]]:
    resources = {r.key: title_of(r) for r in removed if isinstance(r, Resource)}
    if resources:
        yield from ((resources[key], user) for key, user in tx.bundles.holders(resources))
    if len(resources) == len(removed):
        return
    pinned = _pinned(tx, platform, {title_of(d) for d in removed})
    for key, user in tx.bundles.bookers(pinned):
        yield from ((title, user) for title in pinned[key])
    instances = {i.name: title_of(i) for i in removed if isinstance(i, ProfileInstance)}
    if instances:
        yield from ((instances[name], user) for name, user in tx.bundles.choosers(platform, instances))


def _pinned(tx: Tx, platform: int, titles: set[Title]) -> dict[int, set[Title]]:
    """Key of each version of a definition that is one of these or needs one of them -> which."""
    found = {}
    for version in tx.catalogue.definitions(platform):
        needs = {("service_definition", version.name)}
        needs |= {("profile_definition", n.profile) for n in version.nodes}
        needs |= {("profile_instance", n.default_profile) for n in version.nodes}
        if needs & titles:
            found[version.key] = needs & titles
    return found

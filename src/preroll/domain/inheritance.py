# SPDX-License-Identifier: Apache-2.0
"""The profiles of a platform: which values apply on a node, in general and in a state, and where each came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace

from preroll.domain.booking import NodeChoice
from preroll.domain.capacity import Wish
from preroll.domain.definition import Node
from preroll.domain.errors import Mistake
from preroll.domain.near import Names
from preroll.domain.profile import ProfileBy, ProfileCopy, ProfileDefinition, ProfileInstance
from preroll.domain.values import dataclass

LONGEST_LINE = 32
"""So many instances may derive from each other in a row."""

Instances = Mapping[str, ProfileInstance]


@dataclass(frozen=True, slots=True)
class Resolved:
    """What an instance says with all that it inherits."""

    values: Mapping[str, object] = field(default_factory=dict)
    states: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Service state -> the values that differ in it."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Parameter -> name of the instance in which its value stands."""
    state_sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Service state -> the same of the values that differ in it."""


def lineage(name: str, instances: Instances) -> list[ProfileInstance]:
    """The instance with those that it derives from, the oldest first; in a circle each stands once."""
    found: dict[str, ProfileInstance] = {}
    while name not in found and (instance := instances.get(name)) is not None:
        found[name] = instance
        name = instance.parent
    return list(reversed(found.values()))


def resolved(name: str, instances: Instances) -> Resolved:
    """What an instance says: own values on top of inherited ones, a link in place of what is inherited for its state.

    State names that differ in case are one.
    """
    values: dict[str, object] = {}
    sources: dict[str, str] = {}
    states: dict[str, tuple[str, Mapping[str, object], Mapping[str, str]]] = {}
    for instance in lineage(name, instances):
        values |= instance.values
        sources |= dict.fromkeys(instance.values, instance.name)
        for state, link in instance.variants.items():
            line = lineage(link, instances)
            linked = {k: v for i in line for k, v in i.values.items()}
            states[state.casefold()] = state, linked, {k: i.name for i in line for k in i.values}
        for state, own in instance.states.items():
            word, inherited, said_by = states.get(state.casefold(), (state, {}, {}))
            states[state.casefold()] = word, {**inherited, **own}, {**said_by, **dict.fromkeys(own, instance.name)}
    return Resolved(
        values,
        {state: found for state, found, _ in states.values()},
        sources,
        {state: said_by for state, _, said_by in states.values()},
    )


def derivation_mistakes(
    instance: ProfileInstance, instances: Instances, known: Names | None = None, *, kin: bool = True
) -> list[Mistake]:
    """What is wrong with what an instance derives from, and with its links.

    Args:
        known: the names of the instances of its definition, of which the near ones are told.
        kin: are they to be of its own definition? Not when nobody knows which that is meant to be.
    """
    found = []
    if instance.parent and (mistake := _parent_mistake(instance, instances, known, kin=kin)):
        found.append(mistake)
    inline = {state.casefold() for state in instance.states}
    for state, link in instance.variants.items():
        where = f"variants.{state}"
        if state.casefold() in inline:
            found.append(Mistake(where, "stands in states too", "either values or a link"))
        if mistake := _kin_mistake(where, instance, link, instances, known, kin=kin):
            found.append(mistake)
    return found


def _parent_mistake(
    instance: ProfileInstance, instances: Instances, known: Names | None, *, kin: bool
) -> Mistake | None:
    line = [i.name for i in reversed(lineage(instance.name, instances))]
    oldest = instances[line[-1]].parent if line else ""
    if oldest in line:
        return Mistake("parent", f"goes in a circle: {' -> '.join([*line, oldest])}", "an instance outside of it")
    if len(line) > LONGEST_LINE:
        chain = " -> ".join([*line[:3], "...", line[-1]])
        return Mistake("parent", f"makes a line of {len(line)}: {chain}", f"at most {LONGEST_LINE} in a row")
    return _kin_mistake("parent", instance, instance.parent, instances, known, kin=kin)


def _kin_mistake(
    where: str, instance: ProfileInstance, name: str, instances: Instances, known: Names | None, *, kin: bool
) -> Mistake | None:
    found = instances.get(name)
    if found is None:
        what = f"there is no profile instance {name}"
    elif kin and found.definition != instance.definition:
        what = f"{name} is of {found.definition}"
    else:
        return None
    near = [n for n in known.near(name) if n != instance.name] if known else []
    kind = f"an instance of {instance.definition}" if kin else "a profile instance"
    return Mistake(where, what, f"{kind}: {', '.join(near)}" if near else kind)


@dataclass(frozen=True, slots=True)
class Filled:
    """What applies on a node of a booking."""

    profile: ProfileDefinition | None
    """None: the node takes no values."""
    instance: str = ""
    """Name of the profile instance; empty: there is none."""
    values: Mapping[str, object] = field(default_factory=dict)
    """The definition's defaults, the instance's on top of them, and the booking's own on top of both."""
    states: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def wish(self, label: str) -> Wish:
        """What the node needs of its resource."""
        return self.profile.wish(label, self.values) if self.profile else Wish(label)


class Profiles:
    """The profiles of a platform by name, as they are at one version of its catalogue."""

    def __init__(self, profiles: Iterable[ProfileDefinition] = (), instances: Iterable[ProfileInstance] = ()) -> None:
        self.profiles: Mapping[str, ProfileDefinition] = {p.name: p for p in profiles}
        self.instances: Instances = {i.name: i for i in instances}
        self._resolved: dict[str, Resolved] = {}
        self._wishes: dict[tuple[str, str, str], Wish] = {}

    def resolved(self, name: str) -> Resolved:
        """What an instance says with all that it inherits; of an unknown one, nothing."""
        known = self._resolved.get(name)
        if known is None:
            known = self._resolved[name] = resolved(name, self.instances)
        return known

    def heirs(self, names: Iterable[str]) -> set[str]:
        """These instances, and those whose values, in general or in a state, come from one of them."""
        wanted = set(names)
        return wanted | {i.name for i in self.instances.values() if wanted & self._kin(i)}

    def before(self, changes: Iterable[tuple[object, object]]) -> Profiles:
        """The profiles as they were before these changes: (before, after) of each document that was there."""
        return self._with([before for before, _ in changes])

    def after(self, changes: Iterable[tuple[object, object]]) -> Profiles:
        """The profiles as they are after these changes; the same if they are stored already."""
        return self._with([after for _, after in changes])

    def _with(self, documents: Sequence[object]) -> Profiles:
        return Profiles(
            [*self.profiles.values(), *(d for d in documents if isinstance(d, ProfileDefinition))],
            [*self.instances.values(), *(d for d in documents if isinstance(d, ProfileInstance))],
        )

    def filled(self, node: Node | None, choice: NodeChoice) -> Filled:
        """What applies on a node: what was copied for it, else what the chosen or the default instance says now."""
        if choice.kept is not None and (profile := self.profiles.get(choice.kept.definition)) is not None:
            kept = choice.kept
            said = {**kept.defaults, **kept.values, **choice.values}
            return Filled(_with_defaults(profile, kept), kept.instance, said, kept.states)
        instance = self.instances.get(choice.profile or (node.default_profile if node else ""))
        profile = self.profiles.get(instance.definition if instance else node.profile if node else "")
        if instance is None:
            return Filled(profile, "", choice.values)
        found = self.resolved(instance.name)
        said = {**(profile.defaults() if profile else {}), **found.values, **choice.values}
        return Filled(profile, instance.name, said, found.states)

    def wish(self, node: Node | None, choice: NodeChoice, label: str) -> Wish:
        """What a node needs of its resource. Most bookings take a profile as it is: that is worked out once."""
        if choice.values or choice.kept is not None:
            return self.filled(node, choice).wish(label)
        said = choice.profile or (node.default_profile if node else ""), node.profile if node else "", label
        known = self._wishes.get(said)
        if known is None:
            known = self._wishes[said] = self.filled(node, choice).wish(label)
        return known

    def copied(self, node: Node | None, choice: NodeChoice) -> NodeChoice:
        """The choice with a copy of what its profile says now; without a profile, as it is."""
        found = self.filled(node, replace(choice, values={}, kept=None))
        if found.profile is None or not found.instance:
            return choice
        defaults = found.profile.defaults()
        kept = ProfileCopy(found.profile.name, found.instance, found.values, found.states, defaults)
        return replace(choice, kept=kept)

    def _kin(self, instance: ProfileInstance) -> set[str]:
        line = lineage(instance.name, self.instances)
        linked = {link for i in line for link in i.variants.values()}
        return {i.name for name in linked for i in lineage(name, self.instances)} | {i.name for i in line}


def taken_by(node: Node | None, choice: NodeChoice) -> ProfileBy:
    """Is the profile copied, or read at each event? The booking's choice goes before the node's."""
    return choice.profile_by or (node.profile_by if node else ProfileBy.REFERENCE)


def settled(
    profiles: Profiles,
    nodes: Sequence[Node],
    after: Mapping[str, NodeChoice],
    before: Mapping[str, NodeChoice],
    *,
    runs: bool,
) -> dict[str, NodeChoice]:
    """The choices of a booking, each with the copy that it is to have.

    A copy stays as long as the same profile is chosen by value. One that runs keeps what it began with.
    """
    known = {n.label: n for n in nodes}
    found = {}
    for label, choice in after.items():
        node, old = known.get(label), before.get(label)
        by_value = taken_by(node, choice) is ProfileBy.VALUE
        stays = old is not None and old.kept is not None and old.profile == choice.profile
        if stays and old is not None and ((by_value and taken_by(node, old) is ProfileBy.VALUE) or runs):
            found[label] = replace(choice, kept=old.kept)
        else:
            found[label] = profiles.copied(node, choice) if by_value else _uncopied(choice)
    return found


def on_top(before: NodeChoice | None, choice: NodeChoice) -> NodeChoice:
    """What is said of a node on top of what it has; another profile begins without the old one's values."""
    if before is None:
        return choice
    profile, by = choice.profile or before.profile, choice.profile_by or before.profile_by
    values = {**(before.values if profile == before.profile else {}), **choice.values}
    values = {name: value for name, value in values.items() if value is not None}
    stays = profile == before.profile and choice.profile_by is not ProfileBy.REFERENCE
    kept = choice.kept or (before.kept if stays else None)
    return NodeChoice(choice.resource or before.resource, profile, values, by, kept, choice.whole)


def laid_over(own: NodeChoice, over: NodeChoice) -> NodeChoice:
    """What an overlay says of a node on top of what its service has, which keeps the resource as it holds it."""
    return on_top(own, replace(over, whole=own.whole))


def renewed(nodes: Sequence[Node], choices: Mapping[str, NodeChoice]) -> dict[str, NodeChoice]:
    """The choices without the copies of what is taken by reference: those that were made while the booking ran."""
    known = {n.label: n for n in nodes}
    return {
        label: _uncopied(c) if taken_by(known.get(label), c) is ProfileBy.REFERENCE else c
        for label, c in choices.items()
    }


def _uncopied(choice: NodeChoice) -> NodeChoice:
    return choice if choice.kept is None else replace(choice, kept=None)


def _with_defaults(profile: ProfileDefinition, kept: ProfileCopy) -> ProfileDefinition:
    """The definition with the defaults that it had when it was copied."""
    if profile.defaults() == kept.defaults:
        return profile
    return replace(profile, parameters=tuple(replace(p, default=kept.defaults.get(p.name)) for p in profile.parameters))

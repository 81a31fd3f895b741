# SPDX-License-Identifier: Apache-2.0
"""What an overlay booking comes to: other values of a permanent service for a while, and its own ones again.

Functions of a transaction and of values. How an overlay is made and kept is ``overlaying``.
"""

from __future__ import annotations

from collections.abc import Mapping

from preroll.domain.booking import ON_AIR, Booking, NodeChoice
from preroll.domain.definition import Node
from preroll.domain.inheritance import Filled, Profiles, laid_over
from preroll.domain.service import START
from preroll.ports.store import Tx

Values = Mapping[str, object]


def on_air(tx: Tx, service: str) -> Mapping[str, NodeChoice]:
    """What an overlay says now of the nodes of a service, by label; nothing when none is on the air."""
    found = (one for one in tx.bookings.overlays(service) if one.state in ON_AIR and one.service_state == START)
    return next((one.nodes for one in found), {})


def is_active(tx: Tx, platform: int, runs: str) -> bool:
    """Is a service in the state in which it serves? In any other, an overlay leaves it as it is."""
    usual = tx.platforms.by_key(platform).config.service_states.mapping.service_active or START
    return runs.casefold() == usual.casefold()


def raised(shelf: Profiles, node: Node | None, own: NodeChoice, over: NodeChoice, runs: str) -> dict[str, object]:
    """The values of a node while an overlay is on the air: what it says goes before what the service has."""
    return {**in_state(shelf.filled(node, laid_over(own, over)), runs), **over.values}


def own_again(shelf: Profiles, node: Node | None, own: NodeChoice, over: NodeChoice, runs: str) -> dict[str, object]:
    """The values of a node once the overlay is over: the service's own; of what only the overlay set, the default."""
    filled = shelf.filled(node, own)
    defaults = filled.profile.defaults() if filled.profile else {}
    changed = raised(shelf, node, own, over, runs)
    return {**{name: value for name, value in defaults.items() if name in changed}, **in_state(filled, runs)}


def in_state(filled: Filled, runs: str) -> dict[str, object]:
    """What applies on a node in a service state."""
    states = {name.casefold(): values for name, values in filled.states.items()}
    return {**filled.values, **states.get(runs.casefold(), {})}


def left_by(tx: Tx, carrier: Booking) -> Mapping[str, Mapping[str, object]]:
    """Id of each resource of a service -> what an overlay that is on the air has put there, by the driver's paths."""
    said = on_air(tx, carrier.id)
    if not said or not is_active(tx, carrier.platform, carrier.service_state):
        return {}
    definition = tx.catalogue.definition_by_key(carrier.definition) if carrier.definition else None
    shelf, found = tx.catalogue.profiles(carrier.platform), dict[str, dict[str, object]]()
    for label, over in said.items():
        own = carrier.nodes.get(label)
        node = definition.node(label) if definition else None
        if own is None or not own.resource or (profile := shelf.filled(node, own).profile) is None:
            continue
        values = profile.configured(raised(shelf, node, own, over, carrier.service_state))
        plain = {name: value for name, value in values.items() if name not in profile.secrets}
        found.setdefault(own.resource, {}).update(profile.paths(plain))
    return found

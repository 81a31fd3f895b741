# SPDX-License-Identifier: Apache-2.0
"""A booking as commands print it."""

from __future__ import annotations

from preroll.cli import output
from preroll.client.things import Booking, BookingSummary


def state(b: BookingSummary) -> str:
    """Its life cycle state, and where a run is taking it."""
    if b.attention:
        return f"{b.state}, {b.attention.replace('_', ' ')}"
    return f"{b.state}, entering {b.entering}" if b.entering else b.state


def show(b: Booking, *, as_json: bool, reasons: bool = False) -> None:
    """All of it, or JSON; with the reasons why it does not admit an action now."""
    if as_json:
        output.as_json(b)
        return
    output.fields(
        [
            ("booking", b.name), ("id", b.id), ("state", state(b)), ("service", b.service_state),
            ("on the air", f"{output.cell(b.start)} to {output.cell(b.end) if b.end else 'further notice'}"),
            ("rolls", f"{b.pre_roll} s before, {b.post_roll} s after"),
            ("definition", f"{b.definition.name} version {b.definition.version}" if b.definition else _listed(b)),
            ("nodes", {label: node.name or "-" for label, node in b.nodes.items()}),
            ("properties", b.properties), ("priority", b.priority or ""), ("owner", b.owner), ("revision", b.revision),
            ("late", f"{b.late:.1f} s" if b.late else ""), ("waiting", [w.what for w in b.waiting]),
            ("audit", f"{b.audit.status}, devices {b.audit.configuration}" if b.audit else ""),
            ("created actions", f"{b.confirming.state} {b.confirming.message}".strip() if b.confirming else ""),
            ("warnings", b.warnings), ("possible", [a.name for a in b.actions if a.possible]),
        ]
    )  # fmt: skip
    refused = [(a.name, a.why) for a in b.actions if not a.possible]
    if reasons and refused:
        output.table(("not possible", "why"), refused)
    _show_losses(b)
    if b.events:
        rows = [(e.event, e.state, e.planned, e.began, e.ended, f"{e.reason} {e.message}".strip()) for e in b.events]
        output.table(("event", "state", "planned", "began", "ended", "why"), rows)


def _listed(b: Booking) -> str:
    if b.overlays:
        return f"overlay of service {b.overlays}"
    return f"free list, {'loaded at START and STOP' if b.orchestrated else 'held only'}"


def _show_losses(b: Booking) -> None:
    if b.quarantine is None or not b.quarantine.lost:
        return
    rows = [
        (x.resource, x.dimension or "place", f"{x.amount:g}", [r.name for r in x.rivals], x.why, x.reason, x.at)
        for x in b.quarantine.lost
    ]
    title = "in conflict" if b.phase == "running" else f"lost; was {b.quarantine.was}"
    output.table(("resource", "what", "amount", "to", "why", "reason", "at"), rows, title=title)

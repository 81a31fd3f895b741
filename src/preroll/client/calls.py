# SPDX-License-Identifier: Apache-2.0
"""Every call of the API as a value: what is sent and what comes back. A client of either kind sends it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from preroll.client.free_busy import FreeBusy
from preroll.client.imports import Imported
from preroll.client.offers import Availability
from preroll.client.things import (
    Applied,
    AppliedPage,
    Audits,
    Booking,
    BookingSummary,
    Change,
    Document,
    Export,
    Line,
    Page,
    Plan,
    Ready,
    Run,
    Workers,
)

R = TypeVar("R")
Moment = datetime | str
"""A time with its zone; a text is sent as it is."""
Length = timedelta | int | str
"""A time-delta, seconds, or an ISO 8601 duration."""
NodeAsked = str | Mapping[str, Any]
"""The name or id of a resource, or all of ``resource``, ``profile`` and ``values``."""

API, READY = "/api/v1", "/readyz"


@dataclass(frozen=True, slots=True)
class Call(Generic[R]):
    """One request, and the type of its answer."""

    method: str
    path: str
    returns: type[R]
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    seen: int | None = None
    """The revision that a change is made on; None: as it is now."""

    def asking(self, name: str, value: str) -> Call[R]:
        """The same call with one more word in its query, in place of an earlier one of that name."""
        kept = tuple(pair for pair in self.query if pair[0] != name)
        return replace(self, query=(*kept, (name, value)))


def create_booking(
    name: str,
    start: Moment | None = None,
    end: Moment | None = None,
    *,
    permanent: bool = False,
    nodes: Mapping[str, NodeAsked] | None = None,
    definition: str | None = None,
    pre_roll: Length | None = None,
    post_roll: Length | None = None,
    **more: Any,
) -> Call[Booking]:
    """Book. What is not said of its time is as the platform's defaults say.

    Args:
        permanent: without end, also where there is a default duration.
        more: ``id``, ``platform``, ``definition_version``, ``properties``, ``priority``, ``zone``, ``force``;
            ``orchestrated``: of a list of resources, their profiles are loaded at START and STOP; ``overlays``: id or
            name of a permanent service, whose nodes have these values meanwhile.
    """
    body = {
        "name": name, "start": start, "pre_roll": pre_roll, "post_roll": post_roll, "definition": definition,
        "nodes": {label: _node(node) for label, node in (nodes or {}).items()}, **more,
    }  # fmt: skip
    if end is not None or permanent:
        body["end"] = end
    return Call("POST", f"{API}/bookings", Booking, body=body)


def get_booking(ident: str) -> Call[Booking]:
    """One booking."""
    return Call("GET", _booking(ident), Booking)


def list_bookings(
    *,
    platform: str | None = None,
    states: Iterable[str] = (),
    text: str = "",
    attention: Iterable[str] = (),
    since: Moment | None = None,
    until: Moment | None = None,
    limit: int | None = None,
) -> Call[Page[BookingSummary]]:
    """Bookings by start and id; ``since`` and ``until`` bound the time over which they hold resources."""
    query = _query(platform=platform, text=text, to=until, limit=limit) + _query(**{"from": since})
    words = tuple(("state", state) for state in states) + tuple(("attention", kind) for kind in attention)
    return Call("GET", f"{API}/bookings", Page[BookingSummary], query + words)


def availability(
    start: Moment,
    end: Moment | None = None,
    *,
    nodes: Mapping[str, Mapping[str, Any]] | None = None,
    definition: str | None = None,
    **more: Any,
) -> Call[Availability]:
    """What could fill each node. ``more``: ``pre_roll``, ``post_roll``, ``platform``, ``ignore``, ``guard``, ``order``,
    ``explain``, ``count``, ``limit``, ``definition_version``."""
    body = {"start": start, "end": end, "nodes": nodes or {}, "definition": definition, **more}
    return Call("POST", f"{API}/availability", Availability, body=body)


def free_busy(
    since: Moment, until: Moment, *, resources: Iterable[str] = (), function: str = "", pool: str = "",
    platform: str = "default",
) -> Call[FreeBusy]:  # fmt: skip
    """Who has how much of resources when, when they are closed and why, and when they are free; by id or name."""
    query = _query(to=until, function=function, pool=pool, platform=platform) + _query(**{"from": since})
    named = tuple(("resource", resource) for resource in resources)
    return Call("GET", f"{API}/availability/free-busy", FreeBusy, query + named)


def edit_booking(ident: str, change: Mapping[str, Any], *, seen: int | None = None) -> Call[Booking]:
    """Change the fields that are given, with ``force`` against others; None takes away an end, a node, a property."""
    return Call("PATCH", _booking(ident), Booking, body=_change(change), seen=seen)


def leave_quarantine(ident: str, change: Mapping[str, Any] | None = None, *, seen: int | None = None) -> Call[Booking]:
    """Leave quarantine as it was, or with another resource, time or profile: the fields of an edit."""
    return Call("POST", f"{_booking(ident)}/leave-quarantine", Booking, body=_change(change or {}), seen=seen)


def act(ident: str, action: str, *, why: str = "", seen: int | None = None) -> Call[Booking]:
    """``confirm``, ``hold``, ``cancel``, ``finish``, ``retry`` or ``acknowledge`` a booking."""
    return Call("POST", f"{_booking(ident)}/{action}", Booking, body={"why": why} if why else None, seen=seen)


def command(
    ident: str, action: str, body: Mapping[str, Any] | None = None, *, seen: int | None = None
) -> Call[Booking]:
    """An action with all that it takes: ``start-now``, ``extend``, ``adjust``, ``rename``, ``duplicate`` and others."""
    return Call("POST", f"{_booking(ident)}/{action}", Booking, body=body, seen=seen)


def set_properties(ident: str, properties: Mapping[str, Any], *, seen: int | None = None) -> Call[Booking]:
    """Change the properties that are given, leave the others; None takes one away."""
    return Call("PATCH", f"{_booking(ident)}/properties", Booking, body=dict(properties), seen=seen)


def delete_booking(ident: str, *, seen: int | None = None) -> Call[Booking]:
    """Hide a booking that has ended and is reset."""
    return Call("DELETE", _booking(ident), Booking, seen=seen)


def audit_booking(ident: str) -> Call[Booking]:
    """Have all checks of a running booking made now; ``booking_audits`` tells what they found."""
    return Call("POST", f"{_booking(ident)}/audit", Booking)


def booking_audits(ident: str) -> Call[Audits]:
    """What the audits of a booking found, the newest round first."""
    return Call("GET", f"{_booking(ident)}/audits", Audits)


def booking_runs(ident: str) -> Call[list[Run]]:
    """The runs of a booking, oldest first."""
    return Call("GET", f"{_booking(ident)}/runs", list[Run])


def booking_log(ident: str) -> Call[list[Line]]:
    """A booking's action log, oldest first."""
    return Call("GET", f"{_booking(ident)}/log", list[Line])


def booking_changes(ident: str) -> Call[list[Change]]:
    """Everything that happened to a booking, oldest first."""
    return Call("GET", f"{_booking(ident)}/changes", list[Change])


def get_run(ident: str) -> Call[Run]:
    """One run with its steps."""
    return Call("GET", f"{API}/runs/{quote(ident, safe='')}", Run)


def list_changes(*, after: str = "", limit: int | None = None, platform: str | None = None) -> Call[Page[Change]]:
    """Changes after a position, oldest first; ``next`` is the position to go on from."""
    return Call("GET", f"{API}/changes", Page[Change], _query(after=after, limit=limit, platform=platform))


def plan(documents: Sequence[Document], *, platform: str = "default", prune: bool = False) -> Call[Plan]:
    """What ``apply`` would add, change and remove; nothing is written."""
    body = {"platform": platform, "documents": list(documents), "prune": prune}
    return Call("POST", f"{API}/catalogue/plan", Plan, body=body)


def apply(
    documents: Sequence[Document],
    *,
    platform: str = "default",
    prune: bool = False,
    version: int | None = None,
    force: bool = False,
) -> Call[AppliedPage]:
    """Store documents of the catalogue, all or none; with the ``version`` of a plan, only as that showed it.

    Args:
        force: bookings that then have too little are quarantined.
    """
    body = {"platform": platform, "documents": list(documents), "prune": prune, "version": version, "force": force}
    return Call("POST", f"{API}/catalogue", AppliedPage, body=body)


def export(
    *, platform: str = "default", kinds: Iterable[str] = (), names: Iterable[str] = (), bundle: str = ""
) -> Call[Export]:
    """The platform and its catalogue as documents; of these kinds and names, or what a bundle created."""
    query = _query(platform=platform, bundle=bundle)
    query += tuple(("kind", kind) for kind in kinds) + tuple(("name", name) for name in names)
    return Call("GET", f"{API}/catalogue", Export, query)


def list_catalogue(noun: str, *, platform: str = "default") -> Call[Page[dict[str, Any]]]:
    """``resources``, ``pools``, ``functions``, ``profile-definitions``, ``profile-instances`` or
    ``service-definitions``."""
    return Call("GET", f"{API}/{noun}", Page[dict[str, Any]], _query(platform=platform))


def resolved_profile(ident: str) -> Call[dict[str, Any]]:
    """What a profile instance says with all that it inherits."""
    return Call("GET", f"{API}/profile-instances/{quote(ident, safe='')}/resolved", dict[str, Any])


def move_definition(ident: str, trigger: str) -> Call[dict[str, Any]]:
    """``publish`` or ``retire`` a version of a service definition."""
    return Call("POST", f"{API}/service-definitions/{quote(ident, safe='')}/{trigger}", dict[str, Any])


def list_resources(
    *,
    platform: str = "default",
    text: str = "",
    pool: str = "",
    function: str = "",
    modes: Iterable[str] = (),
    capabilities: Iterable[str] = (),
    labels: Iterable[str] = (),
    sort: str = "name",
    limit: int | None = None,
) -> Call[Page[dict[str, Any]]]:
    """Resources to which all of this applies; ``codec`` or ``codec=HEVC`` of capabilities, ``site=north`` of labels.

    Args:
        sort: ``name`` or ``priority``, turned round with a minus.
    """
    query = _query(platform=platform, text=text, pool=pool, function=function, sort=sort, limit=limit)
    for name, words in (("mode", modes), ("capability", capabilities), ("label", labels)):
        query += tuple((name, word) for word in words)
    return Call("GET", f"{API}/resources", Page[dict[str, Any]], query)


def get_resource(ident: str) -> Call[dict[str, Any]]:
    """One resource, by its id."""
    return Call("GET", f"{API}/resources/{quote(ident, safe='')}", dict[str, Any])


def change_resource(
    ident: str,
    *,
    mode: str | None = None,
    hands_off: bool | None = None,
    force: bool = False,
    seen: int | None = None,
) -> Call[dict[str, Any]]:
    """Set a resource's mode, or take the engine's hands off it."""
    body = {"mode": mode, "hands_off": hands_off, "force": force}
    return Call("PATCH", f"{API}/resources/{quote(ident, safe='')}", dict[str, Any], body=body, seen=seen)


def import_resources(
    text: str, *, platform: str = "default", dry_run: bool = False, force: bool = False
) -> Call[Imported]:
    """Add and change resources from a spreadsheet (CSV), all or nothing."""
    body = {"platform": platform, "text": text, "dry_run": dry_run, "force": force}
    return Call("POST", f"{API}/resources/import", Imported, body=body)


def remove_document(kind: str, name: str, *, platform: str = "default", force: bool = False) -> Call[Applied]:
    """Take one document out of the catalogue.

    Args:
        force: a resource that waiting bookings have; they are quarantined.
    """
    query = _query(platform=platform, kind=kind, name=name, force="true" if force else "")
    return Call("DELETE", f"{API}/catalogue", Applied, query)


def list_workers() -> Call[Workers]:
    """Who runs what is due, and which resources nobody reaches."""
    return Call("GET", f"{API}/workers", Workers)


def night(platform: str = "") -> Call[dict[str, Any]]:
    """What is on the air, what comes next and what it lacks, what needs somebody."""
    return Call("GET", f"{API}/night", dict[str, Any], _query(platform=platform or None))


def list_platforms() -> Call[list[dict[str, Any]]]:
    """All platforms with their settings."""
    return Call("GET", f"{API}/platforms", list[dict[str, Any]])


def get_platform(name: str) -> Call[dict[str, Any]]:
    """One platform with its settings."""
    return Call("GET", f"{API}/platforms/{quote(name, safe='')}", dict[str, Any])


def change_platform(name: str, change: Mapping[str, Any], *, seen: int | None = None) -> Call[dict[str, Any]]:
    """Change some settings: ``set``, ``reset``, ``transitions``, ``why``, ``force``."""
    return Call("PATCH", f"{API}/platforms/{quote(name, safe='')}", dict[str, Any], body=change, seen=seen)


def undo_platform(
    name: str, to: int | None = None, *, seen: int | None = None, force: bool = False
) -> Call[dict[str, Any]]:
    """Have the settings of an earlier version again; None: of the one before."""
    body = {"to": to, "force": force}
    return Call("POST", f"{API}/platforms/{quote(name, safe='')}/undo", dict[str, Any], body=body, seen=seen)


def platform_history(name: str, *, before: int | None = None, limit: int | None = None) -> Call[dict[str, Any]]:
    """Versions of the settings, the newest first."""
    query = _query(before=before, limit=limit)
    return Call("GET", f"{API}/platforms/{quote(name, safe='')}/history", dict[str, Any], query)


def platform_looks(name: str) -> Call[dict[str, Any]]:
    """How each life cycle state is drawn."""
    return Call("GET", f"{API}/platforms/{quote(name, safe='')}/looks", dict[str, Any])


def put_platform(name: str, settings: Mapping[str, Any]) -> Call[dict[str, Any]]:
    """Make a platform, or replace its settings."""
    return Call("PUT", f"{API}/platforms/{quote(name, safe='')}", dict[str, Any], body=settings)


def list_scripts() -> Call[dict[str, Any]]:
    """The scripts that are ``installed``, and the ones that are ``broken``."""
    return Call("GET", f"{API}/scripts", dict[str, Any])


def ready() -> Call[Ready]:
    """Can the server do its work?"""
    return Call("GET", READY, Ready)


def _booking(ident: str) -> str:
    return f"{API}/bookings/{quote(ident, safe='')}"


def _change(change: Mapping[str, Any]) -> dict[str, Any]:
    body = dict(change)
    if change.get("nodes"):
        body["nodes"] = {label: None if node is None else _node(node) for label, node in change["nodes"].items()}
    return body


def _node(node: NodeAsked) -> Mapping[str, Any]:
    return {"resource": node} if isinstance(node, str) else node


def _query(**words: object) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, value.isoformat() if isinstance(value, datetime) else str(value))
        for name, value in words.items()
        if value not in (None, "")
    )

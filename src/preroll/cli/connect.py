# SPDX-License-Identifier: Apache-2.0
"""A connection to the server for one command; what goes wrong is told in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import stamina.instrumentation

from preroll.cli import credentials
from preroll.cli.exits import NOT_FOUND, REFUSED, UNAVAILABLE, USAGE, Failure, exit_of
from preroll.client import Client, Problem, Unreachable, calls
from preroll.client.problems import Clash, Losing
from preroll.client.things import Applied

_UUID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
PATIENCE_S = 3.0


@contextmanager
def connected(server: str, *, patience: float = PATIENCE_S, token: str | None = None) -> Iterator[Client]:
    """A client. Problems become failures with an exit code, every mistake on a line of its own.

    Args:
        token: as whose program it asks; None: as whom ``PREROLL_TOKEN`` or ``preroll login`` say.

    Raises:
        Failure: the server refused, or does not answer.
    """
    stamina.instrumentation.set_on_retry_hooks(())
    try:
        sent = credentials.token_for(server) if token is None else token
        with Client(server, patience=patience, token=sent) as client:
            yield client
    except Problem as problem:
        raise Failure(exit_of(problem.status), told(problem), problem.hint) from None
    except Unreachable as error:
        hint = "is it running? start it with: preroll serve; another address: --server or PREROLL_SERVER"
        raise Failure(UNAVAILABLE, str(error), hint) from None


def told(problem: Problem) -> str:
    """A problem in a few lines."""
    lines = [f"  {str(error).removeprefix('documents.0.')}" for error in problem.errors]  # one was typed in, not sent
    lines += [f"  {c.resource}: {clash_told(c)}" for c in problem.clashes]
    if problem.losing:
        lines += ["With force:", *dict.fromkeys(f"  {x.name} ({x.state}): {_cost(x)}" for x in problem.losing)]
    if problem.ways:
        lines += ["What would solve it:", *(f"  {way.text}" for way in problem.ways)]
    if lines:
        return "\n".join([problem.title, *lines])
    return problem.detail


def _cost(one: Losing) -> str:
    return f"{'would be in conflict on' if one.runs else 'would lose'} {one.what}"


def clash_told(clash: Clash) -> str:
    """Why a resource cannot be held, in a line."""
    if clash.why:
        return clash.why
    what = f"{clash.dimension}: " if clash.dimension else ""
    until = f"{clash.end:%Y-%m-%d %H:%M:%S}Z" if clash.end else "further notice"
    who = f"; held by {clash.rival_name} ({clash.rival}) from {clash.start:%Y-%m-%d %H:%M:%S}Z to {until}"
    return f"{what}{clash.left:g} of {clash.limit:g} left, {clash.asked:g} asked{who if clash.rival else ''}"


def named(found: Iterator[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The one of that name in a list of the catalogue."""
    for one in found:
        if one["name"] == name:
            return one
    raise Failure(NOT_FOUND, f"there is no {kind} {name}", f"preroll {kind} list shows them all")


def added(server: str, platform: str, document: dict[str, Any]) -> Applied:
    """Put a document into the catalogue that is not there yet.

    Raises:
        Failure: it is there, or is mistaken.
    """
    with connected(server) as client:
        plan = client.send(calls.plan([document], platform=platform))
        if not plan.steps or plan.steps[0].change != "added":
            kind, name = str(document["kind"]), document["name"]
            raise Failure(REFUSED, f"there is a {kind} {name} already", "preroll apply changes what is there")
        return client.send(calls.apply([document], platform=platform, version=plan.version)).items[0]


def resource_named(client: Client, platform: str, name: str) -> dict[str, Any]:
    """The resource of that name."""
    return named(client.each(calls.list_resources(platform=platform, text=name)), "resource", name)


def resource_names(client: Client, idents: Iterable[str]) -> dict[str, str]:
    """Id -> name of resources; what is not there any more, or not for whoever asks, keeps its id."""
    names: dict[str, str] = {}
    for ident in dict.fromkeys(filter(None, idents)):
        try:
            names[ident] = client.send(calls.get_resource(ident))["name"]
        except Problem as problem:
            if problem.status != 404:
                raise
            names[ident] = ident
    return names


def is_id(named: str) -> bool:
    """Is something named by its id?"""
    return _UUID.fullmatch(named) is not None


def booking_id(client: Client, named: str) -> str:
    """The id of a booking that is named by its id or by its whole name."""
    if is_id(named):
        return named
    found = [b for b in client.each(calls.list_bookings(text=named)) if b.name.casefold() == named.casefold()]
    if not found:
        raise Failure(NOT_FOUND, f"there is no booking {named}", "preroll booking list shows them all")
    if len(found) > 1:
        lines = [f"  {b.id}  {b.state}  {b.start:%Y-%m-%d %H:%M:%S}Z" for b in found]
        raise Failure(USAGE, "\n".join([f"{len(found)} bookings are called {named}:", *lines]), "name it by its id")
    return found[0].id

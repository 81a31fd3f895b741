# SPDX-License-Identifier: Apache-2.0
"""Kinds of the catalogue whose commands list and find things in one way: a table of what differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from preroll.cli.parser import Parser

if TYPE_CHECKING:
    from preroll.client import Client

Thing = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of KINDS."""

    listed: str
    """What the API calls the list of them."""
    several: str
    about: str
    """What ``list`` says of itself."""
    columns: Mapping[str, Callable[[Thing], object]]


KINDS: Mapping[str, Kind] = {
    "pool": Kind(
        "pools", "pools", "All pools of a platform: those of documents, and those that resources name.",
        {
            "name": itemgetter("name"), "resources": itemgetter("resources"),
            "declared": lambda pool: pool["revision"] > 0, "description": itemgetter("description"),
        },
    ),
    "function": Kind(
        "functions", "functions", "All functions of a platform: those of documents, and those that resources name.",
        {
            "name": itemgetter("name"), "resources": itemgetter("resources"), "profile": itemgetter("profile"),
            "interfaces": lambda function: [interface["name"] for interface in function["interfaces"]],
        },
    ),
    "profile": Kind(
        "profile-instances", "profile instances",
        "All profile instances of a platform, with what stands in them.",
        {
            "name": itemgetter("name"), "definition": itemgetter("definition"), "derives from": itemgetter("parent"),
            "values": itemgetter("values"),
            "states": lambda instance: [*instance["states"], *instance["variants"]],
        },
    ),
    "definition": Kind(
        "service-definitions", "definitions", "All versions of the service definitions of a platform.",
        {
            "name": itemgetter("name"), "version": itemgetter("revision"), "publication": itemgetter("publication"),
            "nodes": lambda definition: [node["label"] for node in definition["nodes"]],
            "actions": itemgetter("actions"),
        },
    ),
}  # fmt: skip
"""Word of the command line -> how it is listed."""


def lists(group: Parser, word: str) -> None:
    """Give the group of a kind the command that lists all of it."""
    command = group.command("list", partial(_list, KINDS[word]), KINDS[word].about)
    command.of_platform()
    command.asks_server()


def _list(kind: Kind, platform: str, server: str, *, as_json: bool) -> None:
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        found = list(client.each(calls.list_catalogue(kind.listed, platform=platform)))
    if as_json:
        output.as_json(found)
        return
    rows = [[value(thing) for value in kind.columns.values()] for thing in found]
    output.table(tuple(kind.columns), rows, empty=f"no {kind.several}")


def one(client: Client, word: str, name: str, platform: str) -> Thing:
    """The thing of that name.

    Raises:
        Failure: there is none; says what shows them all.
    """
    from preroll.cli.connect import named
    from preroll.client import calls

    return named(client.each(calls.list_catalogue(KINDS[word].listed, platform=platform)), word, name)

# SPDX-License-Identifier: Apache-2.0
"""The command line. A client of the REST API, but for what starts, checks and describes the process itself.

A command is imported when it is called, and what it needs when it runs: ``--help`` loads neither server nor client.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from preroll import __version__
from preroll.cli.exits import INTERRUPTED, USAGE, Failure
from preroll.cli.parser import Parser

# fmt: off
COMMANDS = {
    # command      one line; the module of the same name has ``define(name) -> Parser``
    "serve":       "run the server: REST API and engine",
    "worker":      "run an engine beside others, on PostgreSQL",
    "workers":     "who runs what is due, and what nobody reaches",
    "night":       "what is on the air, what comes next, what needs somebody and what to do",
    "demo":        "a small world that books itself, kills its engine, and proves that nothing was lost",
    "booking":     "book, show, edit, confirm, hold, cancel, finish, retry, acknowledge",
    "runs":        "what ran for a booking, step by step",
    "availability": "what is free: for each node of a service, and when the next slot is",
    "order":       "order services that have no end: provision, modify, check, schedule, approve, cancel, retry",
    "service":     "the services that orders have made: list, show, audit, abandon",
    "audit":       "is a booking's service really up? look now, and show the evidence",
    "changes":     "who changed what, when and why; --follow goes on",
    "plan":        "what a bundle of YAML files would change in the catalogue",
    "apply":       "put a bundle of YAML files into the catalogue",
    "export":      "write the catalogue as a bundle of YAML files",
    "resource":    "what can be booked",
    "pool":        "from which resources one is chosen",
    "function":    "what resources can do",
    "profile":     "the values that functions take, and where each comes from",
    "definition":  "which services can be booked",
    "platform":    "platforms and their settings",
    "config":      "settings of a platform: get, set, reset, transitions, history, undo, colors",
    "scripts":     "the scripts of the administrator's folder",
    "login":       "have the commands on this machine act as somebody",
    "logout":      "have them act as nobody",
    "user":        "people, and what they may do where",
    "token":       "keys for programs",
    "subscription": "who is told of which changes, by webhook or by mail; test, what was given up, redeliver",
    "states":      "print every state machine",
    "doctor":      "check this machine and its settings",
    "migrate":     "bring the database to this program's schema",
    "openapi":     "print the description of the REST API",
    "schema":      "print the JSON Schema of a bundle's documents, for editors",
}
# fmt: on
ALIASES = {"script": "scripts"}
"""Other words for a command."""
ABOUT = "Books resources over time and takes the service that they form on the air, and off again, on time."


def parser_of(command: str) -> Parser:
    """The parser of a command; imports its module."""
    found: Parser = import_module(f"preroll.cli.{command}").define(f"preroll {command}")
    return found


def parsers() -> Iterator[Parser]:
    """Every command and group there is, for the reference and for tests."""
    yield _root()
    for command in COMMANDS:
        yield from parser_of(command).within()


def run(words: Sequence[str] | None = None) -> None:
    """The command ``preroll``; ends the process with a code of ``preroll.cli.exits``."""
    try:
        _carry_out(sys.argv[1:] if words is None else list(words))
    except Failure as failure:
        sys.stdout.flush()
        sys.stderr.write(f"preroll: {failure.what}\n")
        if failure.hint:
            sys.stderr.write(f"  {failure.hint}\n")
        sys.exit(failure.code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # nobody reads on; Python would try once more when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _carry_out(words: list[str]) -> None:
    words = [*(ALIASES.get(word, word) for word in words[:1]), *words[1:]]
    known = words and words[0] in COMMANDS
    given: dict[str, Any] = vars(parser_of(words[0]).parse_args(words[1:]) if known else _root().parse_args(words))
    do, parser = given.pop("do"), given.pop("asked")
    if do is None:
        parser.print_help()
        sys.exit(USAGE)
    do(**given)
    sys.stdout.flush()


def _root() -> Parser:
    root = Parser("preroll", about=ABOUT)
    root.add_argument("--version", action="version", version=__version__, help="print the version")
    for name, about in COMMANDS.items():
        root.command(name, _carry_out, about)
    return root

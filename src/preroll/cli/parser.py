# SPDX-License-Identifier: Apache-2.0
"""How a command line is read: the standard library's parser, because its help is there in two blinks."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from preroll.cli.exits import USAGE, Failure

SERVER = "http://127.0.0.1:8484"
A_TIME = "2026-03-01T18:00:00Z, now, now+90s or +10m"
A_LENGTH = "90s, 5m, 1h30m"
"""What options say of the times and lengths that ``preroll.cli.words`` reads."""


class Parser(argparse.ArgumentParser):
    """Reads one command, or a group of them. What a command does, and what it says of itself, is a function."""

    def __init__(self, prog: str, does: Callable[..., None] | None = None, about: str = "") -> None:
        self._inner: dict[str, Parser] = {}
        self._group: Any = None
        about = about or (does.__doc__ or "" if does else "")
        form = partial(argparse.HelpFormatter, max_help_position=32)
        super().__init__(prog, description=about, allow_abbrev=False, formatter_class=form)
        self.set_defaults(do=does, asked=self)

    def command(self, name: str, does: Callable[..., None], about: str = "") -> Parser:
        """Add a command to this group."""
        if self._group is None:
            self._group = self.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
        prog = f"{self.prog} {name}"
        about = about or does.__doc__ or ""
        inner: Parser = self._group.add_parser(name, help=about, prog=prog, does=does, about=about)
        self._inner[name] = inner
        return inner

    def within(self) -> Iterator[Parser]:
        """It, and every command below it."""
        yield self
        for inner in self._inner.values():
            yield from inner.within()

    def below(self, word: str) -> Parser | None:
        """The command of that name in this group."""
        return self._inner.get(word)

    @property
    def is_group(self) -> bool:
        """Does it only hold commands?"""
        return bool(self._inner)

    def parameters(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """What it takes: the words of an option or the name of an argument, and what it is for."""
        for action in self._actions:
            if not isinstance(action, argparse._HelpAction | argparse._SubParsersAction):  # noqa: SLF001 - no other way
                words = tuple(action.option_strings) or (str(action.metavar or action.dest),)
                yield words, action.help or ("needed" if action.required else "")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """What was typed; the command that was meant refuses what it does not know, not the group it is in."""
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            found.asked.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found

    def error(self, message: str) -> NoReturn:
        """Refuse what was typed."""
        raise Failure(USAGE, message, f"{self.prog} --help shows what it takes")

    def asks_server(self) -> None:
        """It takes ``--server`` and ``--json``."""
        default = os.environ.get("PREROLL_SERVER") or SERVER
        told = f"address of the server, also in PREROLL_SERVER; default: {SERVER}"
        self.add_argument("--server", metavar="URL", default=default, help=told)
        self.prints_json()

    def is_guarded(self) -> None:
        """It takes ``--revision``: what is changed must be as it was seen; and asks the server."""
        self.add_argument("--revision", metavar="N", type=int, help="refuse if this is not its revision any more")
        self.asks_server()

    def of_platform(self) -> None:
        """It takes ``--platform``."""
        self.add_argument("--platform", metavar="NAME", default="default", help="whose; default: default")

    def prints_json(self) -> None:
        """It takes ``--json``."""
        self.add_argument("--json", dest="as_json", action="store_true", help="print JSON")

    def reads_settings(self, *names: str) -> None:
        """It takes these settings of the process, and ``--config``."""
        for name in names:
            word, how = _SETTINGS[name]
            self.add_argument(word, **how)
        config = os.environ.get("PREROLL_CONFIG") or None
        told = "settings file (TOML), also in PREROLL_CONFIG"
        self.add_argument("--config", metavar="FILE", type=Path, default=config and Path(config), help=told)


_SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "host": ("--host", {"metavar": "ADDRESS", "help": "address to listen on; default: 127.0.0.1"}),
    "port": ("--port", {"metavar": "PORT", "type": int, "help": "port to listen on; default: 8484"}),
    "data": ("--data", {"metavar": "DIR", "type": Path, "help": "folder of database and scripts"}),
    "database": ("--database", {"metavar": "URL", "help": "sqlite:///FILE or postgresql://USER@HOST/NAME"}),
    "scripts": ("--scripts", {"metavar": "DIR", "type": Path, "help": "folder of scripts"}),
    "worker": ("--name", {"metavar": "NAME", "dest": "worker", "help": "of this engine; default: that of the machine"}),
    "labels": (
        "--label",
        {"metavar": "NAME=VALUE", "dest": "labels", "action": "append",
         "help": "where it stands, such as site=north; may be given several times"},
    ),
    "drain": ("--drain", {"metavar": "SECONDS", "type": float, "help": "what runs get when it stops; default: 5"}),
    "carrier": (
        "--carrier",
        {"metavar": "NAME", "choices": ("here", "temporal"),
         "help": "where runs run: here (default), or temporal: on the worker that it chooses"},
    ),
    "temporal": ("--temporal", {"metavar": "ADDRESS", "help": "of the Temporal server; default: 127.0.0.1:7233"}),
    "engine": (
        "--no-engine",
        {"dest": "engine", "action": "store_const", "const": False,
         "help": "leave what is due to preroll worker; needs PostgreSQL"},
    ),
}  # fmt: skip
"""Option, and how it is read; the name of a setting is the destination."""

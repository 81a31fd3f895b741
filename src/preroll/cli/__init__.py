# SPDX-License-Identifier: Apache-2.0
"""The command line. A client of the REST API, but for what starts, checks and describes the process itself.

A group is imported when it is called: ``--help`` loads neither the server nor the client.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from preroll import __version__
from preroll.cli.exits import INTERRUPTED, Failure

# fmt: off
COMMANDS = {
    # command      one line, the module of the same name holds it
    "serve":       "run the server: REST API and engine",
    "demo":        "a small world that books itself, kills its engine, and proves that nothing was lost",
    "booking":     "book, show, edit, confirm, hold, cancel, finish, retry, acknowledge",
    "runs":        "what ran for a booking, step by step",
    "changes":     "who changed what, when and why; --follow goes on",
    "apply":       "put a bundle of YAML files into the catalogue",
    "resource":    "what can be booked",
    "definition":  "which services can be booked",
    "platform":    "platforms and their settings",
    "scripts":     "the scripts of the administrator's folder",
    "states":      "print every state machine",
    "doctor":      "check this machine and its settings",
    "migrate":     "bring the database to this program's schema",
    "openapi":     "print the description of the REST API",
}
# fmt: on


class LazyCommands(TyperGroup):
    """Knows its commands by name and line, and imports the one that is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature is the library's
        """Their names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"preroll.cli.{cmd_name}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Print the table, without an import."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(
    name="preroll",
    cls=LazyCommands,
    help="Books resources over time and takes the service that they form on the air, and off again, on time.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:  # noqa: FBT001 - an option's callback
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _main(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="print the version"),  # noqa: FBT001, FBT003
) -> None:
    pass


def run(args: list[str] | None = None) -> None:
    """The command ``preroll``; ends the process with a code of ``preroll.cli.exits``."""
    try:
        app(args, prog_name="preroll")
    except Failure as failure:
        sys.stdout.flush()
        sys.stderr.write(f"preroll: {failure.what}\n")
        if failure.hint:
            sys.stderr.write(f"  {failure.hint}\n")
        sys.exit(failure.code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)

# SPDX-License-Identifier: Apache-2.0
"""``preroll states``: every state machine, as a table, a diagram or JSON."""

from __future__ import annotations

import sys

from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, states)
    parser.prints_json()
    parser.add_argument("--mermaid", action="store_true", help="print diagrams (Mermaid)")
    return parser


def states(*, as_json: bool, mermaid: bool) -> None:
    """Print every state machine: what the tables do not list cannot happen."""
    from preroll.domain.machines import ALL_MACHINES
    from preroll.formats import machines

    if as_json:
        from preroll.cli import output

        output.as_json(machines.as_document())
    elif mermaid:
        sys.stdout.write("\n".join(machines.as_mermaid(machine) for machine in ALL_MACHINES))
    else:
        sys.stdout.write(machines.as_text())

# SPDX-License-Identifier: Apache-2.0
"""``preroll openapi``: the description of the REST API, as it is checked in at docs/reference/openapi.json."""

from __future__ import annotations

import sys

from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes: nothing."""
    return Parser(name, openapi)


def openapi() -> None:
    """Print the description of the REST API (OpenAPI 3.1, JSON)."""
    sys.stdout.write(printed())


def printed() -> str:
    """The description as text."""
    import json

    from preroll.api import contract

    return json.dumps(contract(), indent=1, ensure_ascii=False) + "\n"

# SPDX-License-Identifier: Apache-2.0
"""``preroll schema``: the JSON Schema of a bundle's documents, checked in at docs/reference/bundle.schema.json."""

from __future__ import annotations

import sys

from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes: nothing."""
    return Parser(name, schema)


def schema() -> None:
    """Print the JSON Schema of a document of a bundle, for editors that check and complete YAML."""
    sys.stdout.write(printed())


def printed() -> str:
    """The schema as text."""
    import json

    from preroll.api import bundle_schema

    return json.dumps(bundle_schema(), indent=1, ensure_ascii=False) + "\n"

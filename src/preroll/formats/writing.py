# SPDX-License-Identifier: Apache-2.0
"""Documents as YAML that reads back as the same: what has no structure below it stands on one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from preroll.formats.bundle import plain

_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[misc]
    """Writes no aliases, and quotes every text that would be read as something else."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the name is that of the base
        """A value that is used twice is written twice."""
        return True


def _text(dumper: Any, text: str) -> yaml.Node:
    style = None if plain(text) == text and isinstance(plain(text), str) else "'"
    node: yaml.Node = dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
    return node


def _number(dumper: Any, number: float) -> yaml.Node:
    mantissa, exponent, power = repr(number).partition("e")
    text = mantissa if "." in mantissa or not exponent else f"{mantissa}.0"
    node: yaml.Node = dumper.represent_scalar("tag:yaml.org,2002:float", f"{text}{exponent}{power}")
    return node


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _number)


def write(documents: Iterable[Mapping[str, Any]]) -> str:
    """Documents as the text of a file."""
    texts = (
        yaml.dump(dict(d), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)
        for d in documents
    )
    return "---\n".join(texts)

# SPDX-License-Identifier: Apache-2.0
"""How a browser wishes pages to look. It remembers that in cookies, so that each comes so, before any script runs."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request

WISHES: Mapping[str, tuple[str, ...]] = {"theme": ("light", "dark"), "density": ("dense", "roomy")}
"""What can be wished -> how; what is not said is as usual."""


def wished(request: Request) -> dict[str, str]:
    """What the browser that asks has said of it, by name."""
    said = {name: request.cookies.get(f"preroll_{name}", "") for name in WISHES}
    return {name: value for name, value in said.items() if value in WISHES[name]}

# SPDX-License-Identifier: Apache-2.0
"""What every page needs beside what any route needs: what it hears of changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from preroll.gate import door as gate
from preroll.web.live import Hub
from preroll.web.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Door(gate.Door):
    """What the pages are built from."""

    hub: Hub
    """What pages hear of changes."""
    shelf: Shelf
    """What many ask for."""


async def door(request: Request) -> Door:
    """The door that the request came through."""
    found: Door = request.app.state.door
    return found


TheDoor = Annotated[Door, Depends(door)]

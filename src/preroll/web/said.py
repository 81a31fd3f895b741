# SPDX-License-Identifier: Apache-2.0
"""What a form or an address says, word by word."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request

from preroll.domain.errors import Invalid, Mistake

LONGEST = 10_000
"""Characters of one field."""
MOST = 1_000
"""Fields of one form."""
_UNCLEAN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


async def said(request: Request) -> Mapping[str, str]:
    """Name -> what stands in the field of it: of the form that was sent, else of the address.

    Raises:
        Invalid: there is too much of it, or it holds what nobody can read.
    """
    if request.method != "POST":
        return clean(request.query_params)
    form = await request.form()
    return clean({name: value for name, value in form.items() if isinstance(value, str)})


def clean(found: Mapping[str, str]) -> dict[str, str]:
    """The same words, if they can be read.

    Raises:
        Invalid: there is too much of it, or it holds what nobody can read.
    """
    mistakes = [
        Mistake(name[:50], "is too long", f"at most {LONGEST} characters")
        for name, value in found.items()
        if len(value) > LONGEST
    ]
    if any(_UNCLEAN.search(word) for pair in found.items() for word in pair):
        mistakes.append(Mistake("form", "holds a control character", "text that can be read"))
    if len(found) > MOST:
        mistakes.append(Mistake("form", f"has {len(found)} fields", f"at most {MOST}"))
    if mistakes:
        raise Invalid(mistakes)
    return {name: value.replace("\r\n", "\n") for name, value in found.items()}


Said = Annotated[Mapping[str, str], Depends(said)]

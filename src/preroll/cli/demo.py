# SPDX-License-Identifier: Apache-2.0
"""``preroll demo``: a small world that books itself."""

from __future__ import annotations

from typing import Annotated

import typer

from preroll.cli.options import group

app = group("A small world that books itself, kills its engine, and proves that nothing was lost.")


@app.command(no_args_is_help=False)
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="leave server and devices running, and say where")] = False,  # noqa: FBT002
) -> None:
    """Book a contribution, break an encoder, kill the engine twice, and show that nothing was repeated or lost."""
    from preroll.demo.story import main

    raise typer.Exit(main(keep=keep))

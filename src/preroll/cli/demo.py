# SPDX-License-Identifier: Apache-2.0
"""``preroll demo``: a small world that books itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from preroll.cli.options import group

app = group("A small world that books itself, kills its engine, and proves that nothing was lost.")


@app.command(no_args_is_help=False)
def demo(
    directory: Annotated[Path | None, typer.Option("--dir", help="where everything is written", metavar="DIR")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="leave server and devices running until Ctrl-C")] = False,  # noqa: FBT002
    plain: Annotated[bool, typer.Option("--plain", help="print lines, no live table")] = False,  # noqa: FBT002
    as_json: Annotated[bool, typer.Option("--json", help="print the verdicts as JSON")] = False,  # noqa: FBT002
) -> None:
    """Book a contribution, break an encoder, kill the engine twice, and show that nothing was repeated or lost."""
    from preroll.cli.exits import CANNOT_START, Failure

    try:
        from preroll.demo.performance import Options, main
    except ImportError as missing:
        raise Failure(CANNOT_START, f"the demo cannot run: {missing}", "install preroll[demo]") from None
    raise typer.Exit(main(Options(directory, keep=keep, plain=plain, json=as_json)))

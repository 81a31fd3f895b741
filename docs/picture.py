# SPDX-License-Identifier: Apache-2.0
"""Plays the demo and draws it: ``python docs/picture.py`` writes ``docs/images/demo.svg``."""

from __future__ import annotations

import asyncio
import io
import re
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from preroll.demo import screen, story
from preroll.demo.board import Board, Engine
from preroll.demo.stage import Stage, built
from preroll.demo.verdicts import judge

PICTURE = Path(__file__).parent / "images" / "demo.svg"
COLUMNS = 138
FOREIGN = re.compile(r"@font-face \{.*?\}|<!-- .*? -->", re.DOTALL)
"""Fonts and a note of other hosts; any monospaced font will do."""
_DARK = [(15, 20, 27), (224, 69, 95), (47, 191, 143), (245, 212, 88), (95, 151, 247), (190, 120, 240), (80, 190, 220)]
_BRIGHT = [(106, 118, 134), (236, 111, 147), (80, 220, 170), (250, 225, 130), (140, 180, 255), (210, 160, 255)]
THEME = TerminalTheme(
    (15, 20, 27), (214, 222, 232), [*_DARK, (214, 222, 232)], [*_BRIGHT, (130, 220, 240), (255, 255, 255)]
)
"""Black, red, green, yellow, blue, magenta, cyan, white."""


async def play(console: Console) -> None:
    """The picture while the engine is dead for the second time, and the verdict."""
    with tempfile.TemporaryDirectory() as root:
        board = Board(url="")
        async with built(Path(root), board) as stage:
            drawing = asyncio.create_task(draw(stage, console))
            await story.tell(stage)
            await drawing
            console.print(screen.verdict_table(judge(stage.evidence)))


async def draw(stage: Stage, console: Console) -> None:
    """Draw it once, in the middle of the script that is being killed."""
    await stage.survived(1)
    while stage.board.engine is not Engine.DEAD:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    console.print(screen.picture(stage.board))


def main() -> None:
    """Play, draw, write."""
    console = Console(width=COLUMNS, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    asyncio.run(play(console))
    drawn = console.export_svg(title="preroll demo", theme=THEME)
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(FOREIGN.sub("", drawn).replace("Fira Code, monospace", "monospace"))
    print(PICTURE)


if __name__ == "__main__":
    main()

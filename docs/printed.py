# SPDX-License-Identifier: Apache-2.0
"""Parts of these pages are printed from the code. `python docs/printed.py` writes them, `--check` compares.

A part stands between ``<!-- printed: NAME -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from preroll.domain.booking import LIFE_CYCLE
from preroll.formats import machines

HERE = Path(__file__).parent
PART = re.compile(r"(<!-- printed: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def diagram() -> str:
    """The life cycle as a fenced diagram."""
    return f"```mermaid\n{machines.as_mermaid(LIFE_CYCLE)}```\n"


PARTS: dict[str, Callable[[], str]] = {
    "states": machines.as_markdown,
    "life-cycle": diagram,
    "events": lambda: machines.bare_markdown(machines.events()) + "\n",
    "stages": lambda: machines.bare_markdown(machines.stages()) + "\n",
}


def printed(page: str) -> str:
    """A page with every part as the code has it now.

    Raises:
        KeyError: the page asks for a part that nobody prints.
    """
    return PART.sub(lambda found: f"{found[1]}\n{PARTS[found['name']]()}\n{found[3]}", page)


def stale(root: Path = HERE) -> Iterator[tuple[Path, str]]:
    """Pages that differ from the code, with what they should say."""
    for path in sorted(p for p in root.rglob("*.md") if "_build" not in p.parts):
        text = path.read_text(encoding="utf-8")
        if (fresh := printed(text)) != text:
            yield path, fresh


def main(arguments: list[str]) -> int:
    """Write, or with ``--check`` only tell."""
    found = list(stale())
    for path, fresh in found:
        print(path.relative_to(HERE.parent))
        if "--check" not in arguments:
            path.write_text(fresh, encoding="utf-8")
    if found and "--check" in arguments:
        print("are not what the code prints now: make docs")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: Apache-2.0
"""A script host that kills itself at a named point, the first time that any host gets there."""

import os
import signal
import sys
from pathlib import Path

from preroll.scripts.child import main

FOLDER, POINT = Path(sys.argv[1]), sys.argv[2]


def reach(point: str) -> None:
    if point != POINT:
        return
    try:
        (FOLDER / "crashed").touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


main(sys.argv[3:], reach)

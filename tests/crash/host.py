# SPDX-License-Identifier: Apache-2.0
"""A script host that can be struck: ``python -m tests.crash.host FOLDER_OF_TRAPS SOCKET``."""

from __future__ import annotations

import sys
from pathlib import Path

from preroll.scripts import child
from tests.crash.points import striking

if __name__ == "__main__":
    child.main(sys.argv[2:], reach=striking(Path(sys.argv[1])))

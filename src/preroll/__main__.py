# SPDX-License-Identifier: Apache-2.0
"""``python -m preroll`` and the command ``preroll``."""

from __future__ import annotations


def main() -> None:
    """Hand over to the command line."""
    from preroll.cli import run

    run()


if __name__ == "__main__":
    main()

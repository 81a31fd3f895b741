# SPDX-License-Identifier: Apache-2.0
"""Passwords that are typed: never an argument, which others on the machine could read."""

from __future__ import annotations

import sys

from preroll.cli.exits import USAGE, Failure


def asked(what: str = "Password") -> str:
    """What is typed without being shown; from a pipe, its first line."""
    from getpass import getpass

    typed = getpass(f"{what}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not typed:
        raise Failure(USAGE, "there is no password", "type one, or send it as the first line of standard input")
    return typed


def chosen() -> str:
    """A new one, typed twice where somebody types."""
    first = asked("New password")
    if sys.stdin.isatty() and asked("Once more") != first:
        raise Failure(USAGE, "the two are not the same", "try again")
    return first

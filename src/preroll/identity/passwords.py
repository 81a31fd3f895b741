# SPDX-License-Identifier: Apache-2.0
"""Passwords by Argon2id: slow on purpose, so in a thread; no slower or quicker for an account that is not there."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from preroll.ports.accounts import Checked

AT_ONCE = 2
"""Passwords that are looked at together; the rest wait, so that a flood of sign-ins takes neither cores nor memory."""


class Argon2Passwords:
    """Hashes with the parameters of RFC 9106 for little memory (64 MiB), and takes older ones as they were made."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobody = ""
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> str:
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def check(self, password: str, stored: str) -> Checked:
        async with self._turn:
            return await asyncio.to_thread(self._checked, password, stored)

    def _checked(self, password: str, stored: str) -> Checked:
        if not self._nobody:
            self._nobody = self._hasher.hash("nobody's password")
        try:
            self._hasher.verify(stored or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return Checked(right=False)
        if not stored:
            return Checked(right=False)
        weaker = self._hasher.check_needs_rehash(stored)
        return Checked(right=True, renewed=self._hasher.hash(password) if weaker else "")

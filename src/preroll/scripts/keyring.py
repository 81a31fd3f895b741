# SPDX-License-Identifier: Apache-2.0
"""Reads secrets from the keyring of the system, through the library of that name."""

from __future__ import annotations

import asyncio

from preroll.scripts.places import Nowhere, OutOfReach

SERVICE = "preroll"
"""Only what the keyring keeps for this service can be named."""
PATIENCE = 10.0
"""Seconds that the keyring has to answer: one that is locked can wait for somebody at a screen."""


async def from_keyring(name: str) -> str:
    """The password that the keyring keeps for a name.

    Raises:
        Nowhere: there is none, or no keyring.
        OutOfReach: the keyring does not answer, or is locked.
    """
    try:
        async with asyncio.timeout(PATIENCE):
            found = await asyncio.to_thread(_read, name)
    except TimeoutError:
        raise OutOfReach(f"is not known: the keyring did not answer in {PATIENCE:g} s (is it locked?)") from None
    if found is None:
        raise Nowhere(f"is not in the keyring of this user: keyring set {SERVICE} {name}")
    return found


def _read(name: str) -> str | None:
    try:
        import keyring
        from keyring.errors import KeyringError, NoKeyringError
    except ImportError:
        raise Nowhere("needs the library keyring: pip install 'preroll[keyring]'") from None
    try:
        return keyring.get_password(SERVICE, name)
    except NoKeyringError:
        raise Nowhere("needs a keyring, and this machine has none that the library can use") from None
    except KeyringError as error:
        raise OutOfReach(f"is not known: the keyring does not open ({type(error).__name__})") from None

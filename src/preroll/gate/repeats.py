# SPDX-License-Identifier: Apache-2.0
"""By what a repeated command is known at every door: its key, and a digest of its body (SPEC 11)."""

from __future__ import annotations

import hashlib

from preroll.gate.statuses import BadHeader

REPLAYED = "Idempotency-Replayed"
"""Header of an answer that was given before."""


def key_of(said: str | None) -> str:
    """The key in ``Idempotency-Key``; empty: there is none.

    Raises:
        BadHeader: it cannot be read.
    """
    key = said or ""
    if said is not None and not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise BadHeader("Idempotency-Key is not 1 to 255 printable characters", hint="send a fresh UUID")
    return key


def digest_of(body: bytes) -> str:
    """By what two bodies are known to be the same."""
    return hashlib.sha256(body).hexdigest()

# SPDX-License-Identifier: Apache-2.0
"""The tokens of this person on this machine, one a server: written by ``preroll login``, read by every command."""

from __future__ import annotations

import json
import os
from pathlib import Path

from preroll.cli.exits import USAGE, Failure


def token_for(server: str) -> str:
    """What is sent to this server: ``PREROLL_TOKEN``, else what ``preroll login`` stored for it; empty: nothing."""
    return os.environ.get("PREROLL_TOKEN") or _stored().get(_address(server), {}).get("token", "")


def token_id(server: str) -> str:
    """Id of the token that is stored for this server; empty: there is none."""
    return _stored().get(_address(server), {}).get("id", "")


def keep(server: str, ident: str, token: str) -> Path:
    """Store a token, for nobody else to read; returns where."""
    return _write({**_stored(), _address(server): {"id": ident, "token": token}})


def drop(server: str) -> None:
    """Forget the token of this server."""
    _write({address: known for address, known in _stored().items() if address != _address(server)})


def place() -> Path:
    """The file."""
    import platformdirs

    return Path(platformdirs.user_config_dir("preroll", appauthor=False)) / "credentials.json"


def _address(server: str) -> str:
    return server.rstrip("/").lower()


def _stored() -> dict[str, dict[str, str]]:
    path = place()
    try:
        found: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Failure(USAGE, f"{path} cannot be read: {error}", "remove it, then preroll login again") from None
    return found


def _write(tokens: dict[str, dict[str, str]]) -> Path:
    """Write beside it and move it there: it is never half, and never open to others."""
    path = place()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(tokens, file, indent=2)
    beside.replace(path)
    return path

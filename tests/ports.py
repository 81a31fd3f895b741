# SPDX-License-Identifier: Apache-2.0
"""A TCP port for a server that a test starts later, or starts again: nobody else is given it meanwhile."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port of 127.0.0.1 at which nobody listens yet.

    It is bound here and not listened at. So Linux gives it to nobody who asks for any port, nor to an outgoing
    connection; but who asks for this very one with ``SO_REUSEADDR``, as servers do, may listen at it.
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]

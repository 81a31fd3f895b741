# SPDX-License-Identifier: Apache-2.0
"""A reserved port is for whoever asks for it by its number."""

from __future__ import annotations

import errno
import socket

import pytest

from tests.ports import reserved_port


def test_a_server_may_listen_at_a_reserved_port_again_and_again():
    with reserved_port() as port:
        for _ in range(2):
            with socket.socket() as knocking:
                assert knocking.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED, "nobody listens yet"
            with socket.create_server(("127.0.0.1", port)) as server, socket.create_connection(("127.0.0.1", port)):
                server.accept()[0].close()


def test_a_reserved_port_is_given_to_nobody_else():
    with reserved_port() as port, socket.socket() as other, pytest.raises(OSError, match="Address already in use"):
        other.bind(("127.0.0.1", port))

# SPDX-License-Identifier: Apache-2.0
"""A process group that dies with this process, even when it is killed."""

from __future__ import annotations

import subprocess


class Leash:
    """A process group that dies with this process, even when it is killed: its leader waits for a pipe to close."""

    def __init__(self) -> None:
        leader = ["/bin/sh", "-c", "read _; kill -KILL 0"]
        self._leader = subprocess.Popen(leader, stdin=subprocess.PIPE, process_group=0)  # noqa: S603 - a constant
        self.group = self._leader.pid
        """What is started in this process group is on the leash."""

    def close(self) -> None:
        """Kill what is left."""
        if self._leader.stdin:
            self._leader.stdin.close()
        self._leader.wait()

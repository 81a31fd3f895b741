# SPDX-License-Identifier: Apache-2.0
"""An independent NETCONF server: netconfd (yuma123) behind OpenSSH, both of Debian."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from preroll.drivers.netconf import NetconfDriver, netconf
from preroll.sdk import Secret
from tests.drivers.debian import Daemons, folder, need, run
from tests.drivers.netconf_rigs import CIRCUIT, PARAMETERS
from tests.drivers.patience import ANSWERS
from tests.ports import reserved_port

YANG = f"""module demo-circuit {{ yang-version 1.1; namespace "{CIRCUIT}"; prefix dc; revision 2026-11-21;
 container circuits {{ list circuit {{ key name; leaf name {{ type string; }}
  leaf address {{ type string {{ pattern '[0-9.]+/[0-9]+'; }} mandatory true; }}
  leaf remote {{ type string; }}
  leaf rate-kbit {{ type uint32 {{ range "64..10000000"; }} }} }} }} }}"""
SSHD = """Port {port}
ListenAddress 127.0.0.1
HostKey {place}/host
AuthorizedKeysFile {place}/client.pub
StrictModes no
UsePAM no
PidFile none
PermitRootLogin yes
Subsystem netconf "/usr/sbin/netconf-subsystem --ncxserver-sockname={port}@{place}/ncx.sock"
"""
NETCONFD = (
    "exec netconfd --target=candidate --superuser=root --no-startup --port={port} --ncxserver-sockname={place}/ncx.sock"
    " --log={place}/netconfd.log --modpath={place}:/usr/share/yuma/modules --module=demo-circuit"
)


LOOKS = 3
"""It has seen a new time in one of so many: it looks once a second."""


def _faketime() -> Path | None:
    """What gives a program a clock of its own."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


class Netconfd:
    """The two programs: the server, and OpenSSH in front of it. Each has the folder as its home: it writes files."""

    def __init__(self, place: Path, port: int) -> None:
        self.place, self.port = place, port
        (place / "demo-circuit.yang").write_text(YANG)
        (place / "sshd_config").write_text(SSHD.format(port=self.port, place=place))
        for key in ("host", "client"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(place / key))
        Path("/run/sshd").mkdir(exist_ok=True)
        command = NETCONFD.format(port=self.port, place=place)
        self._clock, self._ahead = place / "clock", 0.0
        self._clock.write_text("+0")
        self.server = Daemons(command, place, {
            "HOME": str(place), "LD_PRELOAD": str(_faketime()), "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_NO_CACHE": "1",
        }, alone=False)  # fmt: skip
        self.server.await_("test", "-S", str(place / "ncx.sock"))
        self.open_door()
        self.hand = self.driver()
        """A session of somebody else."""

    async def pass_time(self, seconds: float) -> None:
        """Put its clock forward, and wait until it has looked at its timers since: it goes to sleep after each look."""
        self._ahead += seconds
        new = self._clock.with_suffix(".new")
        new.write_text(f"+{self._ahead:.0f}")
        new.replace(self._clock)
        slept = self._slept()
        async with asyncio.timeout(ANSWERS):
            while self._slept() < slept + LOOKS:
                await asyncio.sleep(0.02)

    def _slept(self) -> int:
        """How often it went to sleep."""
        told = Path(f"/proc/{self.server.pid}/status").read_text()
        return int(told.partition("\nvoluntary_ctxt_switches:")[2].split()[0])

    def open_door(self) -> None:
        command = f"exec /usr/sbin/sshd -D -e -f {self.place}/sshd_config"
        self.door = Daemons(command, self.place, alone=False)
        self.door.await_("bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{self.port}")

    def shut_door(self) -> None:
        """Nobody gets in any more, and every session is cut: each has a process of its own."""
        sessions = run("ps", "-o", "pid=", "--ppid", str(self.door._process.pid)).split()
        self.door.stop()
        for pid in sessions:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def stop(self) -> None:
        asyncio.run(self.hand.close())
        self.door.stop()
        self.server.signal(signal.SIGCONT)
        self.server.stop()

    def driver(self, **more: object) -> NetconfDriver:
        driver = netconf("PE 1", {
            "host": "127.0.0.1", "port": self.port, "username": "root", "timeout": ANSWERS,
            "private_key": Secret((self.place / "client").read_text()),
            "host_key": (self.place / "host.pub").read_text(),
            "namespace": CIRCUIT, "parameters": PARAMETERS, **more,
        })  # fmt: skip
        assert isinstance(driver, NetconfDriver)
        return driver

    @asynccontextmanager
    async def other(self, parameters: Mapping[str, object]) -> AsyncIterator[NetconfDriver]:
        """A session of somebody else, who has names of his own."""
        driver = self.driver(parameters=parameters)
        await driver.open()
        try:
            yield driver
        finally:
            await driver.close()


@contextmanager
def netconfd() -> Iterator[Netconfd]:
    """One that serves; without its programs the test is skipped, in the build it fails."""
    need("netconfd", "/usr/sbin/sshd", "/usr/sbin/netconf-subsystem", "ssh-keygen", "faketime")
    with folder() as place, reserved_port() as port:
        server = Netconfd(place, port)
        try:
            yield server
        finally:
            server.stop()

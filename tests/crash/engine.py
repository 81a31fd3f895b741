# SPDX-License-Identifier: Apache-2.0
"""An engine in a process of its own, wired as bootstrap wires it, that can be struck at named points.

``python -m tests.crash.engine JSON``: says ``ready`` when it claims, ``over N`` each time that its N-th run has ended
and none is left. It finishes every booking that is on the air, so that all four events of each come soon.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from preroll.app import App
from preroll.audits import SHIPPED as CHECKS
from preroll.bootstrap.engine import Engine, Identity, spawn_thread
from preroll.clock.dispatcher import Dispatcher, Pace
from preroll.domain.booking import State
from preroll.domain.errors import PrerollError
from preroll.domain.permission import LOCAL
from preroll.drivers import SHIPPED
from preroll.ports.lists import BookingFilter
from preroll.scripts.pool import PoolOptions
from preroll.store import open_store
from preroll.telemetry import configure
from tests.crash import mutants
from tests.crash.points import striking
from tests.crash.told import TOLD

SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True, slots=True)
class Setting:
    """How an engine is to work."""

    url: str
    traps: str
    """The folder of armed points; also the mark by which its processes are found."""
    name: str = "A"
    only: bool = True
    """No other engine is there: what a dead one left is taken over at once."""
    lease_us: int = 1_000_000
    dies_after: float = 0.0
    """Seconds after which it kills itself; 0: never."""
    mutant: str = ""
    """A protection that is taken away, for the controls."""
    finishes: bool = True
    """Plays the operator who finishes what is on the air."""
    silence: float = 60.0
    """Long, as that of the stall: no host ends but where a test has it end."""
    hosts: int = 1
    drivers: tuple[str, ...] = ()
    """Those that its hosts load, the fewer the faster; none: all that are shipped."""

    def command(self) -> list[str]:
        """Starts it."""
        return [sys.executable, "-m", "tests.crash.engine", msgspec.json.encode(asdict(self)).decode()]


class Wall:
    """The machine's clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1000


async def _operate(app: App) -> None:
    """Finish what is on the air, as an operator would; also after the database was away."""
    while True:
        with contextlib.suppress(PrerollError):
            page = await app.bookings.page(LOCAL, BookingFilter(states=frozenset({State.ACTIVE})), limit=500)
            for booking in page.items:
                with contextlib.suppress(PrerollError):
                    await app.bookings.finish(LOCAL, booking.id, None)
        await asyncio.sleep(0.05)


def _say_when_quiet() -> None:
    """Print how many runs have ended, whenever none is left."""
    ended = 0
    over = Dispatcher._over

    def counted(self: Dispatcher, place: tuple[int, int]) -> None:
        nonlocal ended
        over(self, place)
        ended += 1
        if not self.running:
            print("over", ended, flush=True)

    Dispatcher._over = counted  # type: ignore[method-assign]


async def _main(setting: Setting) -> None:
    store = open_store(setting.url, clock=Wall(), spawn=spawn_thread, reach=striking(Path(setting.traps)))
    mutants.apply(setting.mutant, store)
    _say_when_quiet()
    options = PoolOptions(
        folder=str(SCRIPTS),
        drivers={name: (SHIPPED | TOLD)[name] for name in setting.drivers or SHIPPED},
        command=(sys.executable, "-m", "tests.crash.host", setting.traps),
        hosts=setting.hosts,
        silence=setting.silence,
        stall=60.0,
        checks=CHECKS,
    )
    engine = Engine(store, options, Identity(setting.name, only=setting.only), Pace(setting.lease_us))
    await asyncio.to_thread(engine.start)
    print("ready", flush=True)
    if setting.dies_after:
        threading.Timer(setting.dies_after, os.kill, (os.getpid(), signal.SIGKILL)).start()
    operator = asyncio.create_task(_operate(engine.app)) if setting.finishes else None
    await asyncio.to_thread(sys.stdin.read)
    if operator:
        operator.cancel()
    await asyncio.to_thread(engine.stop)
    store.close()


if __name__ == "__main__":
    configure(json=True, level="warning")
    asyncio.run(_main(msgspec.json.decode(sys.argv[1], type=Setting)))

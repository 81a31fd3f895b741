# SPDX-License-Identifier: Apache-2.0
"""100 NETCONF devices served by one process, opened and changed at once by another; beside bare SSH connections."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import asyncssh

from preroll.drivers.netconf import netconf
from preroll.sdk import Secret, load
from preroll.testing.netconf_device import NetconfDevice

CIRCUIT = "urn:bench:circuit"
START = f'<circuits xmlns="{CIRCUIT}"><circuit><name>c1</name><rate-kbit>2000</rate-kbit></circuit></circuits>'
PARAMETERS = {"rate": {"leaf": "/circuits/circuit[name='c1']/rate-kbit", "type": "number"}}
PATIENCE_S = 60.0


async def serve(count: int) -> None:
    """Serve so many devices until standard input ends; prints their addresses as one line of JSON."""
    async with AsyncExitStack() as stack:
        devices = [NetconfDevice(START, keys={"circuit": ("name",)}) for _ in range(count)]
        for device in devices:
            await stack.enter_async_context(device)
        print(json.dumps([{**device.address, "password": device.password} for device in devices]), flush=True)
        await asyncio.to_thread(sys.stdin.read)


@contextmanager
def devices(count: int) -> Iterator[list[dict[str, Any]]]:
    """The addresses of so many devices in a process of their own."""
    command = [sys.executable, "-W", "ignore", "-m", "bench.sessions", str(count)]
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.communicate()


async def changed(addresses: list[dict[str, Any]]) -> dict[str, float]:
    """Seconds until all sessions are open, and until all changes are planned, applied and read back."""
    drivers = [
        netconf(f"PE {number}", {**a, "password": Secret(a["password"]), "namespace": CIRCUIT, "parameters": PARAMETERS,
                                 "timeout": PATIENCE_S})
        for number, a in enumerate(addresses)
    ]  # fmt: skip
    began = time.monotonic()
    await asyncio.gather(*(driver.open() for driver in drivers))
    opened = time.monotonic()
    plans = await asyncio.gather(*(load(driver, {"rate": 4000}) for driver in drivers))
    done = time.monotonic()
    await asyncio.gather(*(driver.close() for driver in drivers))
    if any(plan.empty for plan in plans):
        raise RuntimeError("a device had the new rate already")
    return {"open": opened - began, "change": done - opened}


async def bare(addresses: list[dict[str, Any]]) -> float:
    """Seconds until as many SSH connections stand, with nothing said over them."""
    began = time.monotonic()
    connections = await asyncio.gather(
        *(
            asyncssh.connect(a["host"], a["port"], username=a["username"], password=a["password"], known_hosts=None)
            for a in addresses
        )
    )
    took = time.monotonic() - began
    for connection in connections:
        connection.close()
        await connection.wait_closed()
    return took


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))

# SPDX-License-Identifier: Apache-2.0
"""A simulated device: fast, exact, and as faulty as it is told to be."""

from preroll.drivers.sim.device import Device, Entry, Timer
from preroll.drivers.sim.driver import SimDriver, sim, sim_in
from preroll.drivers.sim.faults import Fault, FaultKind
from preroll.drivers.sim.files import FileWorld
from preroll.drivers.sim.world import MEMORY, World

__all__ = [
    "MEMORY",
    "Device",
    "Entry",
    "Fault",
    "FaultKind",
    "FileWorld",
    "SimDriver",
    "Timer",
    "World",
    "sim",
    "sim_in",
]

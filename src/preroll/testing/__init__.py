# SPDX-License-Identifier: Apache-2.0
"""For authors of scripts and drivers: a clock to set, a device to break, and the suite that a driver has to pass.

The suite is ``preroll.testing.conformance``; it needs pytest, so it is not imported here.
"""

from preroll.testing.clock import ManualClock
from preroll.testing.http_device import FAULTS, HttpDevice, Invalid
from preroll.testing.rig import Rig

__all__ = ["FAULTS", "HttpDevice", "Invalid", "ManualClock", "Rig"]

# SPDX-License-Identifier: Apache-2.0
"""One module a measure; each has ``measure(quick)``, which yields its figures."""

from bench.figures import Measure
from bench.measures import (
    aftermath,
    booking,
    bundles,
    burst,
    eligible,
    fleet,
    idle,
    launch,
    netconf,
    operators,
    ordering,
    peers,
    post,
    printed,
    web,
    webhooks,
    workers,
)

MEASURES: dict[str, Measure] = {
    "idle": idle.measure,
    "burst": burst.measure,
    "fleet": fleet.measure,
    "launch": launch.measure,
    "workers": workers.measure,
    "netconf": netconf.measure,
    "bundles": bundles.measure,
    "aftermath": aftermath.measure,
    "booking": booking.measure,
    "eligible": eligible.measure,
    "post": post.measure,
    "operators": operators.measure,
    "orders": ordering.measure,
    "webhooks": webhooks.measure,
    "peers": peers.measure,
    "help": printed.measure,
    "web": web.measure,
}
"""By the name that ``python -m bench NAME`` takes."""

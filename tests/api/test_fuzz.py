# SPDX-License-Identifier: Apache-2.0
"""Every route against generated requests, good and bad: no server error, and every answer as it is described."""

from __future__ import annotations

import asyncio
import itertools

import schemathesis
from hypothesis import HealthCheck, Phase, settings

from preroll.api import create_app
from preroll.app import build
from preroll.app.bookings import NewBooking
from preroll.domain.booking import Timing
from preroll.domain.config import Platform
from preroll.domain.permission import LOCAL
from preroll.store import open_inline_store
from tests.api.conftest import NOON, StandingClock
from tests.generated import CHECKS

_app = build(open_inline_store(StandingClock()), None)
_api = create_app(_app, stopping=lambda: True, hosts=None, body_limit=20_000_000)
asyncio.run(_app.platforms.put(LOCAL, Platform("default")))
_numbers = itertools.count()
_config = schemathesis.Config.from_dict(
    {
        "operations": [
            {"include-name": f"POST /api/v1/{name}", "phases": {"coverage": {"enabled": False}}}
            for name in ("catalogue", "catalogue/plan")
        ]
    }
)
"""One more document than may be sent makes five megabytes."""
schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", _api, config=_config)


def a_booking() -> str:
    """A fresh booking that a generated request may change."""
    new = NewBooking(f"Booking {next(_numbers)}", Timing(NOON, None))
    return asyncio.run(_app.bookings.create(LOCAL, new)).booking.id


@schema.parametrize()
@settings(
    max_examples=10, derandomize=True, database=None, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_every_answer_is_as_described(case: schemathesis.Case):
    case.call_and_validate(checks=CHECKS)
    if "bookings/{ident}" in case.path:
        case.path_parameters = {"ident": a_booking()}
        case.call_and_validate(checks=CHECKS)

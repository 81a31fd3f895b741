# SPDX-License-Identifier: Apache-2.0
"""What happens when a booking fails: somebody is told. Here it is a file in ``reports``, beside the scripts."""

from __future__ import annotations

import json
from pathlib import Path

from preroll.sdk import BlockingContext, start_failure


@start_failure
def report_failure(ctx: BlockingContext) -> None:
    """Write down which booking failed, and why."""
    booking = ctx.booking
    about = {"booking": booking.id, "name": booking.name, "state": booking.state}
    report = {**about, "reason": ctx.reason, "detail": ctx.detail}
    folder = Path(__file__).parent.parent / "reports"
    folder.mkdir(exist_ok=True)
    ctx.step("write the report", lambda key: _write(folder / f"{key.replace(':', '-')}.json", report), repeatable=True)


def _write(file: Path, report: dict[str, str]) -> str:
    file.write_text(json.dumps(report, indent=2))
    return str(file)

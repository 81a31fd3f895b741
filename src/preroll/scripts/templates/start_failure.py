# SPDX-License-Identifier: Apache-2.0
"""Sends a report when a booking fails: to a web address, or as a line of a file.

Where to is read from the environment of the server, so that no address and no token stands in this file:
FAILURE_REPORT_URL gets it as JSON, with FAILURE_REPORT_TOKEN as bearer token if there is one; without an address it
is appended to FAILURE_REPORT_FILE (default: failures.jsonl in the folder above the scripts).
"""

import json
import os
from pathlib import Path

import httpx

from preroll.sdk import BlockingContext, Retry, start_failure

SECONDS = 10.0
"""How long the far end may take."""


@start_failure
def script_name(ctx: BlockingContext) -> None:
    """Set it as the platform's start_failure_script."""
    booking = ctx.booking
    report: dict[str, object] = {
        "booking": booking.id, "name": booking.name, "platform": booking.platform, "state": booking.state,
        "start": booking.start.isoformat(), "event": ctx.event, "reason": ctx.reason, "detail": ctx.detail,
        "resources": [resource.name for resource in ctx.resources.values()],
    }  # fmt: skip
    # A step is done once, whatever crashes; it is repeatable because the far end knows a repeated report by its key.
    ctx.step("send the report", lambda key: sent(report, key), repeatable=True)


def sent(report: dict[str, object], key: str) -> str:
    """Send it; returns where it went."""
    url = os.environ.get("FAILURE_REPORT_URL", "")
    return posted(url, report, key) if url else written({"key": key, **report})


def posted(url: str, report: dict[str, object], key: str) -> str:
    """Post it; what may pass is tried again."""
    headers = {"Idempotency-Key": key}
    if token := os.environ.get("FAILURE_REPORT_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    try:
        answer = httpx.post(url, json=report, headers=headers, timeout=SECONDS)
    except httpx.TransportError as error:
        raise Retry(f"the report cannot be delivered: {error}") from error
    if answer.is_server_error:
        raise Retry(f"the report was answered with {answer.status_code}")
    answer.raise_for_status()
    return f"posted: {answer.status_code}"


def written(report: dict[str, object]) -> str:
    """Append it to the file."""
    usual = Path(__file__).resolve().parent.parent / "failures.jsonl"
    file = Path(os.environ.get("FAILURE_REPORT_FILE") or usual)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(report) + "\n")
    return str(file)

# SPDX-License-Identifier: Apache-2.0
"""The order of the reference page can be ordered as it is written."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.tmf.conftest import app, client, oss, store

__all__ = ["app", "client", "oss", "store"]

PAGE = (Path(__file__).parents[2] / "docs/reference/tm-forum.md").read_text(encoding="utf-8")


async def test_the_order_of_the_page_is_taken(oss, app):
    (text,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    said = json.loads(text)
    del said["serviceOrderItem"][0]["service"]["serviceCharacteristic"][1]["value"]["profile"]
    answer = await oss.post("serviceOrdering/v4/serviceOrder", json=said)
    assert (answer.status_code, answer.json()["state"]) == (201, "acknowledged"), answer.text

# SPDX-License-Identifier: Apache-2.0
"""The door for programs: REST on ``/api/v1``. It translates and calls a use case, nothing else."""

from __future__ import annotations

from preroll.api.application import contract, create_app
from preroll.api.editors import bundle_schema
from preroll.gate.health import Health

__all__ = ["Health", "bundle_schema", "contract", "create_app"]

# SPDX-License-Identifier: Apache-2.0
"""Every state machine of the house in one list: ``preroll states``, the documentation and the tests walk it."""

from __future__ import annotations

from typing import Any

from preroll.domain.audit import AUDIT
from preroll.domain.booking import LIFE_CYCLE
from preroll.domain.boundaries import BOUNDARY
from preroll.domain.definition import PUBLICATION
from preroll.domain.machine import Machine
from preroll.domain.service import ServiceStates

ALL_MACHINES: tuple[Machine[Any, Any], ...] = (LIFE_CYCLE, BOUNDARY, ServiceStates().machine(), AUDIT, PUBLICATION)
"""The service states stand here with the transitions that are shipped; a platform may have its own."""

# SPDX-License-Identifier: Apache-2.0
"""Every state machine of the house in one list: ``preroll states``, the documentation and the tests walk it."""

from __future__ import annotations

from typing import Any

from preroll.domain.audit import AUDIT, CONFIGURATION
from preroll.domain.booking import LIFE_CYCLE
from preroll.domain.boundaries import BOUNDARY
from preroll.domain.definition import PUBLICATION
from preroll.domain.machine import Machine
from preroll.domain.order import ORDER, PHASE
from preroll.domain.service import ServiceStates
from preroll.domain.service_instance import PROVISIONED

ALL_MACHINES: tuple[Machine[Any, Any], ...] = (
    LIFE_CYCLE, BOUNDARY, ServiceStates().machine(), AUDIT, CONFIGURATION, PUBLICATION, ORDER, PHASE, PROVISIONED,
)  # fmt: skip
"""The service states stand here with the transitions that are shipped; a platform may have its own."""

# SPDX-License-Identifier: Apache-2.0
"""What the middle asks of the store for the audits of services: differences, approvals, alarms, and what is due."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from preroll.domain.differences import Alarm, Known
from preroll.domain.ordered import Service
from preroll.domain.permission import Sight


@dataclass(frozen=True, slots=True)
class Alarmed:
    """A service with an alarm."""

    service: Service
    alarm: Alarm


class ServiceAudits(Protocol):
    """What is known of the services of a transaction; each by its key."""

    def differences(self, service: int) -> list[Known]:
        """What its newest configuration audit found, by node and path."""
        ...

    def keep_differences(self, service: int, known: Sequence[Known]) -> None:
        """Put these in the place of all that were known."""
        ...

    def lapsed(self, limit: int) -> list[int]:
        """Services with an approval whose end has come."""
        ...

    def alarms(self, service: int) -> list[Alarm]:
        """Its alarms."""
        ...

    def keep_alarms(self, service: int, alarms: Sequence[Alarm]) -> None:
        """Put these in the place of all that it had."""
        ...

    def alarmed(self, platform: int, sight: Sight | None, limit: int) -> list[Alarmed]:
        """Alarms of a platform's services, the oldest first."""
        ...

    def definitions(self) -> Mapping[int, Collection[int]]:
        """Platform -> the versions of definitions of which services exist there."""
        ...

    def unplanned(self, platform: int, definition: int, said: str, limit: int) -> list[str]:
        """Ids of services that exist and whose next audit is not planned by this schedule.

        Args:
            said: what the audits that it plans are named; empty: there is none, and what another one has planned is
                meant.
        """
        ...

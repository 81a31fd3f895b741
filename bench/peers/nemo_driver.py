# SPDX-License-Identifier: Apache-2.0
"""Drives NEMO in an environment of its own.

``python nemo_driver.py FILE BOOKINGS TURNS SECONDS`` prints the seconds of each turn as JSON.

100 tools, one-hour reservations with an hour between them, on the database that its tests use, without their debugging
and without the history of its tables, which takes minutes.
Checked is its policy for one tool and a free hour; written is the same check and the save.
"""

import json
import logging
import os
import sys
import time
from datetime import UTC, datetime, timedelta

TOOLS = 100
FIRST = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def main(file: str, bookings: int, turns: int, longest: float) -> None:
    """Take turns with checking and writing."""
    os.environ |= {"DJANGO_SETTINGS_MODULE": "NEMO.tests.test_settings", "DATABASE_NAME": file}
    import django

    django.setup()
    logging.disable(logging.CRITICAL)
    from django.apps import apps
    from django.conf import settings

    settings.DEBUG = False
    from django.core.management import call_command

    settings.MIGRATION_MODULES = {app.label: None for app in apps.get_app_configs()}
    call_command("migrate", run_syncdb=True, verbosity=0)
    from NEMO.models import Reservation, Tool
    from NEMO.policy import policy_class
    from NEMO.tests.test_utilities import create_user_and_project

    user, project = create_user_and_project(is_staff=True)
    tools = [Tool.objects.create(name=f"T{n}", visible=True) for n in range(TOOLS)]

    def reservation(tool: int, hour: int) -> Reservation:
        start = FIRST + hour * HOUR
        return Reservation(
            user=user,
            creator=user,
            project=project,
            tool=tools[tool],
            start=start,
            end=start + HOUR,
            short_notice=False,
        )

    Reservation.objects.bulk_create([reservation(n % TOOLS, n // TOOLS * 2) for n in range(bookings)], batch_size=500)
    checks: list[float] = []
    writes: list[float] = []
    for turn in range(turns):
        if sum(checks) + sum(writes) > longest:
            break
        asked = reservation(turn % TOOLS, turn * 14 % (bookings // TOOLS * 2) // 2 * 2 + 1)
        began = time.perf_counter()
        policy_class.check_to_save_reservation(None, asked, user, explicit_policy_override=False)
        checks.append(time.perf_counter() - began)
        began = time.perf_counter()
        policy_class.check_to_save_reservation(None, asked, user, explicit_policy_override=False)
        asked.save()
        writes.append(time.perf_counter() - began)
    print(json.dumps({"check": checks, "write": writes}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))

# SPDX-License-Identifier: Apache-2.0
"""Settings for a command that works in this process; what keeps it from starting is told in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from preroll.cli.exits import CANNOT_START, UNEXPECTED, Failure
from preroll.domain.errors import BadSettings, EngineLost, EngineRunning, StoreUnavailable

if TYPE_CHECKING:
    from preroll.settings import Settings


@contextmanager
def settings_of(config: Path | None, **given: Any) -> Iterator[Settings]:
    """The settings of this process.

    Raises:
        Failure: they are wrong, another engine runs, or the store cannot be reached.
    """
    from preroll import settings

    try:
        yield settings.read(config, **given)
    except EngineLost as error:
        raise Failure(UNEXPECTED, str(error), error.hint) from None
    except StoreUnavailable as error:
        raise Failure(
            CANNOT_START,
            str(error),
            "its address: --database; its password: PGPASSWORD or a pgpass file; preroll doctor looks at it",
        ) from None
    except (BadSettings, EngineRunning) as error:
        raise Failure(CANNOT_START, str(error), error.hint) from None

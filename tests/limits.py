# SPDX-License-Identifier: Apache-2.0
"""Every test ends: what pytest-timeout leaves open is closed here.

Its alarm rings once, and a loop hands what it raises to whichever task runs at that moment; and it is switched off when
a test has failed, so that what cleans up after it may wait for ever. Here each part of a test (what prepares it, the
test, what cleans up) has the limit, and the alarm rings until the part is over.
"""

from __future__ import annotations

import signal
from collections.abc import Generator
from typing import Any

import pytest

AGAIN_S = 5.0
"""Seconds from one ring to the next."""
_LIMIT = pytest.StashKey[Any]()


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> Generator[None, object, object]:
    """The alarm rings again and again."""
    done = yield
    item.stash[_LIMIT] = settings
    if signal.getitimer(signal.ITIMER_REAL)[0]:
        signal.setitimer(signal.ITIMER_REAL, settings.timeout, AGAIN_S)
    return done


@pytest.hookimpl(wrapper=True, tryfirst=True)
def _limited(item: pytest.Item) -> Generator[None, object, object]:
    """A part of a test has its whole limit; no alarm rings in whoever reports how it ended."""
    if (settings := item.stash.get(_LIMIT, None)) is None:
        return (yield)
    item.config.hook.pytest_timeout_set_timer(item=item, settings=settings)
    try:
        return (yield)
    finally:
        item.config.hook.pytest_timeout_cancel_timer(item=item)


pytest_runtest_setup = pytest_runtest_call = pytest_runtest_teardown = _limited

# SPDX-License-Identifier: Apache-2.0
"""Work on several devices at once: none is left alone because another has failed, or because the run is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Hashable, Iterable, Mapping
from typing import Any, TypeVar

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")


async def all_of(work: Iterable[Coroutine[Any, Any, R]]) -> list[R]:
    """All to their end, whatever becomes of one of them.

    Raises:
        Whatever one of them raised; what several raised as a group.
    """
    results = await _outcomes(work)
    errors = [result for result in results if isinstance(result, Exception)]
    if errors:
        raise errors[0] if len(errors) == 1 else ExceptionGroup("several devices", errors)
    return [result for result in results if not isinstance(result, Exception)]


async def failures_of(work: Mapping[K, Coroutine[Any, Any, None]]) -> dict[K, Exception]:
    """All to their end; which did not go well, and why."""
    results = await _outcomes(work.values())
    return {key: error for key, error in zip(work, results, strict=True) if error is not None}


async def _outcomes(work: Iterable[Coroutine[Any, Any, R]]) -> list[R | Exception]:
    """What each returned or raised. What is no matter of a device is raised at once they have all ended."""
    results: list[R | Exception] = []
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, BaseException) and (not isinstance(result, Exception) or isinstance(result, MemoryError)):
            raise result
        results.append(result)
    return results


async def undisturbed(work: Coroutine[Any, Any, R]) -> R:
    """To its end, also when the run is stopped meanwhile: that is told afterwards.

    Raises:
        asyncio.CancelledError: the run was stopped meanwhile.
    """
    task = asyncio.ensure_future(work)
    stopped: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            stopped = error
    if stopped is not None:
        task.exception()
        raise stopped
    return task.result()

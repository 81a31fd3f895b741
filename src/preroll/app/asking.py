# SPDX-License-Identifier: Apache-2.0
"""What every command has in common: it is one unit, and a repeated request gets the first one's answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from preroll.domain.errors import Invalid, KeyReused, Mistake, PrerollError
from preroll.domain.permission import Actor
from preroll.ports.store import Store, StoredAnswer, Tx, Unit

R = TypeVar("R")


class Replayed(PrerollError):
    """The request was carried out before; this is the answer that it got."""

    code = "replayed"

    def __init__(self, answer: StoredAnswer) -> None:
        super().__init__("carried out before")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Ask(Generic[R]):
    """An idempotency key with what it stands for. The key is kept in the unit of the command itself (SPEC 11)."""

    route: str
    """Method and path."""
    key: str
    digest: str
    """Of the request's body."""
    render: Callable[[R], StoredAnswer]
    """The answer that a repeat will get; pure."""
    stands: Callable[[Tx, StoredAnswer], bool] = lambda _, __: True
    """Is what was done then still what is asked for? Else it is done anew."""


async def command(store: Store, by: Actor, unit: Unit[R], ask: Ask[R] | None = None) -> R:
    """Carry out a unit once per idempotency key.

    Raises:
        Replayed: the key was used before with the same body; carries the stored answer.
        KeyReused: the key was used before with another body.
    """
    if ask is None:
        return await store.write(unit)

    def once(tx: Tx) -> R:
        found = tx.answers.find(by.name, ask.route, ask.key)
        if found is not None and ask.stands(tx, found):
            if found.digest != ask.digest:
                raise KeyReused
            raise Replayed(found)
        result = unit(tx)
        tx.answers.keep(by.name, ask.route, ask.key, ask.render(result))
        return result

    return await store.write(once)


def require_reason(reason: str) -> None:
    """Refuse what nobody would understand later.

    Raises:
        Invalid: there is no reason.
    """
    if not reason.strip():
        raise Invalid([Mistake("reason", "is empty", "why, for whoever reads it later")])

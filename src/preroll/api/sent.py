# SPDX-License-Identifier: Apache-2.0
"""The documents of a request: those that can be read, and of each other one what is wrong with it.

So that one answer tells everything: what one document refers to can be judged while another has a mistake of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import Field, ModelWrapValidatorHandler, PrivateAttr, ValidationError, model_validator

from preroll.api.documents import DocumentGiven
from preroll.api.fields import Given, Name
from preroll.api.problems import mistakes_of
from preroll.domain.bundle import Bundle, Document, Unread
from preroll.domain.config import Platform
from preroll.domain.errors import Mistake

MOST_DOCUMENTS = 20_000
FIELD = "documents"


class Documents(Given):
    """Documents to be stored by name, all or none."""

    platform: Name = "default"
    documents: Annotated[list[DocumentGiven], Field(max_length=MOST_DOCUMENTS)]
    prune: bool = Field(
        default=False, description="remove what the same bundle (`kind: bundle`) created and does not have any more"
    )
    _unread: Mapping[int, Unread] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _as_far_as_it_can_be_read(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            if not all(e["loc"][:1] == (FIELD,) and len(e["loc"]) > 1 for e in error.errors(include_url=False)):
                raise
            unread = _unread(cls, data[FIELD], error)
        read = [document for index, document in enumerate(data[FIELD]) if index not in unread]
        return handler({**data, FIELD: read}).beside(unread)

    def beside(self, unread: Mapping[int, Unread]) -> Self:
        """These documents are those that could be read; the others, each by its index, stood between them."""
        self._unread = unread
        return self

    def things(self) -> list[Document | Platform | Bundle | Unread]:
        """All of them as the domain has them, in the order in which they were sent."""
        read = iter(self.documents)
        count = len(self.documents) + len(self._unread)
        return [self._unread[i] if i in self._unread else next(read).thing() for i in range(count)]


def _unread(shape: type[Documents], sent: Sequence[object], error: ValidationError) -> dict[int, Unread]:
    """What is known of documents that cannot be read, each by its index."""
    found: dict[int, list[Mistake]] = {}
    for mistake in mistakes_of(error.errors(include_url=False), shape):
        _, index, *rest = mistake.where.split(".", 2)
        found.setdefault(int(index), []).append(Mistake("".join(rest), mistake.what, mistake.expected))
    return {index: _known_of(sent[index], tuple(mistakes)) for index, mistakes in found.items()}


def _known_of(sent: object, mistakes: tuple[Mistake, ...]) -> Unread:
    if not isinstance(sent, Mapping):
        return Unread(mistakes)
    kind = "" if any(m.where == "kind" for m in mistakes) else _text(sent.get("kind"))
    pools = sent.get("pools")
    return Unread(
        mistakes, kind, _text(sent.get("name")), tuple(filter(None, [_text(sent.get("function"))])),
        tuple(filter(None, map(_text, pools))) if isinstance(pools, list) else (),
    )  # fmt: skip


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

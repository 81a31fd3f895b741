# SPDX-License-Identifier: Apache-2.0
"""What the middle asks of the store for what can be booked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from preroll.domain.choosing import Candidates
from preroll.domain.definition import ServiceDefinition
from preroll.domain.function import Function, Pool
from preroll.domain.inheritance import Profiles
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource


class Catalogue(Protocol):
    """Names are unique per platform and kind; definitions per (name, version)."""

    def resource(self, ident: str) -> Resource:
        """By id. Raises NotFound."""
        ...

    def resources(
        self, platform: int, *, ids: Sequence[str] | None = None, names: Sequence[str] | None = None
    ) -> list[Resource]: ...

    def candidates(self, platform: int) -> Candidates:
        """All resources of a platform, sorted out once for each version of its catalogue."""
        ...

    def put_resource(self, resource: Resource) -> Resource:
        """Insert (id empty or unknown) or replace by name; returns it as stored."""
        ...

    def pools(self, platform: int) -> list[Pool]: ...
    def functions(self, platform: int) -> list[Function]: ...
    def profile_definitions(self, platform: int) -> list[ProfileDefinition]: ...
    def put_profile_definition(self, definition: ProfileDefinition) -> ProfileDefinition: ...
    def profile_instances(self, platform: int) -> list[ProfileInstance]: ...
    def put_profile_instance(self, instance: ProfileInstance) -> ProfileInstance: ...
    def profiles(self, platform: int) -> Profiles:
        """All profiles of a platform; read once for each version of its catalogue."""
        ...

    def definition(self, platform: int, name: str, version: int | None = None) -> ServiceDefinition:
        """A version, or the newest that is no draft.

        Raises:
            NotFound: there is none, or the newest one is retired.
        """
        ...

    def definition_with_id(self, ident: str) -> ServiceDefinition:
        """A version by id. Raises NotFound."""
        ...

    def definition_by_key(self, key: int) -> ServiceDefinition: ...
    def definitions_by_key(self, keys: Iterable[int]) -> Mapping[int, ServiceDefinition]:
        """Those of these keys that exist."""
        ...

    def definitions(self, platform: int) -> list[ServiceDefinition]: ...

    def put_definition(self, definition: ServiceDefinition) -> ServiceDefinition:
        """Store as a new version unless the newest one says the same; returns what is stored."""
        ...

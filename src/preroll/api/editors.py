# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of one document of a bundle, by which editors check and complete YAML."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from preroll.api.documents import DocumentGiven

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def bundle_schema() -> dict[str, Any]:
    """The schema; a document is chosen by its kind, which is therefore needed."""
    adapter: TypeAdapter[Any] = TypeAdapter(DocumentGiven)
    found = adapter.json_schema()
    for kind in found["discriminator"]["mapping"].values():
        shape = found["$defs"][kind.rpartition("/")[2]]
        shape["required"] = ["kind", *(name for name in shape.get("required", ()) if name != "kind")]
    found.pop("discriminator")
    about = "One document of a Preroll bundle: a YAML file holds any number of them, separated by lines of ---"
    return {"$schema": DIALECT, "title": "Preroll bundle", "description": about, **found}

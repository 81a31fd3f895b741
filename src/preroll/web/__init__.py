# SPDX-License-Identifier: Apache-2.0
"""The door for people: pages in the browser. It translates and calls a use case, nothing else."""

from __future__ import annotations

from preroll.web.application import create_pages

__all__ = ["create_pages"]

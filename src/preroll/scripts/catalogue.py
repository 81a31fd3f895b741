# SPDX-License-Identifier: Apache-2.0
"""Which scripts there are: files of the administrator's folder, and entry points of the group ``preroll.scripts``.

Author modules are imported only in a script host, or in the short-lived process of ``list_command``.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

import msgspec

from preroll.ports.scripts import BrokenScript, InstalledScript, ScriptKind
from preroll.scripts.steps import clean
from preroll.sdk import Script

GROUP = "preroll.scripts"
HOST_COMMAND = (sys.executable, "-m", "preroll.scripts.child")
"""Starts a script host; the number of its socket is appended."""
Fingerprint = tuple[tuple[str, int, int], ...]
Fetch = Callable[[], tuple[list[Callable[..., object]], str]]
"""Imports a source; returns its decorated functions and its version."""


class Listing(msgspec.Struct, frozen=True):
    """All that was found: what can be run, and what cannot and why."""

    installed: tuple[InstalledScript, ...] = ()
    broken: tuple[BrokenScript, ...] = ()


def list_command(folder: str, without: Mapping[str, str] | None = None) -> list[str]:
    """The command that imports everything in a process of its own.

    It prints JSON, a line each: the name of every source before its import, and at the end a Listing.
    """
    return [*HOST_COMMAND, "--list", folder, msgspec.json.encode(without or {}).decode()]


def read_listing(output: bytes) -> Listing | str:
    """What ``list_command`` printed; when it died on the way, the source that it was importing (empty: none yet)."""
    lines = output.splitlines()
    return msgspec.json.decode(lines[-1], type=Listing | str) if lines else ""


def fingerprint(folder: str) -> Fingerprint:
    """Names, times and sizes of the folder's modules: differs when one of them was changed. Cheap."""
    if not folder:
        return ()
    found = []
    for path in sorted(Path(folder).glob("*.py")):
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((path.name, status.st_mtime_ns, status.st_size))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A script with its function, in a host."""

    installed: InstalledScript
    function: Callable[..., object]
    asynchronous: bool


class Broken(Exception):
    """A source cannot be used."""

    def __init__(self, error: str, line: int = 0) -> None:
        super().__init__(error)
        self.line = line


@dataclass(slots=True)
class Catalogue:
    """The scripts of one host."""

    scripts: dict[str, Loaded] = field(default_factory=dict)
    broken: list[BrokenScript] = field(default_factory=list)

    @property
    def installed(self) -> tuple[InstalledScript, ...]:
        """What can be run, by name."""
        return tuple(self.scripts[name].installed for name in sorted(self.scripts))

    def listing(self) -> Listing:
        """The same as values."""
        return Listing(self.installed, tuple(self.broken))

    def add(self, function: Callable[..., object], version: str, source: str) -> None:
        """Take a decorated function.

        Raises:
            Broken: it is not decorated, its signature is wrong, or its name is taken.
        """
        declared = getattr(function, "preroll_script", None)
        if not isinstance(declared, Script):
            raise Broken(
                f"{_name(function)} is not declared with @lso, @profile_load, @start_failure or @created_action"
            )
        line = function.__code__.co_firstlineno if inspect.isfunction(function) else 0
        if declared.name in self.scripts:
            other = self.scripts[declared.name].installed.source
            raise Broken(f"duplicate name: {declared.name} is declared in {other} already", line)
        if mistake := _signature_mistake(function):
            raise Broken(f"{declared.name}{mistake}", line)
        summary = clean((inspect.getdoc(function) or "").partition("\n")[0])
        self.scripts[declared.name] = Loaded(
            InstalledScript(declared.name, ScriptKind(declared.kind), version, source, summary),
            function,
            inspect.iscoroutinefunction(function),
        )


def _signature_mistake(function: Callable[..., object]) -> str:
    signature = inspect.signature(function)
    try:
        signature.bind(object())
    except TypeError:
        return f"{signature} cannot be called with the context alone: declare it as {_name(function)}(ctx)"
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return " is a generator: a script must not yield"
    return ""


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", "script")


def load(
    folder: str = "", *, without: Mapping[str, str] | None = None, about_to: Callable[[str], None] = lambda _: None
) -> Catalogue:
    """Import every source; one that cannot be used is listed as broken and harms no other.

    Args:
        without: sources that are not to be imported, with the reason.
        about_to: told of each source before its import.
    """
    catalogue, without = Catalogue(), without or {}
    for source, fetch in _sources(folder):
        if source in without:
            catalogue.broken.append(BrokenScript(source, without[source]))
            continue
        about_to(source)
        try:
            functions, version = fetch()
            _take(catalogue, functions, version, source)
        except Broken as broken:
            catalogue.broken.append(BrokenScript(source, str(broken), broken.line))
    return catalogue


def _take(catalogue: Catalogue, functions: Iterable[Callable[..., object]], version: str, source: str) -> None:
    for function in functions:
        try:
            catalogue.add(function, version, source)
        except Broken as broken:
            catalogue.broken.append(BrokenScript(source, str(broken), broken.line))


def _sources(folder: str) -> Iterator[tuple[str, Fetch]]:
    if folder and not Path(folder).is_dir():
        yield folder, lambda: _refuse(f"there is no folder {folder}")
    elif folder:
        if folder not in sys.path:
            sys.path.append(folder)
        for path in sorted(Path(folder).glob("*.py")):
            yield clean(path), lambda path=path: _import_file(path)  # type: ignore[misc]
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        owner = point.dist.name if point.dist else "an unknown distribution"
        yield f"entry point {point.name} of {owner}", lambda point=point: _import_point(point)  # type: ignore[misc]


def _refuse(error: str) -> tuple[list[Callable[..., object]], str]:
    raise Broken(error)


def _import_file(path: Path) -> tuple[list[Callable[..., object]], str]:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise Broken(f"cannot be read: {error.strerror}") from error
    module = ModuleType(f"preroll_scripts.{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    with _Reporting(str(path)):
        exec(compile(text, str(path), "exec"), vars(module))  # noqa: S102 - the administrator's own code
    return [f for f in _declared(module) if f.__module__ == module.__name__], _version(text)


def _import_point(point: EntryPoint) -> tuple[list[Callable[..., object]], str]:
    with _Reporting(point.module):
        module = importlib.import_module(point.module)
        functions = [point.load()] if point.attr else _declared(module)
    file = module.__file__
    return functions, _version(Path(file).read_bytes() if file else point.value.encode())


def _declared(module: ModuleType) -> list[Callable[..., object]]:
    found = [value for value in vars(module).values() if isinstance(getattr(value, "preroll_script", None), Script)]
    return list(dict.fromkeys(found))


def _version(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:12]


class _Reporting:
    """Turns whatever an import raises into Broken, with the line of the file."""

    def __init__(self, file: str) -> None:
        self._file = file

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, KeyboardInterrupt | MemoryError):
            return
        if isinstance(error, SyntaxError) and error.filename == self._file:
            raise Broken(f"SyntaxError: {error.msg}", error.lineno or 0) from error
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == self._file]
        line = (frames[-1].lineno or 0) if frames else 0
        raise Broken(f"{type(error).__name__}: {error}", line) from error

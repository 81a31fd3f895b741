# SPDX-License-Identifier: Apache-2.0
"""Style sheets, scripts, icon and font: read and packed once, and kept by a browser for as long as they are these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from mimetypes import guess_type
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from preroll.domain.colors import LifecycleColors
from preroll.web import palette
from preroll.web.seal import SEALED
from preroll.web.shelf import Body

FOLDER = Path(__file__).parent / "static"
ROOT = "/static/"
FOR_GOOD = "public, max-age=31536000, immutable"
"""A year: nothing else will ever be at this address."""
ROOM = 256
"""Answers that are kept ready."""
EACH_TIME = "no-cache"
"""Keep it, and ask whether it is still the same."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A file, ready to be sent."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""

    async def send(self, send: Send) -> None:
        """To whoever asks."""
        await send({"type": "http.response.start", "status": self.status, "headers": list(self.headers)})
        await send({"type": "http.response.body", "body": self.body})


@dataclass(frozen=True, slots=True)
class Answers:
    """Of one file at one address: to who takes it packed, to who does not, and to who has it."""

    tag: bytes
    plain: Answer
    packed: Answer
    unchanged: Answer

    @classmethod
    def of(cls, body: Body, media_type: str, keep: str) -> Answers:
        """From its bytes.

        Args:
            keep: how long a browser keeps it, as Cache-Control says it.
        """
        tag = body.tag.encode()
        common = (*SEALED, (b"etag", tag), (b"cache-control", keep.encode()), (b"vary", b"Accept-Encoding"))
        kind = (*common, (b"content-type", media_type.encode()))
        plain = Answer(200, (*kind, (b"content-length", b"%d" % len(body.plain))), body.plain)
        if not body.packed:
            return cls(tag, plain, plain, Answer(304, common))
        headers = (*kind, (b"content-length", b"%d" % len(body.packed)), (b"content-encoding", b"gzip"))
        return cls(tag, plain, Answer(200, headers, body.packed), Answer(304, common))

    def to(self, asked: Mapping[bytes, bytes]) -> Answer:
        """Whoever sent these headers."""
        if asked.get(b"if-none-match", b"").removeprefix(b"W/") == self.tag:
            return self.unchanged
        return self.packed if b"gzip" in asked.get(b"accept-encoding", b"") else self.plain


class Files:
    """The files of a folder, each at two addresses, and style sheets that are made of what their name says.

    ``app+booking.css`` is one after the other: what a page needs comes at once. One address of each begins with a
    digest of all: a browser keeps what is there for good, and the next version of the program has others. The plain
    one, and that of another version (two may stand behind one proxy), it asks for each time.
    """

    def __init__(self, folder: Path) -> None:
        found = {
            path.relative_to(folder).as_posix(): Body.of(path.read_bytes())
            for path in sorted(folder.rglob("*")) if path.is_file()
        }  # fmt: skip
        told = "\n".join(f"{name} {body.tag}" for name, body in found.items()) + palette.style(LifecycleColors())
        self.version = f"v-{sha256(told.encode()).hexdigest()[:12]}"
        self.address = f"{ROOT}{self.version}"
        """Before the name of a file, with a slash between."""
        self._found = found
        self._known = lru_cache(ROOM)(self._made)

    def at(self, path: str) -> Answers | None:
        """What is at an address; None: nothing."""
        if not path.startswith(ROOT):
            return None
        name = path.removeprefix(ROOT)
        version, _, rest = name.partition("/")
        if version == self.version:
            return self._known(rest, FOR_GOOD)
        return self._known(rest if version.startswith("v-") else name, EACH_TIME)

    def _made(self, name: str, keep: str) -> Answers | None:
        body = self._found.get(name) or self._joined(name)
        return None if body is None else Answers.of(body, _type_of(name), keep)

    def _joined(self, name: str) -> Body | None:
        """Style sheets one after the other, each once; None: one of them is not there."""
        parts = name.removesuffix(".css").split("+")
        found = [sheet for part in parts if (sheet := self._sheet(f"{part}.css"))]
        if not name.endswith(".css") or len(set(parts)) < len(parts) or len(found) < len(parts):
            return None
        return Body.of(b"".join(found))

    def _sheet(self, name: str) -> bytes:
        """One of them: a file, or the colours that its name says; empty: it is neither."""
        file = self._found.get(name)
        return (palette.drawn(name) or "").encode() if file is None else file.plain


@cache
def shipped() -> Files:
    """The files of this program."""
    return Files(FOLDER)


class FilesFirst:
    """Answers with a file before anything else looks at the request: a page asks for twenty.

    They are the same for everybody: neither who asks nor by which name matters.
    """

    def __init__(self, app: ASGIApp, files: Files) -> None:
        self._app, self._files = app, files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        found = self._files.at(scope["path"]) if scope.get("method") in ("GET", "HEAD") else None
        if found is None:
            await self._app(scope, receive, send)
        else:
            await found.to(dict(scope["headers"])).send(send)


def _type_of(name: str) -> str:
    found = guess_type(name)[0] or "application/octet-stream"
    return f"{found}; charset=utf-8" if found.startswith("text/") else found

# SPDX-License-Identifier: Apache-2.0
"""The files of a page: kept for good where the address says which they are, asked for again where it does not."""

import gzip
import re
from pathlib import Path

import httpx
import pytest

from preroll.web import palette
from preroll.web.files import EACH_TIME, FOLDER, FOR_GOOD, Files, shipped
from preroll.web.seal import SEALS

PART = {"HX-Request": "true"}
OTHER = "v-0123456789ab"


async def test_whatever_a_page_loads_is_kept_for_good(pages: httpx.AsyncClient):
    html = (await pages.get("/bookings")).text
    loaded = re.findall(r'(?:src|href)="(/static/[^"]+)"', html)
    assert len(loaded) > 10
    for path in loaded:
        found = await pages.get(path)
        assert (found.status_code, found.headers["cache-control"]) == (200, FOR_GOOD), path
        assert {name: found.headers[name] for name in SEALS} == dict(SEALS)
        assert found.content == _told(path.removeprefix(f"{shipped().address}/")), path


def _told(name: str) -> bytes:
    """What a file says by its name."""
    parts = [f"{part}.css" for part in name.removesuffix(".css").split("+")] if name.endswith(".css") else [name]
    return b"".join((palette.drawn(part) or "").encode() or (FOLDER / part).read_bytes() for part in parts)


async def test_a_page_asks_once_for_all_its_style(pages: httpx.AsyncClient):
    for path in ("/", "/bookings", "/orders", "/config/colors", "/nothing"):
        html = (await pages.get(path)).text
        sheets = re.findall(r'rel="stylesheet" href="([^"]+)"', html)
        assert len(sheets) == 1 + (path == "/config/colors"), path
        assert re.search(r'rel="icon" href="data:image/svg', html), "so small a picture is not asked for"


@pytest.mark.parametrize("path", ["/static/timeline.js", f"/static/{OTHER}/timeline.js"])
async def test_elsewhere_a_browser_asks_whether_it_is_the_same(pages: httpx.AsyncClient, path: str):
    first = await pages.get(path)
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    assert first.headers["cache-control"] == EACH_TIME
    again = await pages.get(path, headers={"If-None-Match": "W/" + first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = await pages.head(path)
    assert (head.status_code, head.headers["content-length"]) == (200, first.headers["content-length"])


NONE_SO = (
    "app+none.css",
    "app+app.css",
    "app+.css",
    "app+live.js",
    "+app.css",
    "palette-.css",
    "app+palette-.css",
    f"palette-{'0' * 169}.css",
)


@pytest.mark.parametrize(
    "name", [*NONE_SO, "../application.py", "none.js", "", f"{OTHER}/../../seal.py", "vendor", OTHER]
)
async def test_nothing_else_is_a_file(pages: httpx.AsyncClient, name: str):
    assert (await pages.get(f"/static/{name}", headers=PART)).status_code == 404


async def test_it_is_packed_for_who_can_unpack_it(pages: httpx.AsyncClient):
    packed = await pages.get("/static/app.css", headers={"Accept-Encoding": "gzip"})
    plain = await pages.get("/static/app.css", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) == len(gzip.compress(plain.content, 5, mtime=0))


def test_another_file_makes_another_address(tmp_path: Path):
    (tmp_path / "a.css").write_text("a {}")
    first = Files(tmp_path)
    (tmp_path / "a.css").write_text("b {}")
    assert Files(tmp_path).address != first.address
    assert first.at(f"{first.address}/a.css") is not None
    assert Files(tmp_path).at(f"{first.address}/b.css") is None

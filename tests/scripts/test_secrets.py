# SPDX-License-Identifier: Apache-2.0
"""Credentials by reference: what can be named, what cannot, and that nothing shows them."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from preroll.ports.rows import StepState
from preroll.ports.scripts import Equipment
from preroll.scripts.secrets import MAX_BYTES, Secrets
from preroll.scripts.sessions import Sessions
from preroll.sdk import AuthFailed, Driver, InvalidValue, Secret
from tests.scripts.devices import FileDevice
from tests.scripts.rig import Room


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "password").write_text("s3cret words \n")
    return tmp_path


@pytest.fixture
def secrets(folder: Path) -> Secrets:
    return Secrets(str(folder), {"PREROLL_SECRET_LAB": "from the environment", "HOME": "where somebody lives"})


async def revealed(secrets: Secrets, reference: object) -> object:
    found = (await secrets.resolve("pe-1", {"password": reference}))["password"]
    return found.reveal() if isinstance(found, Secret) else found


async def test_a_reference_becomes_a_secret(secrets: Secrets) -> None:
    assert await revealed(secrets, "env:LAB") == "from the environment"
    assert await revealed(secrets, "file:lab/password") == "s3cret words ", "only the line break is not of it"


async def test_an_absolute_path_into_the_folder_will_do(secrets: Secrets, folder: Path) -> None:
    assert await revealed(secrets, f"file:{folder}/lab/password") == "s3cret words "


@pytest.mark.parametrize("plain", ["admin", "http://x:80", "environment:x", ":x", 22, None, {"nested": "env:LAB"}])
async def test_all_else_stays_as_it_is(secrets: Secrets, plain: object) -> None:
    assert await revealed(secrets, plain) == plain


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("env:OTHER", "needs PREROLL_SECRET_OTHER in the environment"),
        ("env:HOME", "needs PREROLL_SECRET_HOME in the environment"),
        ("env:", "needs PREROLL_SECRET_ in the environment"),
        ("file:lab/other", "cannot be read: No such file"),
        ("file:lab", "cannot be read: Is a directory"),
        ("file:/etc/hostname", "is not in the folder of secrets"),
        ("file:lab/../../x", "is not in the folder of secrets"),
        ("file:", "cannot be read: Is a directory"),
    ],
)
async def test_what_is_not_there_or_not_to_be_named(secrets: Secrets, reference: str, reason: str) -> None:
    with pytest.raises(InvalidValue, match=f"address.password: {reference} {reason}") as caught:
        await revealed(secrets, reference)
    assert caught.value.device == "pe-1"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "is empty"), (b"\n", "is empty"), (b"x" * (MAX_BYTES + 1), "has more than"), (b"\xff\xfe", "is no text")],
)
async def test_a_file_that_is_no_secret(secrets: Secrets, folder: Path, content: bytes, reason: str) -> None:
    (folder / "odd").write_bytes(content)
    with pytest.raises(InvalidValue, match=reason):
        await revealed(secrets, "file:odd")


async def test_without_a_folder_no_file_can_be_named() -> None:
    with pytest.raises(InvalidValue, match="there is none"):
        await revealed(Secrets(environ={}), "file:etc/hostname")


def test_nothing_shows_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret("s3cret")
    logging.getLogger("test").warning("address %s %r", secret, {"password": secret})
    assert "s3cret" not in caplog.text + f"{secret} {secret!r} {secret!s}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        msgspec.json.encode(secret)
    assert secret == Secret("s3cret")
    assert secret != "s3cret"


class Guarded(FileDevice):
    """Lets in who knows the password of now."""

    password = "old"

    def __init__(self, name: str, address: Mapping[str, object]) -> None:
        super().__init__(name, address)
        given = address["password"]
        assert isinstance(given, Secret)
        self._given = given.reveal()

    async def open(self) -> None:
        if self._given != type(self).password:
            raise AuthFailed("wrong password", device=self.name)
        await super().open()


async def test_a_refused_secret_is_read_again(tmp_path: Path) -> None:
    environ = {"PREROLL_SECRET_LAB": "old"}
    address: dict[str, Any] = {"file": str(tmp_path / "device"), "password": "env:LAB"}
    equipment = Equipment("a", "1", "pe-1", "guarded", address)
    sessions = Sessions(lambda _: Guarded, Secrets(environ=environ))

    async def used() -> Driver:
        async with sessions.use(equipment) as driver:
            return driver

    assert await used() is await used(), "one session a device"
    Guarded.password = environ["PREROLL_SECRET_LAB"] = "new"
    await sessions.close_idle(0)
    assert await used()
    try:
        Guarded.password = "newer"
        with pytest.raises(AuthFailed):
            async with sessions.use(equipment):
                raise AuthFailed("no")
        with pytest.raises(AuthFailed):
            await used()
        del environ["PREROLL_SECRET_LAB"]
        for _ in range(2):
            with pytest.raises(InvalidValue, match="needs PREROLL_SECRET_LAB"):
                await used()
        environ["PREROLL_SECRET_LAB"] = "newer"
        assert await used()
    finally:
        Guarded.password = "old"


async def test_a_host_looks_secrets_up_and_scripts_see_references(room: Room, folder: Path) -> None:
    room.write("up.py", "@lso\nasync def up(ctx):\n    ctx.log.info(str(ctx.resources['a'].address))\n"
               "    await ctx.apply_profile('a')\n")  # fmt: skip
    pool = await room.pool(drivers={"file": "tests.scripts.test_secrets:Guarded"}, secrets=str(folder))
    (folder / "pe").write_text("old\n")
    report = await room.report(pool, room.order("up", room.equipment("a", password="file:pe")))
    assert report.message == ""
    assert room.ledger.step("apply_profile:a").state is StepState.DONE
    assert [line.text for line in room.ledger.lines if "file:pe" in line.text]

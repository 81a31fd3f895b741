# SPDX-License-Identifier: Apache-2.0
"""Secrets that a keyring or HashiCorp Vault keeps: found, kept for a moment, asked for again, and never told."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked

from preroll.ports.rows import StepState
from preroll.scripts.secrets import KEPT, Secrets
from preroll.scripts.sessions import Sessions
from preroll.sdk import AuthFailed, DeviceError, InvalidValue, Secret, Unreachable
from tests.scripts.rig import Room
from tests.scripts.test_profile_secrets import require_silence, run, secretive, told
from tests.scripts.test_secrets import Guarded
from tests.scripts.vaults import ROLE, ROLE_SECRET, ROOT, SmallVault, small_vault

CANARY = "c4nary-that-is-kept-elsewhere"


class Drawer(KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept = {("preroll", "enc-1"): CANARY, ("mail", "somebody"): "not for devices"}
        self.asked = 0
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        if self.locked:
            raise KeyringLocked(CANARY)
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them answer here, however slow the machine is."""
    monkeypatch.setattr("preroll.scripts.keyring.PATIENCE", 60.0)
    monkeypatch.setattr("preroll.scripts.vault.TIMEOUT", 60.0)


@pytest.fixture
def drawer() -> Iterator[Drawer]:
    before = keyring.get_keyring()
    keyring.set_keyring(drawer := Drawer())
    yield drawer
    keyring.set_keyring(before)


@pytest.fixture
def vault() -> Iterator[SmallVault]:
    with small_vault() as vault:
        vault.secrets = {"site/enc 1": {"user": "admin", "password": CANARY, "port": 22, "none": ""}, "old": None}
        yield vault


class Ticks:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def revealed(secrets: Secrets, reference: str) -> str:
    found = (await secrets.resolve("enc-1", {"password": reference}))["password"]
    assert isinstance(found, Secret)
    return found.reveal()


async def refusal(kind: type[DeviceError], secrets: Secrets, reference: str) -> str:
    """What is told instead of a secret; it never holds one, nor what opens the place where it is."""
    with pytest.raises(kind) as refused:
        await revealed(secrets, reference)
    assert refused.value.device == "enc-1"
    text = str(refused.value)
    assert text.startswith(f"address.password: {reference} ")
    require_silence(text, CANARY, ROOT, ROLE_SECRET)
    return text


async def test_the_keyring_of_the_machine(drawer: Drawer) -> None:
    assert await revealed(Secrets(environ={}), "keyring:enc-1") == CANARY


async def test_a_name_that_the_keyring_does_not_keep_for_preroll(drawer: Drawer) -> None:
    told = await refusal(InvalidValue, Secrets(environ={}), "keyring:somebody")
    assert "keyring set preroll somebody" in told


async def test_a_locked_keyring_is_worth_another_attempt(drawer: Drawer) -> None:
    drawer.locked = True
    secrets = Secrets(environ={})
    assert "does not open (KeyringLocked)" in await refusal(Unreachable, secrets, "keyring:enc-1")
    drawer.locked = False
    assert await revealed(secrets, "keyring:enc-1") == CANARY


async def test_a_machine_without_a_keyring(drawer: Drawer) -> None:
    keyring.set_keyring(NoKeyring())
    assert "this machine has none" in await refusal(InvalidValue, Secrets(environ={}), "keyring:enc-1")


async def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "pip install 'preroll[keyring]'" in await refusal(InvalidValue, Secrets(environ={}), "keyring:enc-1")


async def test_a_field_in_vault(vault: SmallVault) -> None:
    secrets = Secrets(environ=vault.environ())
    assert await revealed(secrets, "vault:lab/site/enc 1#password") == CANARY
    assert await revealed(secrets, "vault:lab/site/enc 1#user") == "admin"
    assert vault.asked == ["/v1/lab/data/site/enc%201"], "user and password are one question"


async def test_answers_are_kept_for_a_moment(vault: SmallVault, drawer: Drawer) -> None:
    ticks = Ticks()
    secrets = Secrets(environ=vault.environ(), monotonic=ticks)
    for now, asked in ((0, 1), (KEPT - 1, 1), (KEPT, 2), (2 * KEPT - 1, 2)):
        ticks.now = now
        await revealed(secrets, "vault:lab/site/enc 1#password")
        await revealed(secrets, "keyring:enc-1")
        assert (len(vault.asked), drawer.asked) == (asked, asked)


async def test_a_secret_that_the_device_refuses_is_asked_for_again(vault: SmallVault, room: Room) -> None:
    vault.secrets["enc-1"] = {"password": "old"}
    sessions = Sessions(lambda _: Guarded, Secrets(environ=vault.environ(), monotonic=Ticks()))
    equipment = room.equipment("a", password="vault:lab/enc-1#password")
    try:
        Guarded.password = "new"
        with pytest.raises(AuthFailed):
            async with sessions.use(equipment):
                pass
        vault.secrets["enc-1"] = {"password": "new"}
        async with sessions.use(equipment) as driver:
            assert await driver.alive()
        await sessions.close_idle(0)
    finally:
        Guarded.password = "old"


async def test_an_approle_and_its_namespace() -> None:
    with small_vault("tv/") as vault:
        vault.secrets["enc-1"] = {"password": CANARY, "other": "x"}
        ticks = Ticks()
        role = {"VAULT_TOKEN": "", "VAULT_ROLE_ID": ROLE, "VAULT_SECRET_ID": ROLE_SECRET, "VAULT_NAMESPACE": "tv/"}
        secrets = Secrets(environ=vault.environ(**role), monotonic=ticks)
        for now, logins in ((0, 1), (KEPT, 1)):
            ticks.now = now
            assert await revealed(secrets, "vault:lab/enc-1#password") == CANARY
            assert vault.logins == logins, "a token is used for as long as it lasts"
        vault.tokens.clear()
        ticks.now = 2 * KEPT
        assert await revealed(secrets, "vault:lab/enc-1#password") == CANARY
        assert vault.logins == 2, "one that has ended is replaced"


@pytest.mark.parametrize(
    ("reference", "changed", "reason"),
    [
        ("vault:lab/site/enc 1#pin", {}, "has no field pin (it has: none, password, port, user)"),
        ("vault:lab/site/enc 1#port", {}, "is no text"),
        ("vault:lab/site/enc 1#none", {}, "is empty"),
        ("vault:lab/other#password", {}, "is not in Vault at lab/data/other, or deleted there"),
        ("vault:lab/old#password", {}, "is not in Vault at lab/data/old, or deleted there"),
        ("vault:kv/enc-1#password", {}, "or kv is not of the engine kv, version 2"),
        ("vault:lab/enc-1", {}, "expected vault:MOUNT/PATH#FIELD"),
        ("vault:lab/../sys/x#y", {}, "expected vault:MOUNT/PATH#FIELD"),
        ("vault:lab/x#y", {"VAULT_ADDR": ""}, "needs VAULT_ADDR, such as https://"),
        ("vault:lab/x#y", {"VAULT_TOKEN": ""}, "needs VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID"),
        ("vault:lab/x#y", {"VAULT_TOKEN": "", "VAULT_ROLE_ID": "x", "VAULT_SECRET_ID": ROLE_SECRET}, "refuses VAULT_R"),
        ("vault:lab/old#y", {"VAULT_TOKEN": "hvs.wrong"}, "the policy of its token needs read on lab/data/old"),
        ("vault:lab/x#y", {"VAULT_ADDR": "https://127.0.0.1", "VAULT_CACERT": "/no/such.pem"}, "/no/such.pem: No such"),
    ],
)
async def test_what_vault_does_not_give(
    vault: SmallVault, reference: str, changed: dict[str, str], reason: str
) -> None:
    told = await refusal(InvalidValue, Secrets(environ=vault.environ(**changed)), reference)
    assert reason in told
    require_silence(told, "hvs.wrong")


async def test_a_vault_that_does_not_answer_is_worth_another_attempt(vault: SmallVault) -> None:
    vault.sealed = True
    secrets = Secrets(environ=vault.environ())
    reference = "vault:lab/site/enc 1#password"
    assert f"127.0.0.1:{vault.server_port} answers 503 (sealed" in await refusal(Unreachable, secrets, reference)
    vault.sealed = False
    assert await revealed(secrets, reference) == CANARY
    gone = Secrets(environ=vault.environ(VAULT_ADDR="http://127.0.0.1:1"))
    assert "127.0.0.1:1 cannot be reached (ConnectError)" in await refusal(Unreachable, gone, reference)


async def test_a_token_that_is_no_header_is_not_quoted(vault: SmallVault) -> None:
    secrets = Secrets(environ=vault.environ(VAULT_TOKEN=f"{ROOT}\n"))
    assert "cannot be reached (LocalProtocolError)" in await refusal(Unreachable, secrets, "vault:lab/x#y")


async def test_hosts_ask_vault_by_their_environment(
    vault: SmallVault, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in vault.environ().items():
        monkeypatch.setenv(name, value)
    equipment = secretive(room, reference="vault:lab/site/enc 1#password")
    report = await run(room, "    await ctx.apply_profile('a')\n", equipment)
    assert report.message == ""
    assert room.device("a").values()["crypto.key"] == CANARY
    assert room.ledger.step("apply_profile:a").state is StepState.DONE
    require_silence(told(room, report), CANARY, ROOT)


async def test_a_device_that_repeats_the_secret_of_its_address(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.scripts.test_secret_places.Drawer")
    equipment = room.equipment("a", password="keyring:enc-1")
    report = await run(
        room,
        "    await ctx.apply_profile('a')\n",
        equipment,
        options={"drivers": {"file": "tests.scripts.test_secret_places:Parrot"}},
    )
    assert "apply_profile:a on a-1" in report.message
    assert "I do not know <secret>" in report.message
    require_silence(told(room, report), CANARY)


class Parrot(Guarded):
    """Repeats what it does not accept."""

    async def open(self) -> None:
        raise AuthFailed(f"I do not know {self._given}", device=self.name)

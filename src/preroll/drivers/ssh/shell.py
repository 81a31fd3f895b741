# SPDX-License-Identifier: Apache-2.0
"""One session to a command line: a command is sent when the prompt is there, and answered when it is there again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncssh

from preroll.drivers.ssh.address import ANY, Address
from preroll.sdk import AuthFailed, DeviceError, Secret, TimedOut, Unreachable

FIRST_PROMPT = re.compile(r".*[>#$%] ?")
"""Any prompt: until we know which it is."""
ASKS_FOR_SECRET = re.compile(r"(?i)(password|passphrase|passcode)[^:\n]*: ?$")
ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[()][0-9A-B]|[=>78])|[\x07\r]")
"""What is for a screen and not for a reader."""
WIDTH = 511
"""Columns of the terminal: the most that the narrowest of them take, so that nothing is wrapped."""
LONGEST = 8_000_000
"""Characters of an answer."""


class Shell:
    """A session that is open. It is good as long as every call returned; after any error it has to be closed."""

    def __init__(
        self,
        name: str,
        address: Address,
        connection: asyncssh.SSHClientConnection,
        process: asyncssh.SSHClientProcess[str],
    ) -> None:
        self._name, self._address, self._connection, self._process = name, address, connection, process
        self._prompt = FIRST_PROMPT

    @classmethod
    async def open(cls, name: str, address: Address) -> Shell:
        """Connect, log in, and prepare the session. Raises DeviceError."""
        where = f"{address.host}:{address.port}"
        async with _typed(name, where, address.timeout, changing=False):
            options = await asyncio.to_thread(_options, address)  # a key with a passphrase takes a second
            connection = await asyncssh.connect(address.host, address.port, options=options)
            try:
                process = await connection.create_process(
                    term_type="dumb", term_size=(WIDTH, 0), encoding="utf-8", errors="replace"
                )
                shell = cls(name, address, connection, process)
                await shell._begin()
            except BaseException:
                connection.abort()
                await connection.wait_closed()
                raise
        return shell

    async def _begin(self) -> None:
        dialect = self._address.dialect
        shown = await self._heard()
        for line in dialect.prepare:
            self._process.stdin.write(f"{line}\n")
            shown = await self._heard(echo=line if dialect.echo else "", secret=self._address.enable)
        self._prompt = re.compile(dialect.prompt or _learned(shown))

    async def ask(self, line: str, *, changing: bool) -> tuple[str, str]:
        """Send a command.

        Returns:
            The answer, without the echo and without the prompt; and the status, empty when the device tells none.

        Raises:
            DeviceError: there was no answer, or not one to this command.
        """
        status = self._address.dialect.status if line else ""
        async with _typed(self._name, repr(line), self._address.timeout, changing=changing):
            answer = await self._exchange(line)
            return answer, (await self._exchange(status)).strip() if status else ""

    async def _exchange(self, line: str) -> str:
        self._process.stdin.write(f"{line}\n")
        heard = (await self._heard()).lstrip()
        if "\ufffd" in heard or "\x00" in heard:
            raise DeviceError(f"{line!r}: the answer is no text: {heard[:60]!r}", device=self._name)
        if self._address.dialect.echo:
            if not heard.startswith(line.lstrip()):
                raise DeviceError(f"{line!r}: this answers something else: {heard[:60]!r}", device=self._name)
            heard = heard.removeprefix(line.lstrip()).lstrip(" ").removeprefix("\n")
        return heard.rpartition("\n")[0].rstrip("\n")

    async def _heard(self, *, echo: str = "", secret: Secret | None = None) -> str:
        """All that comes until the prompt is there, as text.

        Args:
            echo: what has to come before: a line of a greeting may look like a prompt.
            secret: told when the device asks for a password.
        """
        heard = ""
        while True:
            data = await self._process.stdout.read(65_536)
            if not data:
                raise EOFError("the device ended the session")
            heard += data
            if len(heard) > LONGEST:
                raise DeviceError(f"an answer of more than {LONGEST} characters", device=self._name)
            last = ESCAPES.sub("", heard[-2 * WIDTH :]).rpartition("\n")[2]
            if self._prompt.fullmatch(last) and echo in heard:
                return ESCAPES.sub("", heard)
            if secret and ASKS_FOR_SECRET.search(last):
                self._process.stdin.write(f"{secret.reveal()}\n")
                heard, echo, secret = "", "", None

    async def close(self, *, politely: bool) -> None:
        """End it. Politely: the device is told."""
        if politely:
            self._connection.close()
        else:
            self._connection.abort()
        await self._connection.wait_closed()


@asynccontextmanager
async def _typed(name: str, what: str, seconds: float, *, changing: bool) -> AsyncIterator[None]:
    """Wait so long; turn what can go wrong into a DeviceError. After a change was sent its fate is unknown."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise TimedOut(f"{what}: no answer in {seconds:g} s", device=name, maybe_applied=changing) from error
    except (asyncssh.PermissionDenied, asyncssh.HostKeyNotVerifiable, asyncssh.KeyImportError) as error:
        raise AuthFailed(f"{what}: {_words(error)}", device=name) from error
    except (OSError, EOFError, asyncssh.Error) as error:
        if changing:
            raise TimedOut(f"{what}: the session got lost: {_words(error)}", device=name, maybe_applied=True) from error
        raise Unreachable(f"{what}: {_words(error)}", device=name) from error


def _learned(shown: str) -> str:
    """The pattern of the device's prompt, in any mode, from the first one that it showed."""
    prompt = shown.rpartition("\n")[2].strip()
    name = re.sub(r"(\([^()]*\))?[>#$%]$", "", prompt)
    return rf"{re.escape(name)}(\([^()\n]*\))?[>#$%] ?"


def _options(address: Address) -> asyncssh.SSHClientConnectionOptions:
    """Who we are and whom we trust: what the address says, nothing of the user who runs the engine but known_hosts."""
    key = address.private_key and asyncssh.import_private_key(address.private_key.reveal(), _shown(address.passphrase))
    trusted: object = ()
    if address.host_key == ANY:
        trusted = None
    elif address.host_key:
        trusted = ([asyncssh.import_public_key(address.host_key)], [], [])
    return asyncssh.SSHClientConnectionOptions(
        config=[],
        agent_path=None,
        username=address.username,
        password=_shown(address.password),
        client_keys=[key] if key else None,
        known_hosts=trusted,
    )


def _shown(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__

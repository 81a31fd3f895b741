# SPDX-License-Identifier: Apache-2.0
"""``preroll serve``: store, engine, REST API and web page in one process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from prometheus_client import REGISTRY, CollectorRegistry
from starlette.types import ASGIApp

from preroll import __version__
from preroll.api.application import create_app
from preroll.bootstrap.people import admit
from preroll.bootstrap.standing import Standing, standing
from preroll.bootstrap.wall import WallClock
from preroll.domain.errors import BadSettings
from preroll.gate.gates import Counters, Doors
from preroll.gate.guard import Guard
from preroll.settings import LogFormat, Settings
from preroll.telemetry import configure, logger
from preroll.tmf import create_tmf
from preroll.web import create_pages

log = logger(__name__)

BACKLOG = 2048
"""Connections that may wait to be taken."""
GRACEFUL_SECONDS = 5
"""How long open requests may go on when the server stops."""


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; what runs then is given a moment, and resumed by the next start.

    The address is taken first: a server that cannot have it has claimed nothing.

    Raises:
        BadSettings: the address cannot be listened at; and as ``standing``.
    """
    configure(json=settings.log_format is LogFormat.JSON, level=settings.log_level)
    with listening(settings) as sockets, standing(settings) as parts:
        asyncio.run(admit(parts.app, settings))
        server = _Server(settings)
        server.config.app = doors(parts, settings, lambda: server.should_exit)
        server.run(sockets)
        log.info("preroll stops")


@contextlib.contextmanager
def listening(settings: Settings) -> Iterator[list[socket.socket]]:
    """Sockets at all that the host's name stands for.

    Raises:
        BadSettings: somebody else listens there, or it is no address of this machine.
    """
    with contextlib.ExitStack() as stack:
        try:
            sockets = [stack.enter_context(opened) for opened in _opened(settings.host or None, settings.port)]
        except OSError as error:
            raise BadSettings(
                f"{settings.host}:{settings.port} cannot be listened at: {error.strerror}",
                hint="is another server running there? stop it, or choose another address: --host, --port",
            ) from None
        yield sockets


def _opened(host: str | None, port: int) -> Iterator[socket.socket]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, at in dict.fromkeys((family, at) for family, *_, at in found):
        yield socket.create_server(at, family=family, backlog=BACKLOG)


class _Server(uvicorn.Server):
    """Says where it serves when it does: port 0 is whichever was free."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(listener(settings))
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        url = self._settings.model_copy(update={"port": self.servers[0].sockets[0].getsockname()[1]}).url
        log.info(
            "preroll serves",
            version=__version__,
            page=f"{url}/",
            api=f"{url}/api",
            scripts=str(self._settings.scripts_folder),
        )


def listener(settings: Settings) -> uvicorn.Config:
    """How requests are taken; what answers them is put in afterwards."""
    return uvicorn.Config(
        app="",
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,  # requests are counted, not listed: each line would be put together only to be dropped
        lifespan="off",
        server_header=False,
        forwarded_allow_ips=list(settings.proxies),
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )


def doors(
    parts: Standing, settings: Settings, stopping: Callable[[], bool], registry: CollectorRegistry = REGISTRY
) -> ASGIApp:
    """API and pages, which know the same people, behind the same gates."""
    guard, counters = Guard(parts.app, settings.sign_in), Counters(registry)
    api = create_app(
        parts.app,
        ready=parts.health,
        scripts=parts.scripts,
        stopping=stopping,
        registry=registry,
        hosts=settings.own_names,
        body_limit=settings.body_limit,
        if_match_needed=settings.if_match_needed,
        guard=guard,
        counters=counters,
    )
    pages = create_pages(
        parts.app,
        ready=parts.health,
        stopping=stopping,
        hosts=settings.own_names,
        body_limit=settings.body_limit,
        guard=guard,
        counters=counters,
    )
    forum = create_tmf(
        parts.app, WallClock(), ready=parts.health, hosts=settings.own_names, body_limit=settings.body_limit,
        guard=guard, counters=counters,
    )  # fmt: skip
    return Doors(api, pages, forum)

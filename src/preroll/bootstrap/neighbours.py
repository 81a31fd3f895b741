# SPDX-License-Identifier: Apache-2.0
"""The outbox of one process: what sends at once, and what delivers in order in a thread of its own."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from secrets import token_hex

from preroll.app import App
from preroll.app.deliveries import Deliveries
from preroll.app.subscriptions import Subscriptions
from preroll.bootstrap.engine import Thread
from preroll.bootstrap.wall import WallClock
from preroll.domain.outward import networks
from preroll.domain.subscription import Kind
from preroll.domain.window import SECOND
from preroll.outbox.address import Guard
from preroll.outbox.deliverer import Deliverer, Terms
from preroll.outbox.desk import Desk, NoSecret, Secret, Way, ways
from preroll.outbox.mail import MailServer, server_at
from preroll.outbox.pace import Pace, never
from preroll.outbox.post import Poster
from preroll.ports.store import Store
from preroll.scripts.places import Nowhere
from preroll.scripts.secrets import Secrets
from preroll.settings import Settings
from preroll.tmf.hubs import events

LEASES = 6
"""A subscription may be taken over after so many leases of a worker: those who are told do not wait for the second."""

SWITCH = 0.001
"""Seconds after which a thread that writes messages lets in the one that runs what is due."""


class Neighbours:
    """Sends what the settings let it send.

    Args:
        store: where subscriptions are.
        settings: of the process.
        hurry: is something about to begin in this process, which it lets by?
    """

    def __init__(self, store: Store, settings: Settings, hurry: Callable[[], bool] = never) -> None:
        self._hurry = hurry
        self._store, self._allowed = store, networks(settings.outbox_networks)
        self._desk, self._only = desk(settings), settings.embedded
        holder = f"{socket.gethostname()}/{os.getpid()}/{token_hex(4)}"
        self._terms = Terms(holder, round(LEASES * settings.lease * SECOND))
        self._work = Thread("outbox", self._delivering)
        self._deliverer: Deliverer | None = None

    def use_cases(self, app: App) -> App:
        """The use cases, with subscriptions that can be tried."""
        return replace(app, subscriptions=Subscriptions(self._store, self._desk, self._allowed))

    def start(self) -> None:
        """Deliver from now on."""
        sys.setswitchinterval(SWITCH)
        self._work.start()

    @property
    def alive(self) -> bool:
        """Does it deliver?"""
        return self._work.alive

    @property
    def trouble(self) -> str:
        """Why the store does not answer it; empty: it does."""
        return "" if self._deliverer is None else self._deliverer.outage.error

    def stop(self) -> None:
        """Deliver no more; what was not taken yet is somebody else's, or the next start's."""
        self._work.stop()

    async def _delivering(self, thread: Thread) -> None:
        deliveries = Deliveries(self._store)
        if self._only:
            await deliveries.release(None)
        self._deliverer = deliverer = Deliverer(
            deliveries, self._desk, WallClock(), self._terms, Pace(hurry=self._hurry)
        )
        thread.up(deliverer.stop)
        await deliverer.run()


def desk(settings: Settings) -> Desk:
    """Sends by the ways that the settings open."""
    secret, guard = _secret(settings), Guard(networks(settings.outbox_networks))
    hub = Way(events, lambda subscription: Poster(subscription.to, guard))
    return Desk({**ways(guard, _mail(settings), secret), Kind.TMF: hub}, WallClock(), secret)


def _mail(settings: Settings) -> MailServer | None:
    if not settings.mail_server:
        return None
    password = settings.mail_password.get_secret_value()
    return server_at(settings.mail_server, settings.mail_from, settings.mail_user, password)


def _secret(settings: Settings) -> Secret:
    """Follows references as the addresses of devices have them."""

    secrets = Secrets(str(settings.secrets_folder))

    async def followed(secret: str) -> str:
        try:
            return await secrets.value(secret)
        except Nowhere as error:
            raise NoSecret(f"{secret} {error}") from None

    return followed

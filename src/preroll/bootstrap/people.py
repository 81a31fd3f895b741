# SPDX-License-Identifier: Apache-2.0
"""Who may sign in to this server, and that nobody is let in without it from outside of this machine."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from secrets import token_urlsafe

from preroll.app import App, build
from preroll.app.openid import Grant, OpenId
from preroll.app.sessions import Sessions
from preroll.app.users import Users
from preroll.bootstrap.engine import spawn_thread
from preroll.bootstrap.wall import WallClock
from preroll.domain.account import SessionLimits, SignIn
from preroll.domain.errors import BadSettings
from preroll.domain.permission import LOCAL
from preroll.identity.passwords import Argon2Passwords
from preroll.ports.accounts import Provider
from preroll.ports.store import Store
from preroll.settings import Settings, made
from preroll.store import open_store
from preroll.telemetry import logger

log = logger(__name__)

FIRST = "admin"
"""Name of the account that the first start makes."""


def with_people(app: App, store: Store, settings: Settings) -> App:
    """The use cases, with passwords that are checked."""
    passwords = Argon2Passwords()
    limits = SessionLimits(round(settings.session_idle * 1e6), round(settings.session_longest * 1e6))
    sessions = Sessions(store, passwords, limits)
    openid = OpenId(store, sessions, _provider(settings), [_grant(word) for word in settings.openid_roles])
    return replace(app, users=Users(store, passwords, limits), sessions=sessions, openid=openid)


def _provider(settings: Settings) -> Provider | None:
    if not settings.openid_issuer:
        return None
    try:
        from preroll.identity.openid import OpenIdProvider, Registration
    except ImportError as error:
        raise BadSettings("OpenID Connect needs its library", hint="pip install 'preroll[openid]'") from error
    secret = settings.openid_secret.get_secret_value()
    return OpenIdProvider(
        Registration(
            settings.openid_issuer, settings.openid_client, secret, settings.openid_scopes, settings.openid_groups,
            settings.openid_name,
        )
    )  # fmt: skip


def _grant(word: str) -> Grant:
    group, _, role = word.rpartition("=")
    role, _, platform = role.partition("@")
    return Grant(group, role, platform)


async def admit(app: App, settings: Settings) -> None:
    """Make the first account if there has to be one.

    Raises:
        BadSettings: from outside of this machine anybody could come in.
    """
    if settings.sign_in is SignIn.OFF:
        if settings.is_public:
            raise BadSettings(
                f"sign_in is off, and {settings.where_public} lets others than this machine in",
                hint="leave sign_in at auto or needed; off is for 127.0.0.1",
            )
        return
    if await app.users.any():
        return
    given = settings.admin_password.get_secret_value()
    if given or settings.sign_in is SignIn.NEEDED:
        password = given or token_urlsafe(18)
        await app.users.make_admin(LOCAL, FIRST, password)
        if not given:
            sys.stdout.write(f"The first account: {FIRST}\nIts password, shown this once: {password}\n")
            sys.stdout.flush()
    elif settings.is_public:
        raise BadSettings(
            f"nobody has an account, and {settings.where_public} lets others than this machine in",
            hint="make the first account: preroll user add NAME --admin; or set PREROLL_SIGN_IN=needed, and the first"
            " start prints a password",
        )
    else:
        log.info("nobody has to sign in until there is an account: preroll user add NAME --admin")


def make_admin(settings: Settings, name: str, password: str) -> None:
    """Make an admin in the database itself, or give one a new password; a server that runs beside it goes on.

    Raises:
        BadSettings, StoreUnavailable: the database cannot be used. Invalid: name or password will not do.
    """
    made(settings.data)
    store = open_store(settings.database_url, clock=WallClock(), spawn=spawn_thread)
    try:
        app = with_people(build(store, None), store, settings)
        asyncio.run(app.users.make_admin(LOCAL, name, password))
    finally:
        store.close()

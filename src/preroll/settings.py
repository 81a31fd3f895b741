# SPDX-License-Identifier: Apache-2.0
"""Settings of the process, read once from ``PREROLL_*`` and a TOML file, and handed on as values."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import platformdirs
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from preroll.domain.account import SignIn
from preroll.domain.errors import BadSettings
from preroll.domain.outward import networks
from preroll.domain.permission import ROLES
from preroll.domain.reach import A_LABEL, is_label
from preroll.domain.subscription import MAILBOX

PREFIX = "PREROLL_"
OTHERS = frozenset({f"{PREFIX}CONFIG", f"{PREFIX}SERVER", f"{PREFIX}TOKEN"})
"""Variables that are no settings of the server: where they are, which server the commands speak to, and as whom."""
SECRETS = f"{PREFIX}SECRET_"
"""Begins the variables that addresses of devices name by ``env:``."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
DIALECTS = ("sqlite", "postgresql")


def _listed(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _labels(labels: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [label for label in labels if not is_label(label)]:
        raise ValueError(f"{wrong[0]!r} is no label: expected {A_LABEL}")
    return labels


def _grants(grants: tuple[str, ...]) -> tuple[str, ...]:
    for grant in grants:
        group, equals, role = grant.rpartition("=")
        if not (group and equals and role.partition("@")[0] in ROLES):
            raise ValueError(f"{grant!r} is no grant: expected GROUP=ROLE or GROUP=ROLE@PLATFORM")
    return grants


def _networks(named: tuple[str, ...]) -> tuple[str, ...]:
    networks(named)
    return named


def _mail_server(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("smtp", "smtps") or not parts.hostname):
        raise ValueError(f"{url!r} is no mail server: expected smtp://HOST:587 or smtps://HOST:465")
    return url


def _mailbox(address: str) -> str:
    if address and not MAILBOX.fullmatch(address):
        raise ValueError(f"{address!r} is no mail address")
    return address


Folder = Annotated[Path, AfterValidator(Path.expanduser)]


class CarrierName(StrEnum):
    """Where runs run."""

    HERE = "here"
    TEMPORAL = "temporal"


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


class Settings(BaseSettings):
    """What the process needs to know before it starts; what a team decides is in the platform's config.

    The environment wins over the file; a name in the file that is not known is refused.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    data: Folder = Field(default_factory=lambda: Path(platformdirs.user_data_dir("preroll", appauthor=False)))
    """Folder of the database and of the scripts, if they have no place of their own."""
    database: str = ""
    """``sqlite:////absolute.db``, ``sqlite:///relative.db`` or ``postgresql://user@host/name``; empty: in ``data``."""
    scripts: Folder | None = None
    """Folder of the administrator's scripts; None: ``data/scripts``."""
    secrets: Folder | None = None
    """Folder of the files that addresses of devices name by ``file:``; None: ``data/secrets``."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8484
    names: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = ()
    """Further names by which the server may be called, such as its reverse proxy's; in the environment with commas."""
    proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_networks)] = (
        "127.0.0.1", "::1",
    )  # fmt: skip
    """Addresses or networks of reverse proxies that are believed when they say (``X-Forwarded-For``,
    ``X-Forwarded-Proto``) who asks and whether the outside is encrypted; in the environment with commas."""
    script_hosts: Annotated[int, Field(ge=1, le=64)] = 2
    worker: Annotated[str, Field(min_length=1, max_length=100)] = Field(default_factory=socket.gethostname)
    """Name of this engine among the workers of its database."""
    lease: Annotated[float, Field(gt=0.1, le=300)] = 5.0
    """Seconds after which another worker may take over what this one no longer renews."""
    labels: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_labels)] = ()
    """Where this engine stands, such as ``site=north``: it runs what can be reached from there; in the environment with
    commas."""
    engine: bool = True
    """Whether ``preroll serve`` runs what is due as well; without it a ``preroll worker`` has to."""
    drain: Annotated[float, Field(ge=0, le=3600)] = 5.0
    """Seconds that an engine gives its runs when it stops; what is not over then is resumed by another one."""
    carrier: CarrierName = CarrierName.HERE
    """Where runs run: ``here``, in the engine that claims them, or ``temporal``, on a worker that Temporal chooses."""
    temporal: str = "127.0.0.1:7233"
    """Address of the Temporal server, if that is the carrier."""
    temporal_namespace: str = "default"
    outbox: bool = True
    """Whether this process sends webhooks and mail; several that share a database share the work."""
    outbox_networks: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_networks)] = ()
    """Networks that are not public, such as ``10.2.0.0/16``, to which webhooks may go all the same; in the environment
    with commas."""
    mail_server: Annotated[str, AfterValidator(_mail_server)] = ""
    """``smtp://HOST:587`` (STARTTLS) or ``smtps://HOST:465``; empty: no mail is sent."""
    mail_from: Annotated[str, AfterValidator(_mailbox)] = ""
    """Address from which mail comes."""
    mail_user: str = ""
    """Name at the mail server; empty: it asks for none."""
    mail_password: SecretStr = SecretStr("")
    """Its password, or a reference to it such as ``file:mail``."""
    log_format: LogFormat = LogFormat.TEXT
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    body_limit: Annotated[int, Field(ge=1_000, le=100_000_000)] = 10_000_000
    """Bytes of a request's body."""
    if_match_needed: bool = False
    """Refuse changes that do not say on which revision they were made."""
    sign_in: SignIn = SignIn.AUTO
    """``auto``: as soon as there is an account; ``needed``: always (the first start makes an admin);
    ``off``: never."""
    admin_password: SecretStr = SecretStr("")
    """Password of the first account, ``admin``, if there is none yet; empty: one is made up where it is needed."""
    session_idle: Annotated[float, Field(ge=60, le=31_536_000)] = 28_800.0
    """Seconds without a request after which a session ends."""
    session_longest: Annotated[float, Field(ge=60, le=31_536_000)] = 604_800.0
    """Seconds after which a session ends, however busy."""

    openid_issuer: str = ""
    """Address of an OpenID Connect provider at which people sign in; empty: none."""
    openid_client: str = "preroll"
    """Id of this server at the provider."""
    openid_secret: SecretStr = SecretStr("")
    """Secret of this server at the provider; empty: PKCE alone."""
    openid_scopes: str = "openid profile email"
    """What is asked of the provider, with spaces."""
    openid_groups: str = "groups"
    """Claim that lists a person's groups."""
    openid_name: str = "preferred_username"
    """Claim that becomes a person's name."""
    openid_roles: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_grants)] = ()
    """What groups may do, such as ``noc=operator`` or ``tv-team=designer@tv``; in the environment with commas."""

    @property
    def database_url(self) -> str:
        """The database, also when none was named."""
        return self.database or f"sqlite:///{self.data.absolute() / 'preroll.db'}"

    @property
    def embedded(self) -> bool:
        """Is the database a file of SQLite, which one engine has to itself?"""
        return self.database_url.startswith("sqlite:")

    @property
    def scripts_folder(self) -> Path:
        """The folder of scripts, also when none was named."""
        return self.scripts or self.data / "scripts"

    @property
    def secrets_folder(self) -> Path:
        """The folder of secrets, also when none was named."""
        return self.secrets or self.data / "secrets"

    @property
    def url(self) -> str:
        """Where the server answers."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def own_names(self) -> tuple[str, ...] | None:
        """The names by which the server may be called; None: any, because it listens on every address."""
        if self.host in ("0.0.0.0", "::") and not self.names:  # noqa: S104 - the administrator asked for it
            return None
        return (*LOOPBACK, self.host, *self.names)

    @property
    def where_public(self) -> str:
        """What lets others than this machine in; empty: nothing does."""
        if self.host not in LOOPBACK:
            return f"host {self.host}"
        return f"the name {self.names[0]}, of a proxy," if self.names else ""

    @property
    def is_public(self) -> bool:
        """May others than this machine reach the server?"""
        return bool(self.where_public)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def read(file: Path | None = None, **given: Any) -> Settings:
    """Read the settings.

    Args:
        file: a TOML file; None: only the environment.
        given: what the command line says; it wins over both.

    Raises:
        BadSettings: with every setting that is wrong, its name and what was expected.
    """
    if file is not None and not file.is_file():
        raise BadSettings(f"there is no settings file {file}", hint="check --config and PREROLL_CONFIG")
    _refuse_unknown(os.environ)

    class Sourced(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    try:
        settings = Sourced(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise BadSettings(_told(error, file), hint=f"set {PREFIX}<NAME>, or correct the file") from None
    except ValueError as error:  # tomllib and pydantic-settings tell of text that cannot be read in this way
        raise BadSettings(f"{file or 'the environment'}: {error}") from None
    if settings.mail_server and not settings.mail_from:
        raise BadSettings("mail_server is set, and mail_from is not", hint=f"set {PREFIX}MAIL_FROM to a mail address")
    dialect = urlsplit(settings.database_url).scheme
    if dialect not in DIALECTS:
        raise BadSettings(
            f"database: {dialect or 'nothing'} is not known", hint="one of sqlite:///FILE, postgresql://USER@HOST/NAME"
        )
    return Settings.model_construct(**dict(settings))


def made(folder: Path) -> Path:
    """The folder, which is made if it is not there.

    Raises:
        BadSettings: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSettings(
            f"the folder {folder} cannot be made: {error.strerror}", hint="choose another: --data, --scripts"
        ) from None
    return folder


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | OTHERS
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known and not name.startswith(SECRETS):
            near = get_close_matches(name.removeprefix(PREFIX), [one.removeprefix(PREFIX) for one in known], 1)
            hint = f"did you mean {PREFIX}{near[0]}?" if near else f"known are {', '.join(sorted(known))}"
            raise BadSettings(f"{name} is not a setting", hint=hint)


def _told(error: ValidationError, file: Path | None) -> str:
    lines = []
    for wrong in error.errors():
        name = ".".join(str(part) for part in wrong["loc"])
        known = ", ".join(Settings.model_fields)
        what = f"is not a setting (known: {known})" if wrong["type"] == "extra_forbidden" else wrong["msg"].lower()
        lines.append(f"{name} ({PREFIX}{name.upper()}{f' or {file}' if file else ''}): {what}")
    return "; ".join(lines)

# SPDX-License-Identifier: Apache-2.0
"""Reads secrets from HashiCorp Vault: version 2 of its key-value engine, by a token or by an AppRole.

Where it is and who asks is told by the variables of the vendor's own command line. What an answer holds is never told.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

import httpx

from preroll.scripts.places import Nowhere, OutOfReach

TIMEOUT = 5.0
"""Seconds that Vault has to answer."""
_LOGIN = "auth/approle/login"
_REASONS: Mapping[int, str] = {
    HTTPStatus.FORBIDDEN: "is not allowed by Vault: the policy of its token needs read on {path}",
    HTTPStatus.NOT_FOUND: "is not in Vault at {path}, or deleted there; or {mount} is not of the engine kv, version 2",
}


class Vault:
    """A Vault server, as the environment describes it.

    Args:
        environ: ``VAULT_ADDR``; ``VAULT_TOKEN``, or ``VAULT_ROLE_ID`` and ``VAULT_SECRET_ID``; ``VAULT_NAMESPACE`` and
            ``VAULT_CACERT`` where they are needed.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._token = ""
        """What the AppRole was given."""

    async def read(self, mount: str, path: str) -> Mapping[str, object]:
        """The fields of the newest version of a secret.

        Raises:
            Nowhere: there is none, or it may not be read.
            OutOfReach: Vault does not answer, or is sealed.
        """
        place = f"{mount}/data/{path}"
        async with self._client() as client:
            answer = await self._asked(client, "GET", place, headers=await self._badge(client))
            if answer.status_code == HTTPStatus.FORBIDDEN and self._token:
                self._token = ""
                answer = await self._asked(client, "GET", place, headers=await self._badge(client))
        if reason := _REASONS.get(answer.status_code):
            raise Nowhere(reason.format(path=place, mount=mount))
        match _members(answer):
            case {"data": {"data": dict(fields)}}:
                return fields
        raise Nowhere(f"is not in Vault at {place}: the answer ({answer.status_code}) is not one of version 2")

    def _client(self) -> httpx.AsyncClient:
        address = self._environ.get("VAULT_ADDR", "")
        if not address.startswith(("http://", "https://")):
            raise Nowhere("needs VAULT_ADDR, such as https://vault.example:8200, in the environment of the engine")
        headers = {"X-Vault-Request": "true"}
        if namespace := self._environ.get("VAULT_NAMESPACE"):
            headers["X-Vault-Namespace"] = namespace
        base = f"{address.rstrip('/')}/v1/"
        trusted = self._trusted() if base.startswith("https:") else False
        return httpx.AsyncClient(base_url=base, headers=headers, verify=trusted, timeout=TIMEOUT)

    def _trusted(self) -> ssl.SSLContext:
        authority = self._environ.get("VAULT_CACERT") or None
        try:
            return ssl.create_default_context(cafile=authority)
        except OSError as error:
            raise Nowhere(f"needs the certificate that VAULT_CACERT names, {authority}: {error.strerror}") from None

    async def _badge(self, client: httpx.AsyncClient) -> dict[str, str]:
        """The header that says who asks."""
        token = self._environ.get("VAULT_TOKEN") or self._token
        if not token:
            token = self._token = await self._logged_in(client)
        return {"X-Vault-Token": token}

    async def _logged_in(self, client: httpx.AsyncClient) -> str:
        role, secret = self._environ.get("VAULT_ROLE_ID"), self._environ.get("VAULT_SECRET_ID")
        if not (role and secret):
            raise Nowhere("needs VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID, in the environment of the engine")
        answer = await self._asked(client, "POST", _LOGIN, json={"role_id": role, "secret_id": secret})
        match _members(answer):
            case {"auth": {"client_token": str(token)}}:
                return token
        raise Nowhere(f"is in a Vault that refuses VAULT_ROLE_ID and VAULT_SECRET_ID ({answer.status_code})")

    async def _asked(
        self, client: httpx.AsyncClient, method: str, path: str, *,
        headers: Mapping[str, str] | None = None, json: object = None,
    ) -> httpx.Response:  # fmt: skip
        where = f"Vault at {client.base_url.host}:{client.base_url.port or client.base_url.scheme}"
        try:
            answer = await client.request(method, quote(path), headers=headers, json=json)
        except httpx.TimeoutException:
            raise OutOfReach(f"is not known: {where} did not answer in {TIMEOUT:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # its text can quote a header: a token
            raise OutOfReach(f"is not known: {where} cannot be reached ({type(error).__name__})") from None
        if answer.is_server_error or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            raise OutOfReach(f"is not known: {where} answers {answer.status_code} (sealed, or too much to do?)")
        return answer


def _members(answer: httpx.Response) -> object:
    try:
        return answer.json() if answer.is_success else None
    except ValueError:
        return None

# SPDX-License-Identifier: Apache-2.0
"""OpenID Connect: the code flow with PKCE (RFC 7636), at a provider that describes itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from preroll.domain.errors import NotSignedIn, ProviderUnavailable
from preroll.ports.accounts import Errand, Pending, Vouched

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Signatures that are taken; a secret that the client shares with the provider signs nothing here."""
LEEWAY = 60
"""Seconds by which the provider's clock may differ."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PARTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
PATIENCE = 10.0
"""Seconds that it may take to answer."""


@dataclass(frozen=True, slots=True)
class Registration:
    """How this server is known to the provider."""

    issuer: str
    client: str
    secret: str
    """Empty: PKCE alone proves who fetches the token."""
    scopes: str
    groups: str
    """Claim that lists a person's groups."""
    name: str
    """Claim that becomes a person's name here."""


class OpenIdProvider:
    """A provider; what it says of itself is asked for once, and its keys whenever one is not known."""

    def __init__(self, known: Registration, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._known, self._transport = known, transport
        self._metadata: Mapping[str, Any] = {}

    async def begin(self, redirect: str) -> Errand:
        state, nonce, verifier = token_urlsafe(32), token_urlsafe(32), token_urlsafe(48)
        metadata = await self._described()
        url = prepare_grant_uri(
            metadata["authorization_endpoint"], client_id=self._known.client, response_type="code",
            redirect_uri=redirect, scope=self._known.scopes, state=state, nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier), code_challenge_method="S256",
        )  # fmt: skip
        return Errand(url, state, nonce, verifier)

    async def finish(self, redirect: str, code: str, pending: Pending) -> Vouched:
        metadata = await self._described()
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect,
            "client_id": self._known.client, "code_verifier": pending.verifier,
        }  # fmt: skip
        if self._known.secret:
            form["client_secret"] = self._known.secret
        answer = await self._ask("POST", metadata["token_endpoint"], data=form)
        claims = self._claims(answer.get("id_token", ""), await self._ask("GET", metadata["jwks_uri"]), pending.nonce)
        groups = claims.get(self._known.groups)
        return Vouched(
            issuer=self._known.issuer,
            subject=str(claims["sub"]),
            name=str(claims.get(self._known.name) or ""),
            full_name=str(claims.get("name") or ""),
            groups=frozenset(map(str, groups)) if isinstance(groups, list) else frozenset(),
        )

    def _claims(self, token: object, keys: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """What the provider has signed, for this server and this sign-in."""
        try:
            found = jwt.decode(str(token), KeySet.import_key_set({"keys": keys["keys"]}), algorithms=ALGORITHMS)
            wanted = {"iss": {"value": self._known.issuer}, "aud": {"value": self._known.client}}
            claims = CodeIDToken(found.claims, found.header, wanted, {"nonce": nonce, "client_id": self._known.client})
            claims.validate(int(time.time()), LEEWAY)
        except (JoseError, KeyError, ValueError, TypeError) as error:
            raise NotSignedIn(f"what the provider says of this person does not hold: {error}") from None
        return dict(claims)

    async def _described(self) -> Mapping[str, Any]:
        if not self._metadata:
            url = get_well_known_url(self._known.issuer, external=True)
            self._metadata = self._sound(url, await self._ask("GET", url))
        return self._metadata

    def _sound(self, url: str, found: Mapping[str, Any]) -> Mapping[str, Any]:
        """What it says of itself, if that can be relied on: HTTPS, but for a provider on this machine."""
        if found.get("issuer") != self._known.issuer:
            raise ProviderUnavailable(f"{url} is of another issuer: {found.get('issuer')}")
        for part in PARTS:
            address = str(found.get(part) or "nothing")
            if not address.startswith("https://") and urlsplit(address).hostname not in LOOPBACK:
                raise ProviderUnavailable(f"{url}: {part} is {address}, and not an https address")
        return dict(found)

    async def _ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=PATIENCE, transport=self._transport) as http:
                answer = await http.request(method, url, **more)
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderUnavailable(f"{url}: {str(error) or type(error).__name__}") from None
        if answer.is_error or not isinstance(found, dict):
            said = found.get("error", "") if isinstance(found, dict) else ""
            if method == "POST" and 400 <= answer.status_code < 500:
                raise NotSignedIn(f"the provider refused the code: {said or answer.status_code}")
            raise ProviderUnavailable(f"{url} answers {answer.status_code} {said}")
        return found

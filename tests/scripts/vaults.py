# SPDX-License-Identifier: Apache-2.0
"""A small Vault: a real HTTP server that speaks the part of the API that reading a secret needs."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

ROOT, ROLE, ROLE_SECRET = "hvs.r00t-of-the-test", "role-1", "appr0le-secret"


class SmallVault(ThreadingHTTPServer):
    """Serves one namespace and the mount ``lab`` of the engine kv, version 2."""

    daemon_threads = True

    def __init__(self, namespace: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.namespace = namespace
        self.secrets: dict[str, dict[str, object] | None] = {}
        """Path -> fields; None: deleted."""
        self.tokens = {ROOT}
        self.sealed = False
        self.asked: list[str] = []
        self.logins = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def environ(self, **more: str) -> dict[str, str]:
        return {"VAULT_ADDR": self.address, "VAULT_TOKEN": ROOT, **more}


class _Answers(BaseHTTPRequestHandler):
    server: SmallVault

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        vault = self.server
        vault.asked.append(self.path)
        mount, _, path = unquote(self.path).removeprefix("/v1/").partition("/data/")
        if vault.sealed:
            self._tell(503, {"errors": ["Vault is sealed"]})
        elif self.headers["X-Vault-Token"] not in vault.tokens or self._namespace != vault.namespace:
            self._tell(403, {"errors": ["permission denied"]})
        elif mount != "lab" or path not in vault.secrets:
            self._tell(404, {"errors": []})
        else:
            fields = vault.secrets[path]
            data = {"data": fields, "metadata": {"version": 3, "destroyed": False}}
            self._tell(404 if fields is None else 200, {"request_id": "1", "lease_duration": 0, "data": data})

    def do_POST(self) -> None:
        vault = self.server
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/auth/approle/login" or given != {"role_id": ROLE, "secret_id": ROLE_SECRET}:
            self._tell(400, {"errors": ["invalid role or secret ID"]})
            return
        vault.logins += 1
        token = f"hvs.of-the-role-{vault.logins}"
        vault.tokens.add(token)
        self._tell(200, {"auth": {"client_token": token, "lease_duration": 1200, "renewable": True}, "data": None})

    @property
    def _namespace(self) -> str:
        return self.headers.get("X-Vault-Namespace", "")

    def _tell(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextlib.contextmanager
def small_vault(namespace: str = "") -> Iterator[SmallVault]:
    """Started, and ended."""
    vault = SmallVault(namespace)
    thread = threading.Thread(target=vault.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield vault
    finally:
        vault.shutdown()
        vault.server_close()
        thread.join(60)

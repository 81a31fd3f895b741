# SPDX-License-Identifier: Apache-2.0
"""A small receiver of webhooks: believes only what is signed, and takes every message once.

SIGNING_SECRET=whsec_... python receiver.py 8090
"""

from __future__ import annotations

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SIGNED = Webhook(os.environ["SIGNING_SECRET"])
LONGEST = 1_000_000
known: set[str] = set()  # a real receiver keeps the ids where a restart does not lose them


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to what it has taken; any other answer has Preroll send it again."""

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), LONGEST))
        try:
            said = SIGNED.verify(body, {name.lower(): value for name, value in self.headers.items()})
        except WebhookVerificationError as error:
            self.answer(401, str(error))
            return
        ident = self.headers["webhook-id"]
        if ident not in known:
            known.add(ident)
            print(said["type"], said["data"]["id"], said["data"]["state"], flush=True)
        self.answer(204)

    def answer(self, status: int, text: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Only what is taken is printed."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    print(f"listening on port {server.server_port}", flush=True)
    server.serve_forever()

"""An identity provider: real HTTP on loopback, real signatures."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

AUDIENCE = "lectern"


class ScriptedOidc:
    """Serves discovery and keys inside a `with`; `rotate` makes a new key, `is_away` says 503."""

    def __init__(self) -> None:
        self.is_away = False
        self.calls_itself: str | None = None
        self.fetches = 0
        self._keys: dict[str, rsa.RSAPrivateKey] = {}
        self.rotate()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(provider._answer(self.path)).encode()
                self.send_response(503 if provider.is_away else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def public_pem(self) -> bytes:
        return (
            self._keys[self.key_id]
            .public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def rotate(self) -> None:
        """From now on sign with a new key, and publish only that."""
        self.key_id = f"key-{len(self._keys)}"
        self._keys[self.key_id] = rsa.generate_private_key(65537, 2048)

    def claims(self, **more: Any) -> dict[str, Any]:  # noqa: ANN401
        now_s = int(time.time())
        usual = {"iss": self.issuer, "aud": AUDIENCE, "sub": "ann", "exp": now_s + 300}
        return {name: one for name, one in {**usual, **more}.items() if one is not None}

    def token(self, *, key_id: str | None = None, **more: Any) -> str:  # noqa: ANN401
        """A token with these claims besides the usual ones; None leaves one out."""
        headers = {"kid": key_id or self.key_id}
        key = self._keys[self.key_id]
        return jwt.encode(self.claims(**more), key, algorithm="RS256", headers=headers)

    def _answer(self, path: str) -> dict[str, Any]:
        if path == "/.well-known/openid-configuration":
            issuer = self.calls_itself or self.issuer
            return {"issuer": issuer, "jwks_uri": f"{self.issuer}/keys"}
        self.fetches += 1
        public = self._keys[self.key_id].public_key()
        key = json.loads(RSAAlgorithm.to_jwk(public))
        return {"keys": [{**key, "kid": self.key_id, "use": "sig", "alg": "RS256"}]}

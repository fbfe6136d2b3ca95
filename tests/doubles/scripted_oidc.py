"""An identity provider: real HTTP on loopback, real signatures."""

from __future__ import annotations

import json
import ssl
import threading
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.doubles.serving import Handler, Serving

AUDIENCE = "lectern"


class ScriptedOidc(Serving):
    """Serves discovery and keys inside a `with`; `rotate` makes a new key, `is_away` says 503.

    Answers wait for `goes_on`, and do not end while it `trickles`.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.is_away = False
        self.trickles = False
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.calls_itself: str | None = None
        self.fetches = 0
        self.asked = threading.Event()
        self._keys: dict[str, rsa.RSAPrivateKey] = {}
        self.rotate()
        super().__init__(_Handler, tls=tls)

    @property
    def issuer(self) -> str:
        return self.root_url

    @property
    def public_pem(self) -> bytes:
        return (
            self._keys[self.key_id]
            .public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )

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

    def tells(self, path: str) -> dict[str, Any]:
        if path == "/.well-known/openid-configuration":
            issuer = self.calls_itself or self.issuer
            return {"issuer": issuer, "jwks_uri": f"{self.issuer}/keys"}
        self.fetches += 1
        public = self._keys[self.key_id].public_key()
        key = json.loads(RSAAlgorithm.to_jwk(public))
        return {"keys": [{**key, "kid": self.key_id, "use": "sig", "alg": "RS256"}]}


class _Handler(Handler):
    double: ScriptedOidc

    def answer(self) -> None:
        self.double.asked.set()
        self.double.goes_on.wait(60)
        if self.double.trickles:
            self.send_response(200)
            self.end_headers()
        while self.double.trickles:
            self.wfile.write(b" ")
            time.sleep(0.02)
        body = json.dumps(self.double.tells(self.path)).encode()
        self.reply(503 if self.double.is_away else 200, body)

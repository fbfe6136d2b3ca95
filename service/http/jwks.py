"""The public keys of an identity provider, fetched when they are needed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from jwt import PyJWK, PyJWTError

from corpus.errors import IdentityUnavailable

FETCH_LIMIT_S = 5.0  # for all of it: whoever needs a key waits no longer
MAX_BYTES = 1 << 20
FRESH_S = 3600.0
AGAIN_S = 30.0  # between two looks for a key that is not there: anybody can ask for one

_ASYMMETRIC = {"RSA", "EC", "OKP"}

log = logging.getLogger("lectern.http")


class ProviderKeys:
    """Public keys by their id; what was fetched serves on while the provider is away."""

    def __init__(
        self,
        issuer: str,
        clock: Callable[[], float] = time.monotonic,
        *,
        limit_s: float = FETCH_LIMIT_S,
    ) -> None:
        self._issuer = issuer
        self._clock = clock
        self._limit_s = limit_s
        self._keys: Mapping[str, Any] = {}
        self._tried_s: float | None = None
        self._failed = False
        self._turn = threading.Lock()
        self._over = threading.Event()  # the last fetch
        self._over.set()

    def find(self, key_id: str | None) -> Any | None:  # noqa: ANN401  a key of `cryptography`
        """The key of this id, None without it. Raises `IdentityUnavailable`.

        Without an id: the one key that there is, if it is one. May fetch: call it in a thread.
        """
        if self._get(key_id) is None or self._age_s() > (AGAIN_S if self._failed else FRESH_S):
            self._fetch()
        found = self._get(key_id)
        if found is None and self._failed:
            raise IdentityUnavailable(f"{self._issuer} does not answer.")
        return found

    def _get(self, key_id: str | None) -> Any | None:  # noqa: ANN401
        if key_id is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(key_id)

    def _age_s(self) -> float:
        return float("inf") if self._tried_s is None else self._clock() - self._tried_s

    def _fetch(self) -> None:
        with self._turn:
            is_ours = self._over.is_set() and self._age_s() >= AGAIN_S
            if is_ours:
                self._tried_s, self._over = self._clock(), threading.Event()
                # Looking up the provider's name, for one, cannot be told to end.
                threading.Thread(
                    target=self._ask, args=(self._over,), name="oidc-keys", daemon=True
                ).start()
            over = self._over
        # Who has keys already does not wait for new ones that another is fetching.
        if (is_ours or not self._keys) and not over.wait(self._limit_s - self._age_s()):
            self._failed = True

    def _ask(self, over: threading.Event) -> None:
        try:
            self._keys, self._failed = _fetched(self._issuer, self._limit_s), False
        except Exception as error:  # noqa: BLE001  whatever it is, there are no keys
            self._failed = True
            log.warning("the keys of %s could not be fetched: %s", self._issuer, error)
        finally:
            over.set()


def _fetched(issuer: str, limit_s: float) -> Mapping[str, Any]:
    # No proxy of the environment, but its authorities: SSL_CERT_FILE, SSL_CERT_DIR.
    authorities, ends_s = httpx.create_ssl_context(), time.monotonic() + limit_s
    with httpx.Client(verify=authorities, timeout=limit_s, trust_env=False) as client:
        address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        said = _json(client, address, ends_s)
        if said["issuer"] != issuer:
            raise ValueError(f"it calls itself {said['issuer']!r}")
        if issuer.startswith("https:") and not said["jwks_uri"].startswith("https:"):
            raise ValueError("its keys do not come by HTTPS")
        listed = _json(client, said["jwks_uri"], ends_s)["keys"]
    found = {}
    for number, one in enumerate(listed):
        if one.get("kty") in _ASYMMETRIC and one.get("use") != "enc":
            try:
                found[one.get("kid") or f"#{number}"] = PyJWK.from_dict(one).key
            except PyJWTError as error:
                log.warning("a key of %s cannot be used: %s", issuer, error)
    if not found:
        raise ValueError("it tells of no key that can be used")
    return found


def _json(client: httpx.Client, address: str, ends_s: float) -> Any:  # noqa: ANN401
    with client.stream("GET", address) as response:
        response.raise_for_status()
        body = b""
        for piece in response.iter_bytes():
            body += piece
            if time.monotonic() > ends_s:
                raise ValueError(f"{address} takes too long")
            if len(body) > MAX_BYTES:
                raise ValueError(f"{address} does not end")
    return httpx.Response(200, content=body).json()

"""By what a request presents: who sent it."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Protocol

from corpus.errors import Unauthorized, Unavailable
from corpus.keys import PREFIX, Key
from corpus.registry.database.engine import Registry
from corpus.registry.keys import any_keys, key_of, note_use
from service.callers import OPERATOR, STRANGER, Caller, bearer_of
from service.http.recorder import Recorder

NOTED_EVERY = timedelta(minutes=1)
MAX_KNOWN = 100

_NEEDED = "This service asks for a key."
# The same for all that is not accepted: nobody learns that a key was a good one once.
_REFUSED = "The key is not accepted."


class Tokens(Protocol):
    """Tokens of an identity provider."""

    def caller_of(self, token: str) -> Caller:
        """Who the token is of; raises `Unauthorized`, or `Unavailable` without the provider."""
        ...


class Authenticator:
    """Finds callers; its functions ask the registry, so call them in a thread.

    The registry is asked at every request, so a key that is revoked is refused from then on. Only
    that there are keys is remembered: there always will be. Where others could come there are
    (`is_closed`), whether the registry can say so or not.
    """

    def __init__(
        self,
        registry: Callable[[], Registry],
        recorder: Recorder,
        *,
        operator_key: str | None,
        is_closed: bool = False,
        tokens: Tokens | None = None,
    ) -> None:
        self._registry = registry
        self._recorder = recorder
        self._operator_key = operator_key
        self._tokens = tokens
        self._is_closed = is_closed or tokens is not None
        self._noted: dict[str, datetime] = {}
        self._known: dict[str, Caller] = {}  # who read figures, by the hash of their header

    def caller_of(self, authorization: str | None) -> Caller:
        """Who sent this header. Raises `Unauthorized`, or `Unavailable` without the registry."""
        presented = _bearer(authorization)
        if presented is not None and self._is_operators(presented):
            return OPERATOR
        if not self._asks_for_keys():
            return OPERATOR
        if presented is None:
            raise Unauthorized(_NEEDED)
        if self._tokens is not None and self.asks_provider(authorization):
            return self._tokens.caller_of(presented)
        with self._registry().read() as connection:
            key = key_of(connection, presented)
        if key is None:
            raise Unauthorized(_REFUSED)
        self._note_use(key)
        return bearer_of(key)

    def asks_provider(self, authorization: str | None) -> bool:
        """Whether finding who sent this may take as long as an identity provider does."""
        presented = _bearer(authorization)
        has_token = presented is not None and not presented.startswith(PREFIX)
        return has_token and self._tokens is not None

    def caller_or_stranger(self, authorization: str | None) -> Caller:
        """The same for what is open to all, also while the registry does not answer."""
        try:
            return self.caller_of(authorization)
        except Unauthorized:
            return STRANGER
        except Unavailable:
            return STRANGER if self._is_closed else OPERATOR

    def caller_as_known(self, authorization: str | None) -> Caller:
        """The same for figures: while the registry does not answer, as it was at the last look.

        They are needed most then. Raises as `caller_of` for who was not known before.
        """
        presented = sha256((authorization or "").encode(errors="surrogatepass")).hexdigest()
        try:
            caller = self.caller_of(authorization)
        except Unavailable:
            if not self._is_closed:
                return OPERATOR
            if presented not in self._known:
                raise
            return self._known[presented]
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[presented] = caller
        return caller

    def _is_operators(self, presented: str) -> bool:
        given, own = presented.encode(errors="surrogatepass"), self._operator_key
        return own is not None and hmac.compare_digest(given, own.encode())

    def _asks_for_keys(self) -> bool:
        if not self._is_closed:
            with self._registry().read() as connection:
                self._is_closed = any_keys(connection)
        return self._is_closed

    def _note_use(self, key: Key) -> None:
        now = datetime.now(UTC)
        last = max(filter(None, (key.last_used_at, self._noted.get(key.id))), default=None)
        if last is None or now - last >= NOTED_EVERY:
            self._noted[key.id] = now
            self._recorder.put(lambda connection: note_use(connection, key.id))


def _bearer(authorization: str | None) -> str | None:
    """What stands behind `Bearer`; None without it. Another scheme is as good as a wrong key."""
    if not authorization:
        return None
    scheme, _, presented = authorization.strip().partition(" ")
    return presented.strip() if scheme.lower() == "bearer" else ""

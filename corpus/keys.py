"""Keys: who their bearer is and what they may do, and what a secret looks like. Pure.

`lk_<id>_<secret>`: the beginning tells scanners of leaked secrets what it is, the id finds the row.
The registry has the SHA-256 of a secret alone. That is enough here, where it would not be for a
password: 256 random bits cannot be guessed through any hash. Nor can the time of the look-up
tell anything, for what is compared is the hash, which nobody can choose byte by byte.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from corpus.access import Reader
from corpus.attributes import check_acl
from corpus.errors import InvalidRequest
from corpus.names import COLLECTION_NAME, check_collection_name

PREFIX = "lk_"
LOCAL_ID = "local"  # of the secret with which the commands on the server's machine come

_ID_BYTES = 6
_SECRET_BYTES = 32
_PRESENTED = re.compile(rf"lk_([0-9a-f]{{12}}|{LOCAL_ID})_[0-9a-f]{{64}}")


class Scope(StrEnum):
    """What a caller may do.

    Ask and read; upload, change and delete documents; read the figures of /metrics; everything.
    """

    READ = "read"
    WRITE = "write"
    METRICS = "metrics"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key is for.

    `collections` None: all of them. `may_act_for`: its bearer, a backend, may say for whom it asks.
    `questions_per_day` counts days of UTC. None: no limit.
    """

    name: str
    scopes: frozenset[Scope]
    collections: frozenset[str] | None = None
    principals: tuple[str, ...] = ()
    may_act_for: bool = False
    requests_per_minute: int | None = None
    questions_per_day: int | None = None
    expires_at: datetime | None = None

    @property
    def principal(self) -> str:
        """The name under which documents can be for whoever has this key."""
        return f"key:{self.name}"


@dataclass(frozen=True, slots=True)
class Key:
    """A key as the registry has it; `previous_until`: how long its secret before goes on."""

    id: str
    grant: Grant
    created_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    previous_until: datetime | None = None

    def reader(self) -> Reader:
        """With whose eyes its bearer reads: an administrator's see every document."""
        owner, within = f"key:{self.id}", self.grant.collections
        if Scope.ADMIN in self.grant.scopes:
            return Reader(None, within, owner)
        return Reader(frozenset({self.grant.principal, *self.grant.principals}), within, owner)


def check_grant(grant: Grant) -> None:
    """Raise `InvalidRequest` for what no key can be."""
    if not re.fullmatch(COLLECTION_NAME, grant.name):
        raise InvalidRequest(
            f"{grant.name[:80]!r} cannot be the name of a key.",
            hint="Use 1 to 64 letters, digits, '-' or '_', starting with a letter or digit.",
        )
    if not grant.scopes:
        raise InvalidRequest("A key without a scope opens nothing.", hint="Give it a --scope.")
    for name in grant.collections or ():
        check_collection_name(name)
    check_acl(grant.principals)
    for limit in (grant.requests_per_minute, grant.questions_per_day):
        if limit is not None and not 1 <= limit <= 1_000_000_000:
            raise InvalidRequest(f"{limit} is no limit.", hint="Give a number from 1.")


def scopes_of(names: Sequence[str]) -> frozenset[Scope]:
    """The scopes of these names; raises `InvalidRequest`."""
    try:
        return frozenset(Scope(name) for name in names)
    except ValueError as error:
        raise InvalidRequest(f"{error}.", hint=f"Scopes are: {', '.join(Scope)}.") from error


def new_id() -> str:
    """An id for a key: 12 hexadecimal digits."""
    return secrets.token_hex(_ID_BYTES)


def new_secret(key_id: str) -> str:
    """What the bearer of the key presents, whole."""
    return f"lk_{key_id}_{secrets.token_hex(_SECRET_BYTES)}"


def hash_of(presented: str) -> str:
    """What is kept of it: SHA-256 as 64 hexadecimal digits."""
    return sha256(presented.encode(errors="surrogatepass")).hexdigest()


def id_in(presented: str) -> str | None:
    """The id that a presented secret names; None where it has not the shape of one."""
    match = _PRESENTED.fullmatch(presented)
    return match[1] if match else None

"""What a process waits for when it starts: its registry, and the switch of a reindex."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.errors import EmbeddingMismatch, StorageUnavailable
from corpus.registry.database.engine import Registry
from corpus.registry.fingerprints import begin_as
from corpus.registry.indexes import known_indexes
from corpus.settings import Settings
from lectern.server.opening import registry_to_work_with

T = TypeVar("T")

log = logging.getLogger("lectern.server")

# The tables have to be there before anything else; then whoever started the process decides.
REGISTRY_LIMIT_S = 30.0
REGISTRY_AGAIN_S = 2.0
SWITCH_AGAIN_S = 2.0


def awaited_registry(settings: Settings, *, limit_s: float = REGISTRY_LIMIT_S) -> Registry:
    """The registry that the settings name. It is waited for, as by `while_starting`."""
    return while_starting(settings, lambda: registry_to_work_with(settings), limit_s=limit_s)


def while_starting(
    settings: Settings, do: Callable[[], T], *, limit_s: float = REGISTRY_LIMIT_S
) -> T:
    """What `do` returns, which may be called several times.

    A Postgres that does not answer is waited for: servers start side by side, and it may be
    restarted while a process loads its models.

    Raises what the last try raised after `limit_s` seconds, and `Misconfigured` at once.
    """
    ends_s = time.monotonic() + limit_s
    while True:
        try:
            return do()
        except StorageUnavailable as error:
            if settings.database_url is None or time.monotonic() >= ends_s:
                raise
            log.warning("%s It is tried again for %.0f s.", error.detail, limit_s)
        time.sleep(REGISTRY_AGAIN_S)


def begin_embedding(
    settings: Settings,
    registry: Registry,
    fingerprint: EmbeddingFingerprint,
    ended: threading.Event | None = None,
) -> None:
    """Begin as a process that embeds so, where everything is embedded so.

    While a reindex on a server is at work to embed everything so, its switch is waited for, until
    `ended` is set: new processes can be started before it, and serve from it on. Otherwise raises
    `EmbeddingMismatch`. Once `ended` is set, nothing may be done.
    """
    ended = ended or threading.Event()
    is_told = False
    while True:
        try:
            while_starting(settings, partial(_begin_as, registry, fingerprint))
        except EmbeddingMismatch:
            if not settings.index_is_shared or not while_starting(
                settings, partial(_is_being_built, registry, fingerprint)
            ):
                # The switch may have come between the two looks.
                while_starting(settings, partial(_begin_as, registry, fingerprint))
                return
            if not is_told:
                log.warning("everything is being embedded as it is here: the switch is waited for")
            is_told = True
            if ended.wait(SWITCH_AGAIN_S):
                return  # whoever asked to end it does nothing more
        else:
            return


def _begin_as(registry: Registry, fingerprint: EmbeddingFingerprint) -> None:
    with registry.write() as connection:
        begin_as(connection, fingerprint.as_json())


def _is_being_built(registry: Registry, fingerprint: EmbeddingFingerprint) -> bool:
    with registry.read() as connection:
        known = known_indexes(connection)
    return any(one.is_at_work and one.name == fingerprint.short for one in known)

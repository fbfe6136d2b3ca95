"""What the service stands on, and whether it can answer without what is away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from corpus.errors import StorageUnavailable, Unavailable


@dataclass(frozen=True, slots=True)
class Away:
    """What is wrong with a dependency: a stable code, and a sentence."""

    code: str
    detail: str


REGISTRY, INDEX, ORIGINALS, WORKER = "registry", "index", "originals", "worker"
NO_WORKER = Away("no_worker", "no worker is alive")


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something that the service stands on.

    `look` says within seconds what is wrong with it now; None: nothing is. Without one that
    `is_needed` the service is not ready. Without another one it answers all the same.
    """

    name: str
    look: Callable[[], Away | None]
    is_needed: bool = True


def by_ping(ping: Callable[[], Away | None]) -> Callable[[], Away | None]:
    """A `look` that calls what raises `Unavailable` when it is away, or says so."""

    def look() -> Away | None:
        try:
            return ping()
        except Unavailable as error:
            return Away(error.code, error.detail)
        except SQLAlchemyError:
            return Away(StorageUnavailable.code, "the database does not answer")

    return look


@dataclass(frozen=True, slots=True)
class Readiness:
    """What was found of the dependencies, in their order."""

    found: Sequence[tuple[Dependency, Away | None]]

    @property
    def is_ready(self) -> bool:
        """Whether all that is needed is there."""
        return all(away is None for one, away in self.found if one.is_needed)

    @property
    def degraded(self) -> list[str]:
        """The codes of what is away and not needed."""
        return [away.code for one, away in self.found if away is not None and not one.is_needed]


def look_at(dependencies: Sequence[Dependency]) -> Readiness:
    """How they are now; takes as long as the slowest of them."""
    # One behind the other, those that hang would take longer than a probe waits.
    with ThreadPoolExecutor(len(dependencies)) as threads:
        found = threads.map(lambda one: one.look(), dependencies)
        return Readiness(tuple(zip(dependencies, found, strict=True)))

"""What there is on a Qdrant server, for whoever operates it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from corpus.index.server.collection import (
    PREFIX,
    CollectionLayout,
    is_too_old,
    oldest_version,
    remarks,
)
from corpus.index.server.connection import ServerAddress, connect, server_errors


@dataclass(frozen=True, slots=True)
class Survey:
    """`collections` are Lectern's, with about how many nodes each has; `remarks` are sentences."""

    version: str
    collections: tuple[tuple[str, int], ...]
    remarks: tuple[str, ...]


def survey(address: ServerAddress, layout: CollectionLayout) -> Survey:
    """Ask the server; changes nothing. Raises `IndexUnavailable`."""
    collections = []
    noted = []
    with closing(connect(address)) as client, server_errors():
        version = client.info().version
        if is_too_old(version):
            noted.append(f"the server is older than {oldest_version()}")
        for one in client.get_collections().collections:
            if one.name.startswith(PREFIX):
                info = client.get_collection(one.name)
                collections.append((one.name, info.points_count or 0))
                noted += [f"{one.name} {said}" for said in remarks(client, info, layout)]
    return Survey(version, tuple(sorted(collections)), tuple(noted))

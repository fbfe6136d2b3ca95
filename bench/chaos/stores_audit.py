"""The end of a run, seen in the stopped data folder: registry, index, originals and queue agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from corpus.embedding.minilm import DIMENSION
from corpus.index.edge.store import EdgeVectorStore
from corpus.index.open import EDGE_FOLDER
from corpus.nodes import node_id
from corpus.registry.database.engine import Registry
from corpus.registry.schema import documents, jobs, versions
from corpus.values import FINAL_STATUSES


@dataclass(frozen=True, slots=True)
class StoresReport:
    """Totals, what must not be (a sentence each), and what a kill may leave for the reconciler."""

    documents: int
    chunks: int
    nodes: int
    originals: int
    violations: tuple[str, ...]
    leftovers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Live:
    document_id: str
    version: int
    chunks: int

    def node_ids(self) -> set[str]:
        return {node_id(self.document_id, self.version, number) for number in range(self.chunks)}


def audit_stores(data_dir: Path, registry: Registry) -> StoresReport:
    """Look at everything; no server may run on the folder, which must use Qdrant Edge."""
    staged = [path.name for path in (data_dir / "originals" / "staging").rglob("*")]
    return compare_stores(registry, _node_ids(data_dir), _originals(data_dir), staged)


def compare_stores(
    registry: Registry, nodes: Counter[str], originals: set[str], staged: Sequence[str] = ()
) -> StoresReport:
    """What the registry knows, beside the ids of all nodes and the hashes of all originals."""
    live, kept = _live_versions(registry), _kept_originals(registry)
    problems = [*_unfinished(registry), *_index_problems(live, nodes)]
    problems += [f"the original {sha256} is missing" for sha256 in kept - originals]
    expected = {one for version in live for one in version.node_ids()}
    leftovers = [
        *(f"the node {one} belongs to nothing" for one in nodes.keys() - expected),
        *(f"the original {sha256} belongs to nothing" for sha256 in originals - kept),
        *(f"staging still holds {name}" for name in staged),
    ]
    return StoresReport(
        documents=len(live),
        chunks=sum(one.chunks for one in live),
        nodes=nodes.total(),
        originals=len(originals),
        violations=tuple(problems),
        leftovers=tuple(leftovers),
    )


def _live_versions(registry: Registry) -> list[_Live]:
    query = (
        select(documents.c.id, versions.c.version, versions.c.chunks)
        .join(
            versions,
            (versions.c.document_id == documents.c.id)
            & (versions.c.version == documents.c.live_version),
        )
        .where(documents.c.deleted_at.is_(None))
    )
    with registry.read() as connection:
        return [_Live(*row) for row in connection.execute(query)]


def _kept_originals(registry: Registry) -> set[str]:
    with registry.read() as connection:
        return set(connection.execute(select(versions.c.content_sha256)).scalars())


def _unfinished(registry: Registry) -> Iterator[str]:
    with registry.read() as connection:
        for document_id, deleted_at, live in connection.execute(
            select(documents.c.id, documents.c.deleted_at, documents.c.live_version)
        ):
            if deleted_at is not None:
                yield f"the deletion of {document_id} did not end"
            elif live is None:
                yield f"{document_id} has no live version"
        for document_id, version, state in connection.execute(
            select(jobs.c.document_id, jobs.c.version, jobs.c.state).where(
                jobs.c.state.in_(["queued", "running"])
            )
        ):
            yield f"the job of {document_id}, version {version} is {state}"
        newest = select(versions.c.document_id, versions.c.status).join(
            documents,
            (documents.c.id == versions.c.document_id)
            & (documents.c.version == versions.c.version),
        )
        for document_id, status in connection.execute(newest):
            if status not in FINAL_STATUSES:
                yield f"the newest version of {document_id} is {status}"


def _index_problems(live: list[_Live], nodes: Counter[str]) -> Iterator[str]:
    for one in live:
        missing = len(one.node_ids() - nodes.keys())
        if missing:
            yield f"{missing} of {one.chunks} nodes of {one.document_id} are missing"
    yield from (
        f"the node {one} is there {count} times" for one, count in nodes.items() if count > 1
    )


def _node_ids(data_dir: Path) -> Counter[str]:
    store = EdgeVectorStore.open(data_dir / EDGE_FOLDER, DIMENSION)
    try:
        return Counter(node.node_id for node in store.get_nodes())
    finally:
        store.close()


def _originals(data_dir: Path) -> set[str]:
    return {path.name for path in (data_dir / "originals").glob("??/*") if path.is_file()}

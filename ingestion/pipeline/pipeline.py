"""One version's way from its original to its nodes: parse, chunk, embed, index, go live."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import MetadataMode, TextNode
from sqlalchemy import Connection

from corpus.deletion import drop_originals, remove_buried
from corpus.embedding.tokens import TokenCounter
from corpus.errors import IndexUnavailable, NeedsOcr, NoText
from corpus.index.selections import of_version, of_version_beyond, of_versions_before
from corpus.kinds.known import FileKind, kind_named
from corpus.kinds.recognition import detect_kind
from corpus.originals.port import OriginalStore
from corpus.registry.children import settle_children
from corpus.registry.database.engine import Registry
from corpus.registry.donors import Donor, find_donors
from corpus.registry.families import room_for_children
from corpus.registry.fingerprints import hold_fingerprint
from corpus.registry.jobs import queued_since
from corpus.registry.leases import Lease
from corpus.registry.loose_originals import strike_loose
from corpus.registry.retention import retire_versions
from corpus.registry.versions import Version, complete_version, find_version
from corpus.reports import VersionReport
from corpus.tracing import UNTRACED, Tracing
from corpus.values import Coverage, PageText, Status
from ingestion.chunking.chunking import DocumentContext, chunk_document
from ingestion.measures import NOT_MEASURED, IngestionMeasures
from ingestion.parsing.parsed import ParsedDocument
from ingestion.parsing.sandbox.scratch import Scratch
from ingestion.pipeline.attachments import StagedChildren, staged_children
from ingestion.pipeline.deadlines import embedding_deadline
from ingestion.pipeline.pace import Pace
from ingestion.pipeline.ports import NodeWriter, Parser
from ingestion.pipeline.progress import LostJobError, ProgressReporter
from ingestion.pipeline.reporting import embedded_tokens, page_records, report_of
from ingestion.pipeline.reuse import KnownEmbeddings
from ingestion.pipeline.stopwatch import Stopwatch
from ingestion.programs.workspace import Workspace

EMBED_BATCH = 64  # nodes embedded and written per step: bounds memory, paces the progress


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The parts that one ingestion uses; `run` may be called again and again.

    `measures` is told of each version that went live; the stages are spans of `tracing`.
    """

    registry: Registry
    originals: OriginalStore
    parser: Parser
    embedding: BaseEmbedding
    tokens: TokenCounter
    fingerprint: dict[str, str | int | bool]
    store: NodeWriter
    chunk_tokens: int
    document_timeout_s: float
    workspace: Workspace
    stop: threading.Event
    pace: Pace = field(default_factory=Pace)
    measures: IngestionMeasures = NOT_MEASURED
    tracing: Tracing = UNTRACED

    def run(self, lease: Lease) -> None:
        """Ingest the lease's version.

        Raises `LostJobError`, `StoppingError`, an `UnreadableFile` (the file is at fault) or an
        `Unavailable` (trying again may help).
        """
        self.store.ping()  # nothing is read for an index that is away
        with self.registry.write() as connection:
            version = find_version(connection, lease.document_id, lease.version)
            self._hold_fingerprint(connection, version)
            since = queued_since(connection, lease.document_id, lease.version)
            watch = Stopwatch(since, self.tracing)
            room = room_for_children(connection, lease.document_id)
        with self.workspace.folder() as folder:
            # What is in a mail is not larger than it.
            self._ingest(lease, version, watch, Scratch(folder, version.size_bytes), room)
        if lease.version > 1:
            self.store.delete_nodes(filters=of_versions_before(lease.document_id, lease.version))

    def _hold_fingerprint(self, connection: Connection, version: Version) -> None:
        if not hold_fingerprint(connection, version.collection, self.fingerprint):
            raise LostJobError  # a newer version of the program has it cut in another way

    def remove_nodes(self, lease: Lease) -> None:
        """Remove the nodes of the lease's version from the index."""
        self.store.delete_nodes(filters=of_version(lease.document_id, lease.version))

    def _ingest(
        self, lease: Lease, version: Version, watch: Stopwatch, scratch: Scratch, room: int
    ) -> None:
        reporter = ProgressReporter(self.registry, lease, self.pace, self.stop)
        with watch.stage("parsing"):
            parsed, kind = self._parse(version, reporter, scratch if room else None)
        parsing_s = reporter.stage_s()
        _require_text(version, parsed)
        with watch.stage("chunking"):
            nodes = chunk_document(
                parsed,
                context=DocumentContext(
                    collection=version.collection,
                    document_id=version.document_id,
                    version=version.version,
                    filename=version.filename,
                    # As it is read now: it may have been uploaded before this kind was known.
                    media_type=kind.media_type,
                    created_at=version.created_at.isoformat(),
                ),
                tokens=self.tokens,
                chunk_tokens=self.chunk_tokens,
            )
            sizes = embedded_tokens(nodes, self.tokens)
        self.pace.learn_parsing(len(parsed.pages), parsing_s, len(nodes))
        known = KnownEmbeddings(self.store, self._donors(lease, version, len(nodes)), nodes)
        reused_count = self._embed_and_write(nodes, known, reporter, watch)
        reporter.say(Status.INDEXING, len(nodes), len(nodes))
        pages = page_records(parsed)
        with staged_children(self.originals, scratch, parsed.attachments, room=room) as staged:
            parsed = parsed.model_copy(update={"warnings": (*parsed.warnings, *staged.warnings)})
            report = report_of(parsed, pages, sizes, parser=kind.name, timings_ms=watch.timings())
            self._go_live(lease, version, parsed, pages, report, len(nodes), reused_count, staged)
        self.measures.ingested(
            pages=len(parsed.pages),
            chunks=len(nodes),
            reused=reused_count,
            timings=report.timings_ms,
        )

    def _count(self, lease: Lease) -> int:
        return self.store.count(of_version(lease.document_id, lease.version))

    def _parse(
        self, version: Version, reporter: ProgressReporter, scratch: Scratch | None
    ) -> tuple[ParsedDocument, FileKind]:
        reporter.say(Status.PARSING, 0, 0)
        with self.originals.local_copy(version.content_sha256) as path:
            kind = detect_kind(path, version.filename)
            parsed = self.parser.parse(path, kind, on_progress=reporter.parsing, scratch=scratch)
            return parsed, kind

    def _donors(self, lease: Lease, version: Version, chunk_count: int) -> list[Donor]:
        """Versions whose embeddings may do; what an earlier try of this one wrote comes first."""
        with self.registry.read() as connection:
            others = find_donors(
                connection, lease.document_id, version.content_sha256, self.fingerprint
            )
        own = Donor(lease.document_id, lease.version, chunk_count)
        return [own, *others] if lease.claims > 1 or lease.failures else others

    def _embed_and_write(
        self,
        nodes: Sequence[TextNode],
        known: KnownEmbeddings,
        reporter: ProgressReporter,
        watch: Stopwatch,
    ) -> int:
        """Write all nodes; how many of them had a known embedding."""
        done = reused_count = 0
        deadline = embedding_deadline(len(nodes), base_s=self.document_timeout_s)
        reporter.say(Status.EMBEDDING, done, len(nodes))
        for batch in _batches(nodes, EMBED_BATCH):
            with watch.stage("embedding"):
                reused_count += self._embed(batch, known)
            with watch.stage("indexing"):
                self.store.add(batch)
            for node in batch:
                node.embedding = None  # written: a long document must not hold all its vectors
            done += len(batch)
            deadline.check()
            reporter.embedding(done, len(nodes))
        self.pace.learn_embedding(done - reused_count, reporter.stage_s())
        return reused_count

    def _embed(self, batch: Sequence[TextNode], known: KnownEmbeddings) -> int:
        """Give each node its embedding; how many had a known one."""
        unknown = known.fill(batch)
        if unknown:
            vectors = self.embedding.get_text_embedding_batch(
                [node.get_content(MetadataMode.EMBED) for node in unknown]
            )
            for node, vector in zip(unknown, vectors, strict=True):
                node.embedding = vector
        return len(batch) - len(unknown)

    def _go_live(
        self,
        lease: Lease,
        version: Version,
        parsed: ParsedDocument,
        pages: Sequence[PageText],
        report: VersionReport,
        chunk_count: int,
        reused_count: int,
        staged: StagedChildren,
    ) -> None:
        written = self._count(lease)
        if written > chunk_count:
            # An earlier try, perhaps by another version of the program, had more of them.
            beyond = of_version_beyond(lease.document_id, lease.version, chunk_count)
            self.store.delete_nodes(filters=beyond)
            written = self._count(lease)
        if written != chunk_count:
            raise _miscounted(written, chunk_count, is_on_server=self.store.is_on_server)
        sent = staged.send_ahead(self.registry)
        with self.registry.write() as connection:
            self._hold_fingerprint(connection, version)
            buried = settle_children(connection, lease.document_id, lease.version, staged.children)
            completed = complete_version(
                connection,
                lease,
                read_pages=pages,
                page_count=len(parsed.pages),
                chunk_count=chunk_count,
                reused_count=reused_count,
                coverage=Coverage(
                    parsed.pages_with_text, parsed.pages_needing_ocr, parsed.all_pages_read
                ),
                report=report,
                media_type=kind_named(report.parser).media_type,
            )
            if not completed:
                raise LostJobError
            retired = retire_versions(connection, lease.document_id)
            staged.keep()
            strike_loose(connection, sent)
        drop_originals(self.registry, self.originals, retired)
        for document_id in buried:
            remove_buried(self.registry, self.originals, self.store, document_id)


def _require_text(version: Version, parsed: ParsedDocument) -> None:
    if parsed.pages_with_text:
        return
    if parsed.pages_needing_ocr:
        raise NeedsOcr(
            f"None of the {len(parsed.pages)} pages of {version.filename} has text: "
            "they are pictures.",
            pages=parsed.pages_needing_ocr,
        )
    raise NoText(f"{version.filename} holds no text.")


def _miscounted(written: int, stored: int, *, is_on_server: bool) -> Exception:
    """A server that lost nodes may have them again; all else is a mistake of ours."""
    said = f"The index has {written} of the {stored} nodes that it said were stored."
    if written > stored or not is_on_server:
        return RuntimeError(said)
    return IndexUnavailable(
        said,
        hint="It is tried again by itself; if it stays, look whether each shard of the Qdrant "
        "collection has a replica that is active.",
    )


def _batches(nodes: Sequence[TextNode], size: int) -> Iterator[list[TextNode]]:
    remaining = iter(nodes)
    while batch := list(islice(remaining, size)):
        yield batch

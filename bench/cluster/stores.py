"""What the replicas share: Postgres, a bucket and Qdrant, each behind a way that can fail.

Postgres is a real one; the bucket is moto's server and Qdrant the double that speaks its REST API,
both processes of their own. They keep what they have while a way fails; only Postgres restarts.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from qdrant_client import QdrantClient

from tests.bucket import MARK, Bucket, own_bucket_server
from tests.doubles.cut_proxy import CutProxy
from tests.doubles.unreliable_way import UnreliableWay, unreliable_way
from tests.postgres import OwnPostgres, own_postgres

ROOT = Path(__file__).parents[2]
SCROLL_POINTS = 1000
ORIGINALS = "originals/"


@dataclass(frozen=True)
class Stores:
    """The stores, and the ways to them that Lectern takes; who audits goes straight there."""

    postgres: OwnPostgres
    postgres_way: CutProxy
    bucket: Bucket
    bucket_way: UnreliableWay
    qdrant_url: str
    qdrant_way: CutProxy

    def settings(self) -> dict[str, str]:
        """The environment of every process."""
        port = self.postgres_way.url.rpartition(":")[2]
        return {
            "DATABASE_URL": self.postgres.url.replace(f":{self.postgres.port}/", f":{port}/"),
            "QDRANT_URL": self.qdrant_way.url,
            **self.bucket.settings(endpoint=self.bucket_way.url),
        }

    def restore(self) -> None:
        """End every fault of a way."""
        self.postgres_way.pass_on()
        self.qdrant_way.pass_on()
        self.bucket_way.restore()

    def points(self) -> Counter[str]:
        """The ids of all points in Qdrant."""
        found: Counter[str] = Counter()
        client = QdrantClient(self.qdrant_url, timeout=60, check_compatibility=False)
        for collection in client.get_collections().collections:
            offset = None
            while True:
                records, offset = client.scroll(
                    collection.name, limit=SCROLL_POINTS, offset=offset, with_payload=False
                )
                found.update(str(record.id) for record in records)
                if offset is None:
                    break
        client.close()
        return found

    def originals(self) -> set[str]:
        """The hashes of all originals in the bucket."""
        pages = self.bucket.server.client("s3").get_paginator("list_objects_v2")
        return {
            found["Key"].removeprefix(ORIGINALS)
            for page in pages.paginate(Bucket=self.bucket.name)
            for found in page.get("Contents", ())
            if not found["Key"].endswith(MARK)
        }


@contextmanager
def running_stores() -> Iterator[Stores]:
    """All of them, started and empty."""
    with ExitStack() as opened:
        postgres = opened.enter_context(own_postgres())
        bucket_server = opened.enter_context(own_bucket_server())
        qdrant_url = opened.enter_context(_qdrant())
        yield Stores(
            postgres,
            opened.enter_context(CutProxy(postgres.port)),
            bucket_server.new_bucket(),
            opened.enter_context(unreliable_way(bucket_server.url)),
            qdrant_url,
            opened.enter_context(CutProxy(int(qdrant_url.rpartition(":")[2]))),
        )


@contextmanager
def _qdrant() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.doubles.qdrant_over_http"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None  # noqa: S101  asked for above
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()

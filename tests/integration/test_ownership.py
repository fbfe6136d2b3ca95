"""A bucket and a Qdrant collection are one installation's, and nobody else changes them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from corpus import ownership
from corpus.errors import IndexUnavailable, Misconfigured, StoreOfAnother, Unavailable
from corpus.index.selections import of_document
from corpus.index.server.connection import Limits, ServerAddress
from corpus.index.server.store import ServerVectorStore
from corpus.original_audit import audit_originals
from corpus.originals.open import bucket_ownership, opened_originals
from corpus.ownership import Installation
from corpus.registry.database.engine import Registry, open_sqlite_registry
from corpus.registry.installation import stored_installation_id, this_installation
from corpus.registry.open import open_registry
from corpus.settings import Settings
from tests.bucket import Bucket, BucketServer
from tests.doubles.cut_proxy import CutProxy
from tests.doubles.qdrant_over_http import QdrantOverHttp, Refusal
from tests.doubles.unreliable_way import unreliable_way
from tests.installations import an_installation
from tests.samples.index_nodes import DIMENSION, a_node

NAME = "lectern-abc"
QUICK = Limits(read_s=2.0, write_s=2.0, tries=1)
OURS, THEIRS = an_installation("ours", knows=False), an_installation("theirs", knows=False)


class TestId:
    @pytest.fixture(params=["sqlite", "postgres"])
    def settings(self, request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
        if request.param == "sqlite":
            return Settings(data_dir=tmp_path)
        return Settings(data_dir=tmp_path, DATABASE_URL=request.getfixturevalue("postgres_url"))

    def test_processes_that_start_at_once_agree(self, settings: Settings) -> None:
        def started(_: int) -> str:
            with closing(open_registry(settings)) as registry:
                together.wait()
                return this_installation(registry).id

        together = threading.Barrier(4)
        with ThreadPoolExecutor(4) as pool:
            [one] = set(pool.map(started, range(4)))
        with closing(open_registry(settings)) as registry, registry.read() as connection:
            assert stored_installation_id(connection) == one

    def test_another_registry_is_another_installation(
        self, registry: Registry, tmp_path: Path
    ) -> None:
        with closing(open_sqlite_registry(tmp_path / "other.sqlite")) as other:
            assert this_installation(registry).id != this_installation(other).id


@dataclass
class Shared:
    """What an installation does there."""

    put: Callable[[], str]
    remove: Callable[[str], None]
    content: Callable[[], list[str]]
    ping: Callable[[], None]


class InBucket:
    def __init__(self, settings: Settings, bucket: Bucket) -> None:
        self.settings = settings
        self.bucket = bucket

    @contextmanager
    def opened(self, by: Installation, *, may_be_away: bool = False) -> Iterator[Shared]:
        with opened_originals(self.settings, by, may_be_away=may_be_away) as originals:

            def put() -> str:
                with originals.stage(BytesIO(b"hello"), max_bytes=10) as staged:
                    staged.keep()
                return staged.content_sha256

            yield Shared(put, originals.delete, self.bucket.names, originals.ping)

    def owner(self) -> str | None:
        return self.bucket.owner()

    def unmark(self) -> None:
        self.bucket.delete("originals/installation")


class InQdrant:
    def __init__(self, double: QdrantOverHttp, url: str) -> None:
        self.double = double
        self.url = url

    @contextmanager
    def opened(self, by: Installation, *, may_be_away: bool = False) -> Iterator[Shared]:
        address = ServerAddress(self.url, limits=QUICK)
        with closing(ServerVectorStore(address, NAME, DIMENSION, by)) as store:
            if not may_be_away:
                store.prepare()
            yield Shared(
                lambda: store.add([a_node(document_id="d")])[0],
                lambda _: store.delete_nodes(filters=of_document("d")),
                self._content,
                store.ping,
            )

    def owner(self) -> str | None:
        return self.double.owner(NAME)

    def unmark(self) -> None:
        self.double.local.update_collection(NAME, metadata={"lectern_installation": None})

    def _content(self) -> list[str]:
        with self.double.turn:
            records, _ = self.double.local.scroll(NAME, limit=10)
        return [str(one.id) for one in records]


@dataclass
class World:
    store: InBucket | InQdrant
    go_away: Callable[[], None]
    come_back: Callable[[], None]


@pytest.fixture(params=["bucket", "qdrant"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with ExitStack() as opened:
        if request.param == "qdrant":
            double = opened.enter_context(QdrantOverHttp())
            proxy = opened.enter_context(CutProxy(int(double.url.rpartition(":")[2])))
            yield World(InQdrant(double, proxy.url), proxy.refuse, proxy.pass_on)
            return
        server: BucketServer = request.getfixturevalue("bucket_server")
        bucket = server.new_bucket()
        way = opened.enter_context(unreliable_way(server.url))
        said = bucket.settings(endpoint=way.url)
        settings = Settings.model_validate({"data_dir": tmp_path, **said})
        yield World(InBucket(settings, bucket), way.refuse, way.restore)


def test_a_second_installation_is_refused_and_told_what_to_do(world: World) -> None:
    with world.store.opened(OURS) as ours:
        ours.put()
        with (
            pytest.raises(StoreOfAnother, match=r"another installation \(ours\)") as refused,
            world.store.opened(THEIRS),
        ):
            pass
        assert "lectern claim" in refused.value.hint
        assert world.store.owner() == "ours"
        assert len(ours.content()) == 1


def test_an_empty_store_is_the_first_ones_also_when_nothing_was_put_there(world: World) -> None:
    with world.store.opened(OURS):
        pass
    with pytest.raises(StoreOfAnother), world.store.opened(THEIRS):
        pass


def test_processes_of_one_installation_open_it_at_once(world: World) -> None:
    def start(_: int) -> None:
        together.wait()
        with world.store.opened(OURS) as ours:
            ours.remove(ours.put())

    together = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(start, range(4)))
    assert world.store.owner() == "ours"


def test_of_two_installations_that_start_at_once_one_has_it(world: World) -> None:
    def start(who: Installation) -> str | None:
        together.wait()
        try:
            with world.store.opened(who):
                return who.id
        except StoreOfAnother:
            return None

    together = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        got = set(pool.map(start, [OURS, THEIRS]))
    assert got == {None, world.store.owner()}


def test_what_is_not_marked_yet_is_claimed_by_who_knows_its_content(world: World) -> None:
    with world.store.opened(OURS) as ours:
        put = ours.put()
    world.store.unmark()
    unknown = pytest.raises(StoreOfAnother, match="this registry does not know")
    with unknown, world.store.opened(THEIRS):
        pass
    with world.store.opened(an_installation("ours", knows=True)) as ours:
        assert world.store.owner() == "ours"
        ours.remove(put)
        assert ours.content() == []


def test_a_store_that_was_away_at_the_start_is_looked_at_before_anything_is_removed(
    world: World,
) -> None:
    with world.store.opened(OURS) as ours:
        put = ours.put()
        world.go_away()
        with world.store.opened(THEIRS, may_be_away=True) as theirs:
            with pytest.raises(Unavailable):
                theirs.remove(put)
            world.come_back()
            with pytest.raises(StoreOfAnother):
                theirs.remove(put)
            with pytest.raises(StoreOfAnother):
                theirs.put()
        assert len(ours.content()) == 1


def test_who_has_lost_it_removes_nothing_from_it_any_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.store.opened(OURS) as ours:
        put = ours.put()
        with pytest.raises(StoreOfAnother), world.store.opened(THEIRS):
            pass
        claimed = claim(world.store, THEIRS)
        assert claimed == ("ours", "theirs")
        monkeypatch.setattr(ownership, "FRESH_S", 0.0)  # a minute later
        with pytest.raises(StoreOfAnother, match=r"another installation \(theirs\)"):
            ours.remove(put)
        with pytest.raises(StoreOfAnother, match=r"another installation \(theirs\)"):
            ours.ping()
        assert len(ours.content()) == 1
    assert claim(world.store, THEIRS) == ("theirs", "theirs")


def claim(store: InBucket | InQdrant, by: Installation) -> tuple[str | None, str | None]:
    """Whose it was, and whose it is."""
    if isinstance(store, InBucket):
        mark = bucket_ownership(store.settings, by)
        assert mark is not None
        return mark.take_over(), store.owner()
    with closing(ServerVectorStore(ServerAddress(store.url), NAME, DIMENSION, by)) as opened:
        return opened.collection.take_over(), store.owner()


def test_what_is_opened_for_reading_is_not_changed(world: World, tmp_path: Path) -> None:
    with world.store.opened(OURS) as ours:
        put = ours.put()
    if isinstance(world.store, InBucket):
        with opened_originals(world.store.settings) as originals:
            assert [one.content_sha256 for one in originals.kept()] == [put]
            with pytest.raises(StoreOfAnother, match="for reading only"):
                originals.delete(put)
    else:
        address = ServerAddress(world.store.url)
        with closing(ServerVectorStore(address, NAME, DIMENSION)) as store:
            assert store.count() == 1
            with pytest.raises(StoreOfAnother, match="for reading only"):
                store.clear()


class TestBucket:
    @pytest.fixture
    def ours(self, bucket_server: BucketServer, tmp_path: Path) -> InBucket:
        bucket = bucket_server.new_bucket()
        settings = Settings.model_validate({"data_dir": tmp_path, **bucket.settings()})
        return InBucket(settings, bucket)

    def test_who_only_reads_pings_whoevers_it_is(self, ours: InBucket) -> None:
        with ours.opened(OURS) as there:
            there.put()
        with opened_originals(ours.settings) as reading:
            reading.ping()

    def test_an_audit_with_an_empty_registry_removes_nothing(
        self, ours: InBucket, tmp_path: Path
    ) -> None:
        with (
            closing(open_sqlite_registry(tmp_path / "empty.sqlite")) as empty,
            ours.opened(OURS) as there,
        ):
            there.put()
            with (
                opened_originals(
                    ours.settings, this_installation(empty), is_checked=False
                ) as theirs,
                pytest.raises(StoreOfAnother),
            ):
                audit_originals(empty, theirs, grace_s=0.0, unknown_too=True)
            assert len(there.content()) == 1

    @pytest.mark.parametrize("code", ["NotImplemented", "InvalidArgument"])
    def test_a_server_that_knows_no_conditions_is_marked_all_the_same(
        self, ours: InBucket, code: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put = BaseClient._make_api_call

        def refuse_conditions(self: BaseClient, name: str, parameters: dict[str, str]) -> object:
            if "IfNoneMatch" in parameters:
                raise ClientError({"Error": {"Code": code}}, name)
            return put(self, name, parameters)

        monkeypatch.setattr(BaseClient, "_make_api_call", refuse_conditions)
        with ours.opened(OURS):
            assert ours.owner() == "ours"


class TestQdrant:
    def test_a_server_that_keeps_no_marks_is_refused(self) -> None:
        class Old(QdrantOverHttp):
            def answer(self, method: str, path: str, *rest: object) -> object:
                found = super().answer(method, path, *rest)  # type: ignore[arg-type]
                if method == "GET" and path == f"/collections/{NAME}":
                    found.config.metadata = None  # type: ignore[attr-defined]
                return found

        with Old() as double:
            double.version = "1.15.2"
            store = ServerVectorStore(ServerAddress(double.url), NAME, DIMENSION, OURS)
            with closing(store), pytest.raises(Misconfigured, match=r"1\.15\.2 does not keep"):
                store.prepare()

    def test_a_collection_that_is_not_there_is_not_made_to_be_read(self) -> None:
        with QdrantOverHttp() as double:
            address = ServerAddress(double.url)
            with closing(ServerVectorStore(address, NAME, DIMENSION)) as reader:
                with pytest.raises(IndexUnavailable, match="There is no collection"):
                    reader.count()
                assert not reader.collection.exists()
            assert double.created == {}

    def test_a_mark_whose_reply_was_lost_is_set_again(self) -> None:
        with QdrantOverHttp() as double:
            address = ServerAddress(double.url)
            with closing(ServerVectorStore(address, NAME, DIMENSION, OURS)) as before:
                before.prepare()
            double.local.update_collection(NAME, metadata={"lectern_installation": None})
            assert double.owner(NAME) is None
            store = ServerVectorStore(ServerAddress(double.url), NAME, DIMENSION, OURS)
            with closing(store):
                double.refuse(Refusal(503), Refusal(0))
                store.prepare()
            assert double.owner(NAME) == "ours"

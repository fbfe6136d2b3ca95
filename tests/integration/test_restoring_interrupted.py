"""A restore that does not come to its end leaves the stores to the registry of before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr
from rich.console import Console

from corpus.access import UNRESTRICTED
from corpus.errors import Misconfigured, StoreOfAnother
from corpus.originals.open import opened_originals
from corpus.registry.installation import stored_installation_id, this_installation
from corpus.registry.migrations.upgrade import downgrade
from corpus.registry.new_versions import Content
from corpus.registry.open import open_registry
from corpus.registry.uploads import Upload, accept_upload
from corpus.settings import Settings
from lectern.commands.backing_up import make_backup
from lectern.commands.putting_back import restore_backup
from lectern.server import restoring
from tests.bucket import Bucket, BucketServer
from tests.doubles.qdrant_over_http import QdrantOverHttp

QUIET = Console(quiet=True)
MARK = "originals/installation"


@dataclass
class World:
    """A registry with one document, whose original is in the bucket, and a backup of it."""

    settings: Settings
    bucket: Bucket
    double: QdrantOverHttp
    backup: Path

    def restore(self, *, force: bool) -> None:
        restore_backup(self.settings, self.backup, force=force, console=QUIET)

    def go_back(self, revision: str) -> None:
        """As a release before left everything: nothing is marked."""
        with closing(open_registry(self.settings)) as registry, registry.write() as connection:
            downgrade(connection, revision)
        self.bucket.delete(MARK)

    def id_at_the_next_start(self) -> str:
        with closing(open_registry(self.settings)) as registry:
            return this_installation(registry).id

    def owners(self) -> set[str | None]:
        return {self.bucket.owner(), *(self.double.owner(name) for name in self.double.created)}


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> SecretStr | None:
    if request.param == "sqlite":
        return None
    return SecretStr(request.getfixturevalue("postgres_url"))


@pytest.fixture
def world(
    database: SecretStr | None, bucket_server: BucketServer, tmp_path: Path
) -> Iterator[World]:
    bucket = bucket_server.new_bucket()
    with QdrantOverHttp() as double:
        settings = Settings.model_validate(
            {
                "data_dir": tmp_path / "data",
                "DATABASE_URL": database,
                "QDRANT_URL": double.url,
                **bucket.settings(),
            }
        )
        with closing(open_registry(settings)) as registry:
            upload(settings, b"copper")
            make_backup(settings, tmp_path / "b.tar", with_vectors=False, console=QUIET)
            assert bucket.owner() == this_installation(registry).id
        yield World(settings, bucket, double, tmp_path / "b.tar")


def upload(settings: Settings, content: bytes) -> None:
    with (
        closing(open_registry(settings)) as registry,
        opened_originals(settings, this_installation(registry)) as originals,
        originals.stage(BytesIO(content), max_bytes=100) as staged,
    ):
        with registry.write() as connection:
            described = Content(staged.content_sha256, len(content), "text/plain")
            accept_upload(connection, Upload("default", "f.txt"), described, UNRESTRICTED)
        staged.keep()


@pytest.fixture
def _is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(restoring, "restore", interrupted)


@pytest.mark.parametrize("revision", ["0012", "0013"])
@pytest.mark.usefixtures("_is_interrupted")
def test_a_registry_of_before_there_were_marks_has_its_stores_afterwards(
    world: World, revision: str
) -> None:
    world.go_back(revision)
    if revision == "0013":
        with closing(open_registry(world.settings)) as registry, registry.write() as connection:
            connection.exec_driver_sql("DELETE FROM installation")
    with pytest.raises(KeyboardInterrupt):
        world.restore(force=True)
    assert world.owners() == {world.id_at_the_next_start()}
    upload(world.settings, b"tin")
    assert len(world.bucket.names()) == 2


def test_into_empty_stores_the_same_command_again_is_right_without_force(
    world: World, bucket_server: BucketServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = bucket_server.new_bucket()
    said = {"QDRANT_URL": world.double.url, **bucket.settings()}
    if world.settings.database_url is not None:
        with closing(open_registry(world.settings)) as registry, registry.write() as connection:
            downgrade(connection, "base")
        said["DATABASE_URL"] = world.settings.database_url.get_secret_value()
    new = Settings.model_validate({"data_dir": tmp_path / "new", **said})

    def full(settings: object, *_: object) -> None:
        bucket.put(f"originals/{'ab' * 32}", b"was restored already")
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(restoring, "restore", full)
        with pytest.raises(OSError, match="full"):
            restore_backup(new, world.backup, force=False, console=QUIET)
    marked = bucket.owner()
    restore_backup(new, world.backup, force=False, console=QUIET)
    with closing(open_registry(new)) as registry, registry.read() as connection:
        assert stored_installation_id(connection) == marked == bucket.owner()


def test_what_cannot_be_put_in_place_is_refused_before_anything_is_marked(
    world: World, tmp_path: Path
) -> None:
    world.go_back("0012")
    (world.settings.data_dir / "restoring").symlink_to(tmp_path)
    with pytest.raises(Misconfigured, match="a link"):
        world.restore(force=True)
    with pytest.raises(ClientError):
        world.bucket.owner()
    assert not world.double.created


def test_a_bucket_without_a_mark_whose_originals_the_registry_does_not_know_is_refused(
    world: World, bucket_server: BucketServer
) -> None:
    other = bucket_server.new_bucket()
    other.put(f"originals/{'ab' * 32}", b"of an installation that was not brought up to date")
    world.settings = Settings.model_validate(
        {
            "data_dir": world.settings.data_dir,
            "DATABASE_URL": world.settings.database_url,
            "QDRANT_URL": world.settings.qdrant_url,
            **other.settings(),
        }
    )
    with pytest.raises(StoreOfAnother, match="does not know"):
        world.restore(force=True)
    with pytest.raises(ClientError):
        other.owner()

"""What a backup says of itself, found at its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.backup.archive import manifest_of, verify, written
from corpus.backup.manifest import Manifest
from corpus.errors import BackupUnusable


def backup(path: Path, *members: bytes, unreadable: tuple[str, ...] = ()) -> Manifest:
    """One with these originals."""
    with path.open("wb") as out, written(out, is_compressed=False) as archive:
        for number, data in enumerate(members):
            archive.add(f"originals/{number}", data)
        manifest = Manifest(
            lectern="1.0",
            created_at="2026-01-01T00:00:00+00:00",
            revision="0001",
            fingerprint=None,
            has_vectors=False,
            rows={"documents": len(members)},
            originals=len(members),
            original_bytes=0,
            points=0,
            size_bytes=archive.size_bytes,
            unreadable=unreadable,
            checksums_sha256="",
        )
        return archive.finish(manifest)


@pytest.mark.parametrize("missing", [0, 1, 20_000])
def test_it_is_found_behind_whatever_there_is(tmp_path: Path, missing: int) -> None:
    path = tmp_path / "b.tar"
    backup(path, b"copper")
    within = path.read_bytes()
    made = backup(path, bytes(17 << 20), within, unreadable=("ab" * 32,) * missing)
    assert manifest_of(path) == made == verify(path)


@pytest.mark.parametrize("left", [0, 100, 1024, -10_240])
def test_what_ends_before_it_says_nothing(tmp_path: Path, left: int) -> None:
    path = tmp_path / "b.tar"
    backup(path, b"copper")
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(BackupUnusable):
        manifest_of(path)
    with pytest.raises(BackupUnusable):
        manifest_of(tmp_path / "missing.tar")

"""`lectern restore`: verify a backup, put it where the settings say, and tell what came of it."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from corpus.backup.archive import verify
from corpus.settings import Settings
from lectern.commands.counting import counted
from lectern.plain import plain
from lectern.server.data_dir import owned
from lectern.server.restoring import put_back


def restore_backup(settings: Settings, source: Path, *, force: bool, console: Console) -> None:
    """Restore `source`, or nothing.

    Raises `BackupUnusable`, `DataDirInUse`, and what `put_back` raises. Interrupted at any moment,
    all is as before or all is restored, and the same command again is right.
    """
    manifest = verify(source)
    with owned(settings.data_dir), counted(console) as tell:
        found = put_back(settings, source, manifest, tell, force=force)
    print(
        plain(
            f"restored: {found.documents} documents as of {manifest.created_at} "
            f"(Lectern {manifest.lectern})"
        )
    )
    if found.read_again:
        print(f"{found.read_again} of them answer when `lectern serve` has read them again.")
    print(
        "As it was then: what was deleted, restricted or revoked since is not, and keys are those "
        "of then alone. Look through lectern keys list."
    )
    if not settings.originals_are_ours:
        print(
            "Originals that only what was replaced had are kept. If nobody misses them, "
            "lectern doctor --repair removes them."
        )
    if manifest.unreadable:
        print(f"{len(manifest.unreadable)} originals were missing already when it was made.")

"""The commands for whoever operates an installation: backups, and the registry's tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lectern.shown import DataDir, configured

INCOMPLETE = 3  # 1 is an error, 2 a wrong command line

app = typer.Typer()


@app.command()
def backup(
    target: Annotated[
        str, typer.Argument(help="A new file (.tar or .tar.gz), a folder, or - (standard output).")
    ],
    without_vectors: Annotated[
        bool,
        typer.Option("--without-vectors", help="Smaller; after a restore all is embedded again."),
    ] = False,
    keep: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Of backups in the folder, keep the newest N."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Write everything to one file, also while the service runs.

    Ends with 3 when it is made, and some originals could not be read.
    """
    with configured(data_dir) as settings:
        from lectern.commands import backing_up  # noqa: PLC0415  loads the stores

        with_vectors, console = not without_vectors, Console(stderr=True)
        if target == "-" and keep is None:
            is_whole = backing_up.send_backup(settings, with_vectors=with_vectors, console=console)
        else:
            is_whole = backing_up.make_backup(
                settings, target, with_vectors=with_vectors, console=console, keep=keep
            )
    if not is_whole:
        raise typer.Exit(INCOMPLETE)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(dir_okay=False, help="A file of `lectern backup`.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace all that is there now, for good.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Verify a backup and put it back, while no server runs."""
    with configured(data_dir) as settings:
        from lectern.commands.putting_back import restore_backup  # noqa: PLC0415

        restore_backup(settings, source, force=force, console=Console(stderr=True))


@app.command()
def claim(data_dir: DataDir = None) -> None:
    """Make the bucket and the Qdrant collections this registry's, whoever's they were.

    What is there and belongs to no document of this registry stays until lectern doctor --repair.
    """
    with configured(data_dir) as settings:
        from lectern.commands.claiming import claim_stores  # noqa: PLC0415  loads the stores

        claim_stores(settings)


@app.command()
def reindex(
    chunks: Annotated[
        bool,
        typer.Option(
            "--chunks", help="Read all documents again, for another LECTERN_CHUNK_TOKENS."
        ),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Embed everything as configured now, beside the index that answers; then switch to it."""
    with configured(data_dir) as settings:
        from lectern.commands.reindexing import embed_again, read_again  # noqa: PLC0415

        if chunks:
            read_again(settings)
        else:
            embed_again(settings, Console(stderr=True))


@app.command("migrate-schema")
def migrate_schema(
    to: Annotated[
        str, typer.Option("--to", metavar="REVISION", help="For instance 0008, head or base.")
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Also back, with the loss of what is newer.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Bring the registry's tables to a revision: back, before an older release is installed."""
    with configured(data_dir) as settings:
        from lectern.commands.changing_schema import migrate_schema as migrate  # noqa: PLC0415

        migrate(settings, to, force=force)

"""The command line: `lectern serve | slack | add | ask | eval | list | rm | doctor`, and more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from pydantic import SecretStr
from rich.console import Console

from corpus.errors import InvalidRequest, Unavailable
from corpus.names import check_collection_name
from corpus.quiet import set_offline_environment
from lectern.client import Client
from lectern.commands import keys
from lectern.connect import connected
from lectern.plain import plain
from lectern.server.loading import loaded_for_good
from lectern.server.logs import configure_logging
from lectern.shown import DataDir, errors_shown, settings_of
from lectern.upkeep import app as upkeep

app = typer.Typer(
    help="Ask your own documents: cited answers, on your own machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(keys.app, name="keys")

Url = Annotated[
    str | None,
    typer.Option("--url", help="A running server; by default the one of the data folder."),
]
Collection = Annotated[str, typer.Option("--collection", "-c", help="Name of the collection.")]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on [LECTERN_HOST].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on [LECTERN_PORT].")] = None,
    data_dir: DataDir = None,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Leave ingestion to `lectern worker` processes.")
    ] = False,
    until_stdin_ends: Annotated[bool, typer.Option("--until-stdin-ends", hidden=True)] = False,
) -> None:
    """Serve the HTTP interface, with the ingestion worker beside it."""
    with errors_shown():
        settings = settings_of(data_dir, host=host, port=port)
        configure_logging(settings)
        with loaded_for_good():
            from lectern.server.serve import serve as run  # noqa: PLC0415  takes seconds to import

        run(settings, with_worker=not no_worker, until_stdin_ends=until_stdin_ends)


@app.command()
def slack(
    host: Annotated[str | None, typer.Option(help="Address to listen on [LECTERN_HOST].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on [LECTERN_PORT].")] = None,
    data_dir: DataDir = None,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Leave ingestion to `lectern worker` processes.")
    ] = False,
) -> None:
    """Serve, and answer in Slack over Socket Mode: no public address is needed (docs/slack.md)."""
    with errors_shown():
        settings = settings_of(data_dir, host=host, port=port)
        configure_logging(settings)
        with loaded_for_good():
            from lectern.server.serve import serve as run  # noqa: PLC0415  takes seconds to import

        run(settings, with_worker=not no_worker, with_slack_socket=True)


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", exists=True, readable=True)],
    collection: Collection = "default",
    include: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Of folders: only files like this; may be repeated."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Of folders: no files or folders like this."),
    ] = None,
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Add files, and all in folders, and wait until they can be asked about.

    Interrupted, the same command again sends only what is missing.
    """
    from lectern.commands.adding import Order, add_files  # noqa: PLC0415
    from lectern.commands.walking import Globs  # noqa: PLC0415

    with errors_shown():
        check_collection_name(collection)
    order = Order(paths, collection, Globs(include or (), exclude or ()))
    with _client(data_dir, url) as client:
        if not add_files(client, order, Console()):
            raise typer.Exit(1)


@app.command()
def ask(
    question: str,
    collection: Collection = "default",
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Ask a question; prints the answer, then its sources."""
    from lectern.commands.asking import print_answer  # noqa: PLC0415

    with errors_shown():
        _refuse_empty(question)
    with _client(data_dir, url) as client:
        print_answer(client.ask(question, collection), Console())


@app.command()
def replay(answer_id: str, data_dir: DataDir = None, url: Url = None) -> None:
    """Ask again what was asked, and show the difference; exit code 1: there is one."""
    from lectern.commands.replaying import replay as ask_again  # noqa: PLC0415

    with _client(data_dir, url) as client:
        if not ask_again(client, answer_id, Console()):
            raise typer.Exit(1)


@app.command("eval")
def evaluate(
    golden: Annotated[Path, typer.Argument(metavar="GOLDEN.jsonl", dir_okay=False)],
    collection: Collection = "default",
    make: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, help="Write so many questions from the documents instead."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the reports [in the data folder: evaluations/GOLDEN-NAME]."),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, max=1, help="By how much a share may be worse than last time.")
    ] = 0.02,
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Measure answers on questions whose answers are known; exit code 1: worse than last time."""
    from lectern.evaluation.making import write_proposal  # noqa: PLC0415
    from lectern.evaluation.running import Evaluation, evaluate_golden  # noqa: PLC0415

    with errors_shown():
        check_collection_name(collection)
        folder = (
            out or settings_of(data_dir).data_dir / "evaluations" / f"{golden.stem}-{collection}"
        )
    with _client(data_dir, url) as client:
        if make is not None:
            made = write_proposal(client, collection, make, golden)
            print(plain(f"written: {golden}, {made} questions: read them before you rely on them"))
            return
        wanted = Evaluation(golden, collection, folder, tolerance)
        if not evaluate_golden(client, wanted, Console()):
            raise typer.Exit(1)


@app.command("list")
def list_documents(
    collection: Annotated[str | None, typer.Option("--collection", "-c")] = None,
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """List the documents, newest first."""
    from lectern.commands.listing import listing  # noqa: PLC0415

    with _client(data_dir, url) as client:
        for line in listing(client.documents(collection)):
            print(line)


@app.command()
def rm(
    document_ids: Annotated[list[str], typer.Argument(metavar="ID...")],
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Delete documents for good."""
    with _client(data_dir, url) as client:
        for document_id in document_ids:
            receipt = client.delete(document_id)
            verified = "verified" if receipt["verified"] else "NOT verified"
            count = receipt.get("children_deleted", 0)
            attached = f" with {count} attachment{'s'[: count != 1]}" if count else ""
            points = receipt["points_removed"]
            print(f"deleted {document_id}{attached}: {points} chunks, {verified}")


@app.command()
def retry(
    document_ids: Annotated[list[str], typer.Argument(metavar="ID...")],
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Have documents read again: after a failure, or when OCR was installed since."""
    with _client(data_dir, url) as client:
        _for_each(document_ids, client.retry)


@app.command()
def rollback(
    document_ids: Annotated[list[str], typer.Argument(metavar="ID...")],
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Put back what documents were before their newest version; again: undo that."""
    with _client(data_dir, url) as client:
        _for_each(document_ids, client.rollback)


@app.command()
def cancel(
    document_ids: Annotated[list[str], typer.Argument(metavar="ID...")],
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Stop documents that wait or are worked on."""
    with _client(data_dir, url) as client:
        _for_each(document_ids, client.cancel)


@app.command()
def doctor(
    data_dir: DataDir = None,
    ready: Annotated[
        bool, typer.Option("--ready", help="Only whether a server runs and is ready.")
    ] = False,
    acl: Annotated[
        bool,
        typer.Option(
            "--acl", help="Plant private documents, look for them with others' eyes, remove them."
        ),
    ] = False,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Mend first what can be, while no server has the folder."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    url: Url = None,
) -> None:
    """Say what is configured and reachable; the exit code is 1 when something is broken."""
    from lectern.commands.findings.telling import tell  # noqa: PLC0415

    if acl:
        from lectern.commands.acl_check import check_access  # noqa: PLC0415

        with _client(data_dir, url) as client:
            is_well = tell(check_access(client), as_json=as_json)
    elif ready:
        from lectern.commands.findings.running import examine_server  # noqa: PLC0415

        with errors_shown():
            is_well = tell(examine_server(settings_of(data_dir)), as_json=as_json)
    else:
        # Takes seconds to import, and a container asks every half minute whether it is ready.
        from lectern.commands.doctor import diagnose  # noqa: PLC0415

        with errors_shown():
            is_well = tell(diagnose(settings_of(data_dir), with_repair=repair), as_json=as_json)
    if not is_well:
        raise typer.Exit(1)


@app.command()
def worker(
    data_dir: DataDir = None,
    index_fd: Annotated[int | None, typer.Option("--index-fd", hidden=True)] = None,
    figures_fd: Annotated[int | None, typer.Option("--figures-fd", hidden=True)] = None,
) -> None:
    """Ingest for a cluster: any number of these, on one Postgres database and Qdrant server."""
    with errors_shown():
        settings = settings_of(data_dir)
        configure_logging(settings)
        with loaded_for_good():
            from lectern.server.worker_process import (  # noqa: PLC0415
                run_embedded_worker,
                run_worker,
            )

        if index_fd is None or figures_fd is None:
            run_worker(settings)
        else:
            run_embedded_worker(settings, index_fd, figures_fd)


@app.command()
def migrate(
    to_qdrant: Annotated[
        str | None, typer.Option(metavar="URL", help="A Qdrant server for the nodes.")
    ] = None,
    to_database: Annotated[
        str | None, typer.Option(metavar="URL", help="An empty Postgres database for the registry.")
    ] = None,
    to_blobs: Annotated[
        str | None,
        typer.Option(metavar="URL", help="An s3:// bucket, or a common folder, for the originals."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Copy what is in the data folder to servers, without embedding it again.

    The folder stays as it is. Interrupted, the same command again copies what is missing.
    """
    with errors_shown():
        if not (to_qdrant or to_database or to_blobs):
            raise InvalidRequest(
                "There is nowhere to migrate to.",
                hint="Say --to-qdrant URL, --to-database URL, --to-blobs URL, or several.",
            )
        settings = settings_of(data_dir)
        configure_logging(settings)
        from lectern.migration.run import Targets, migrate_folder  # noqa: PLC0415

        database_url = SecretStr(to_database) if to_database else None
        targets = Targets(to_qdrant, database_url, to_blobs)
        migrate_folder(settings, targets, lambda line: print(plain(line), flush=True))


app.add_typer(upkeep)


def main() -> None:
    """Run the command line."""
    set_offline_environment()
    app()


def _for_each(document_ids: Sequence[str], change: Callable[[str], dict[str, Any]]) -> None:
    """Change documents, and print how each is then."""
    for document_id in document_ids:
        document = change(document_id)
        print(plain(f"{document['status']} {document_id} {document['filename']}"))


def _refuse_empty(question: str) -> None:
    if not question.strip():
        raise InvalidRequest(
            "The question is empty.", hint='Ask in words: lectern ask "How much oil is kept?"'
        )


@contextmanager
def _client(data_dir: Path | None, url: str | None) -> Iterator[Client]:
    with errors_shown(), connected(settings_of(data_dir), url) as client:
        try:
            yield client
        except httpx.TransportError as error:
            raise Unavailable(f"{client.url} does not answer: {error}.") from error

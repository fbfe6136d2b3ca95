"""`lectern reindex`: what came of embedding, or reading, everything again."""

from __future__ import annotations

from rich.console import Console

from corpus.embedding.fingerprint import CHUNKER_VERSION
from corpus.registry.chunkers import cut_all_by, read_all_again
from corpus.settings import Settings
from lectern.commands.counting import counted
from lectern.server.reindexing import Outcome, reindex
from lectern.server.stores import existing_registry

_SAID = {
    Outcome.NOTHING_TO_DO: "Everything is embedded as configured. Nothing was to be done.",
    Outcome.BUILT: "The new index is built beside the one that answers. To switch: restart the "
    "server with the new settings, within three days. It adds what changed since, and answers.",
    Outcome.SWITCHED: "Everything is embedded as configured now. Start (or restart) servers and "
    "workers with these settings.",
}


def embed_again(settings: Settings, console: Console) -> None:
    """Reindex, and say what is to be done next. Errors as `reindex`."""
    with counted(console) as tell:
        done = reindex(settings, tell)
    print(_SAID[done.outcome])
    if done.queued:
        print(f"{done.queued} documents lacked passages, and are read again by the worker.")
    if done.outcome is Outcome.SWITCHED and settings.index_is_shared:
        print(
            "Servers that still run with the settings of before answer nothing more. The old "
            "collection on the Qdrant server is cleared of your documents after three days, and "
            "may be deleted there then."
        )


def read_again(settings: Settings) -> None:
    """Queue all documents, to be cut by this version; they answer until each is done."""
    with existing_registry(settings) as registry:
        with registry.write() as connection:
            cut_all_by(connection, CHUNKER_VERSION)
        with registry.write() as connection:
            count = read_all_again(connection)
    print(f"{count} documents are read again by the worker; they answer meanwhile.")

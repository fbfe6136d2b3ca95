"""`lectern add`: send what the server does not have, then wait until each file has its outcome.

Any number of files: what is found, sent and waited for at a time is bounded, so memory is too.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from rich.console import Console

from corpus.values import FINAL_STATUSES
from lectern.client import Client, ServerError
from lectern.commands.following import Followed
from lectern.commands.outcomes import Outcomes
from lectern.commands.patience import OUTAGE_LIMIT_S, Patience
from lectern.commands.progress_bars import ProgressBars
from lectern.commands.sending import NotSent, Outcome, Sender, Sent, Skipped, batches
from lectern.commands.walking import FoundFile, Globs, find_files

UPLOADS_AT_ONCE = 4
MAX_FOLLOWED = 1000  # sent and not finished; the next ones are sent when some of them are
LOOK_EVERY_S = 0.3
SUM_FROM_FILES = 6  # fewer named files are summed up at a glance


@dataclass(frozen=True, slots=True)
class Order:
    """What to add."""

    paths: Sequence[Path]
    collection: str
    globs: Globs = field(default_factory=Globs)

    @property
    def has_folders(self) -> bool:
        """Whether the files are not all named."""
        return any(path.is_dir() for path in self.paths)


def add_files(
    client: Client, order: Order, console: Console, *, outage_limit_s: float = OUTAGE_LIMIT_S
) -> bool:
    """Whether no file failed; the outcome of each is printed, and a sum when they are many.

    Raises `TransportError` when the server is away for longer than the limit; the files whose
    outcome is not known are named then.
    """
    outcomes = Outcomes(console)
    with ProgressBars(console) as bars:
        if console.is_terminal:
            bars.expect(*_sizes(order))
        adding = _Adding(client, order, outcomes, bars, outage_limit_s)
        try:
            adding.run()
        except httpx.TransportError:
            for name in adding.unsettled:
                outcomes.failed(name, "what became of it is not known.")
            raise
        except KeyboardInterrupt:
            outcomes.say(_interrupted(adding.unfinished, ends_with_us=client.ends_with_us))
            raise
    if order.has_folders or len(order.paths) >= SUM_FROM_FILES:
        outcomes.sum_up()
    return outcomes.all_good


def _sizes(order: Order) -> tuple[int, int]:
    """How many files there are, and their bytes together."""
    files = size_bytes = 0
    for file in find_files(order.paths, order.globs, lambda *_: None):
        files, size_bytes = files + 1, size_bytes + file.size_bytes
    return files, size_bytes


class _Adding:
    """One run: threads send batches and put outcomes into a queue, this thread does the rest."""

    def __init__(
        self,
        client: Client,
        order: Order,
        outcomes: Outcomes,
        bars: ProgressBars,
        outage_limit_s: float,
    ) -> None:
        self._client = client
        self._outcomes = outcomes
        self._bars = bars
        self._stop = threading.Event()
        self._patience = Patience(
            self._stop, on_outage=client.look_again, outage_limit_s=outage_limit_s
        )
        self._sent: queue.Queue[Outcome] = queue.Queue()  # holds as much as there is in flight
        self._bytes = 0
        self._sender = Sender(
            client,
            self._patience,
            self._stop,
            order.collection,
            is_bulk=order.has_folders or len(order.paths) > 1,
            on_bytes=self._count_bytes,
        )
        self._batches = batches(find_files(order.paths, order.globs, self._unreadable))
        self._sending: dict[Future[None], list[FoundFile]] = {}
        self._without_outcome: list[FoundFile] = []  # of the batches on their way
        self._looked_at_s = 0.0
        self.followed = Followed()

    @property
    def unsettled(self) -> list[str]:
        """The files that were found and have no outcome."""
        return [*self.followed.names, *(file.name for file in self._without_outcome)]

    @property
    def unfinished(self) -> int:
        """How many files the server has and is not finished with."""
        for outcome in _taken(self._sent):
            self._settle(outcome)
        return len(self.followed.names)

    def run(self) -> None:
        """Return when every file has its outcome."""
        with ThreadPoolExecutor(UPLOADS_AT_ONCE, thread_name_prefix="upload") as pool:
            try:
                while self._send_more(pool) or self._sending or len(self.followed):
                    self._pause()
                    self._settle_sent()
                    self._look()
            finally:
                self._stop.set()

    def _send_more(self, pool: ThreadPoolExecutor) -> bool:
        """Whether there was more to send; as much is on its way as may be."""
        while len(self._sending) < UPLOADS_AT_ONCE and len(self.followed) < MAX_FOLLOWED:
            batch = next(self._batches, None)
            if batch is None:
                return False
            self._without_outcome += batch
            self._sending[pool.submit(self._send, batch)] = batch
        return True

    def _send(self, batch: Sequence[FoundFile]) -> None:
        for outcome in self._sender.send(batch):
            self._sent.put(outcome)

    def _pause(self) -> None:
        if self._sending:
            wait(self._sending, LOOK_EVERY_S, return_when=FIRST_COMPLETED)
        elif len(self.followed):
            self._stop.wait(LOOK_EVERY_S)

    def _settle_sent(self) -> None:
        done = [sending for sending in self._sending if sending.done()]
        for outcome in _taken(self._sent):
            self._without_outcome.remove(outcome.file)
            self._settle(outcome)
        for sending in done:
            del self._sending[sending]
            sending.result()  # raises what ended it

    def _settle(self, outcome: Outcome) -> None:
        name = outcome.file.name
        match outcome:
            case Skipped():
                self._outcomes.skipped()
            case NotSent():
                self._outcomes.failed(name, outcome.detail, outcome.hint, outcome.code)
            case Sent(document=document, was_there=True) if document["status"] in FINAL_STATUSES:
                self._outcomes.final(name, document, was_there=True)
            case Sent(document=document):
                self.followed.add(document["id"], name)
                return
        self._bars.file_done()

    def _look(self) -> None:
        """Ask about some of the documents, not more often than `LOOK_EVERY_S`."""
        asked = self.followed.next_ids()
        if not asked or time.monotonic() - self._looked_at_s < LOOK_EVERY_S:
            return
        self._looked_at_s = time.monotonic()
        try:
            found = self._patience.call(lambda: self._client.lookup(asked))
        except ServerError as error:
            for name in self.followed.names:
                self._outcomes.failed(name, error.detail, error.hint, error.code)
            self.followed = Followed()
            return
        final, gone = self.followed.settle(asked, found)
        for name, document in final:
            self._outcomes.final(name, document)
            self._bars.file_done()
            for attached in document.get("attachments", []):
                self.followed.add(attached["document_id"], f"{name} → {attached['filename']}")
        for name in gone:
            self._outcomes.failed(name, "its document was deleted meanwhile.")
            self._bars.file_done()
        self._bars.bytes_done(self._bytes)
        self._bars.show(self.followed.worked_on)

    def _count_bytes(self, size_bytes: int) -> None:
        self._bytes += size_bytes

    def _unreadable(self, name: str, error: OSError) -> None:
        self._outcomes.failed(name, f"cannot be read: {error.strerror}.")
        self._bars.file_done()


def _taken(outcomes: queue.Queue[Outcome]) -> Iterator[Outcome]:
    while True:
        try:
            yield outcomes.get_nowait()
        except queue.Empty:
            return


def _interrupted(followed: int, *, ends_with_us: bool) -> str:
    goes_on = "when it runs again" if ends_with_us else "by itself"
    return (
        f"Interrupted. {followed:,} file{'s'[: followed != 1]} of those sent are not ready yet: "
        f"the server goes on with them {goes_on}. The same command again sends the rest."
    )

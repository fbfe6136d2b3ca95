"""`python -m bench.deletion_races [N] [SEED]`: no deleted or replaced text gets into an answer.

N random interleavings, step by step, of deletions, replacements, changes, rollbacks, ingestion and
questions, on the real registry (SQLite, or DATABASE_URL), the real index and the real retrieval and
answering. Every version of every document states a number of its own. An answer, or a piece of a
streamed one, is wrong when it holds a number that was not live any more at the moment it was given.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from bench.races_world import World, open_world
from bench.stepping import Actor, run_interleaved
from corpus.access import UNRESTRICTED
from corpus.deletion import delete_document
from corpus.errors import DocumentNotFound, NothingToRollBack, SourcesChanged
from corpus.originals.port import StagedOriginal
from corpus.quiet import set_offline_environment
from corpus.registry.uploads import Upload, change_attributes
from service.accepting import accept_file, accept_new_bytes, accept_rollback
from service.answering.events import AnswerDone, CitationMade, TextPiece
from service.asking.answers import answer, ask
from service.asking.question import Question

DEFAULT_RUNS = 10_000
DOCUMENTS = ("Amber", "Birch", "Cedar")
COMPACT_EVERY_RUNS = 50
_NUMBER = re.compile(r"K\d+")


@dataclass(slots=True)
class Tally:
    """What happened; `wrong` lists each dead number that was given out, and how."""

    steps: int = 0
    events: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Race:
    """One interleaving, in a collection of its own."""

    def __init__(self, world: World, number: int, seed: int, tally: Tally) -> None:
        self._world = world
        self._choose = random.Random(seed)
        self._collection = f"race-{number}"
        self._tally = tally
        self._numbers = 0
        self._documents: dict[str, str] = {}  # name to id

    def run(self) -> None:
        """Set up, race, clean up."""
        for name in DOCUMENTS[: self._choose.randint(1, len(DOCUMENTS))]:
            upload = Upload(self._collection, f"{name}.txt", external_id=name)
            with self._text(name) as staged:
                document = accept_file(self._world.parts, staged, upload, UNRESTRICTED).document
            self._documents[name] = document.id
        self._world.ingest()
        if self._choose.random() < 0.5:
            self._replace(self._choose.choice(list(self._documents)))
            self._world.ingest()
        works = [self._ingest, self._question, self._stream]
        works += self._choose.choices(
            [self._delete, self._put, self._patch, self._roll_back, self._question, self._stream],
            weights=[3, 3, 1, 2, 1, 1],
            k=self._choose.randint(2, 4),
        )
        actors = [Actor(f"{work.__name__}-{n}", work) for n, work in enumerate(works)]
        self._tally.steps += len(run_interleaved(actors, self._choose))
        self._world.ingest()
        asyncio.run(self._answer("afterwards"))
        for document_id in self._documents.values():
            self._delete_one(document_id)

    def _ingest(self) -> None:
        self._world.ingest()

    def _delete(self) -> None:
        self._delete_one(self._documents[self._pick()])

    def _delete_one(self, document_id: str) -> None:
        parts = self._world.parts
        try:
            receipt = delete_document(
                parts.registry, parts.originals, parts.store, document_id, UNRESTRICTED
            )
        except DocumentNotFound:
            self._tally.events["deleted by another"] += 1
        else:
            self._tally.events["deleted"] += 1
            if not receipt.verified:
                self._tally.events["deletions not verified"] += 1

    def _put(self) -> None:
        self._replace(self._pick())

    def _replace(self, name: str) -> None:
        document_id = self._documents[name]
        try:
            with self._text(name) as staged:
                accept_new_bytes(
                    self._world.parts, staged, document_id, f"{name}.txt", UNRESTRICTED
                )
            self._tally.events["replaced"] += 1
        except DocumentNotFound:
            self._tally.events["replaced too late"] += 1

    def _patch(self) -> None:
        try:
            with self._world.parts.registry.write() as connection:
                change_attributes(
                    connection, self._documents[self._pick()], UNRESTRICTED, metadata={"a": 1}
                )
            self._tally.events["changed"] += 1
        except DocumentNotFound:
            self._tally.events["changed too late"] += 1

    def _roll_back(self) -> None:
        try:
            accept_rollback(self._world.parts, self._documents[self._pick()], UNRESTRICTED)
            self._tally.events["rolled back"] += 1
        except (DocumentNotFound, NothingToRollBack):
            self._tally.events["rolled back in vain"] += 1

    def _question(self) -> None:
        asyncio.run(self._answer("answer"))

    def _stream(self) -> None:
        asyncio.run(self._answer_in_pieces())

    async def _answer(self, kind: str) -> None:
        try:
            _, done = await answer(self._world.parts, self._ask())
        except SourcesChanged:
            self._tally.events[f"{kind}: sources kept changing"] += 1
            return
        self._tally.events[f"{kind}: {done.state}"] += 1
        self._check(kind, " ".join([done.answer, *(cited.quote for cited in done.citations)]))

    async def _answer_in_pieces(self) -> None:
        begun = await ask(self._world.parts, self._ask())
        try:
            async with aclosing(begun.events) as events:
                async for event in events:
                    match event:
                        case TextPiece(text):
                            self._check("stream", text)
                        case CitationMade(citation):
                            self._check("stream", citation.quote)
                        case AnswerDone(state):
                            self._tally.events[f"stream: {state}"] += 1
        except SourcesChanged:
            self._tally.events["stream: ended, sources changed"] += 1

    def _ask(self) -> Question:
        return Question(
            f"What is the number of {self._pick()}?", self._collection, UNRESTRICTED, top_k=8
        )

    def _check(self, kind: str, given: str) -> None:
        """Nobody else moves while this looks."""
        dead = set(_NUMBER.findall(given)) - self._world.live_numbers(self._collection)
        if dead:
            self._tally.wrong.append(f"{self._collection}: {kind} holds {sorted(dead)}: {given}")

    def _pick(self) -> str:
        return self._choose.choice(list(self._documents))

    def _text(self, name: str) -> AbstractContextManager[StagedOriginal]:
        """A file that states the next number."""
        self._numbers += 1
        text = f"The number of {name} is K{self._numbers}."
        return self._world.parts.originals.stage(BytesIO(text.encode()), max_bytes=1000)


def measure(folder: Path, runs: int, seed: int = 0, *, print_every: int = 0) -> Tally:
    """Run so many interleavings in a folder; the same seed gives the same ones."""
    tally = Tally()
    started_s = time.perf_counter()
    with open_world(folder) as world:
        for number in range(runs):
            Race(world, number, seed * runs + number, tally).run()
            if number % COMPACT_EVERY_RUNS == COMPACT_EVERY_RUNS - 1:
                world.store.compact(threading.Event(), after_s=0)
            if print_every and (number + 1) % print_every == 0:
                rate = (number + 1) / (time.perf_counter() - started_s)
                print(f"{number + 1} runs, {rate:.1f}/s, {len(tally.wrong)} wrong", flush=True)
    return tally


def main() -> None:
    """Run, and print the figures; the exit code is 1 when something was wrong."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_RUNS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    set_offline_environment()
    with tempfile.TemporaryDirectory() as folder:
        tally = measure(Path(folder), runs, seed, print_every=500)
    print(f"{runs} interleavings (seed {seed}), {tally.steps} steps")
    for event, count in sorted(tally.events.items()):
        print(f"  {event}: {count}")
    print(f"dead text given out: {len(tally.wrong)}")
    for line in tally.wrong[:20]:
        print(f"  {line}")
    sys.exit(1 if tally.wrong else 0)


if __name__ == "__main__":
    main()

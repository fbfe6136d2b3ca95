"""`python -m bench.hostile [--minutes 20] [--seed N] [--timeout 20] [FOLDER]`.

Every generated file goes through the parser sandbox and the chunker; then the files of FOLDER do,
damaged in ever new ways, for as many minutes. Each must end within its limits as ready, partial or
with a stable error code; the exit code is 1 when one does not. Files that crashed or hung a parser
are saved beside (`hostile-SEED/`), also when that was told with a stable code. At the end the
generated files that are not heavy, and hostile names, go through a real server. Linux only.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from bench.hostile.cases import all_cases
from bench.hostile.mutations import damaged
from bench.hostile.reader import Reader
from bench.hostile.tally import Tally
from bench.hostile.through_server import send_all
from bench.real_server import RealServer
from corpus.quiet import set_offline_environment
from ingestion.parsing.sandbox.sandbox import ParserSandbox

MAX_PAGES = 10_000
LARGEST_BYTES = 4 << 20  # larger originals only make the fuzzer slow


def main() -> None:
    """Read them all, print the figures, and say by the exit code whether all is well."""
    parser = argparse.ArgumentParser(prog="python -m bench.hostile")
    parser.add_argument("folder", nargs="?", type=Path, help="honest files to damage")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--timeout", type=float, default=20.0, help="limit for one file, seconds")
    chosen = parser.parse_args()
    set_offline_environment()
    print(f"seed {chosen.seed}", flush=True)
    generated, fuzzed = (
        Tally(Path(f"hostile-{chosen.seed}") / part) for part in ("generated", "fuzzed")
    )
    with (
        tempfile.TemporaryDirectory() as scratch,
        ParserSandbox(timeout_s=chosen.timeout, max_pages=MAX_PAGES) as sandbox,
    ):
        reader = Reader(sandbox, Path(scratch), timeout_s=chosen.timeout)
        read_generated(reader, generated)
        generated.print()
        if chosen.folder is not None:
            fuzz(reader, fuzzed, chosen.folder, chosen.seed, chosen.minutes * 60)
            fuzzed.print()
    served = served_violations(Path(f"hostile-{chosen.seed}") / "server")
    for sentence in served:
        print(f"VIOLATION through the server: {sentence}")
    if generated.violations or fuzzed.violations or served:
        sys.exit(1)
    print("all is well")


def read_generated(reader: Reader, tally: Tally) -> None:
    """Every generated file once."""
    for case in all_cases():
        content = case.make()
        tally.add(reader.read(case.name, content), content)


def fuzz(reader: Reader, tally: Tally, folder: Path, seed: int, duration_s: float) -> None:
    """Damaged files for so long; the n-th is made by the seed and n alone."""
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    originals = [
        (path.name, path.read_bytes()) for path in paths if path.stat().st_size <= LARGEST_BYTES
    ]
    ends_s = time.monotonic() + duration_s
    number = 0
    while time.monotonic() < ends_s:
        rng = random.Random(f"{seed}/{number}")
        name, content = rng.choice(originals)
        same_kind = [other for other_name, other in originals if other_name[-4:] == name[-4:]]
        content = damaged(content, same_kind, rng)
        tally.add(reader.read(name, content), content, f"#{number}")
        number += 1


def served_violations(folder: Path) -> list[str]:
    """What a real server on this folder makes wrong of the light files and the names."""
    folder.mkdir(parents=True, exist_ok=True)
    server = RealServer(folder / "data", {"LECTERN_PARSE_TIMEOUT_S": "20"})
    server.start()
    try:
        light = ((case.name, case.make()) for case in all_cases() if not case.heavy)
        return list(send_all(server, light))
    finally:
        server.stop()


if __name__ == "__main__":
    main()

"""Whether the time of an answer tells a document that is not one's own from one that is not there.

`python -m bench.hidden_timing [--requests 2000]`: a server with keys, a document of somebody else,
and requests for it and for ids of nothing, interleaved at random.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import numpy as np

from bench.real_server import RealServer

PATHS = ("/documents/{}", "/documents/{}/pages/1", "/documents/{}/content")
WARM_UP = 200
# Of a normal distribution: where nothing differs, one of 370 runs says that it does.
TOLD_APART_Z = 3.0


@dataclass(frozen=True, slots=True)
class Difference:
    """`ratio` of the medians; `chance` that one of the former takes longer than one of the latter.

    `z`: by how many standard deviations the ranks differ (Mann and Whitney, 1947).
    """

    ratio: float
    chance: float
    z: float

    @property
    def is_told_apart(self) -> bool:
        """Whether so many requests show a difference."""
        return abs(self.z) > TOLD_APART_Z


def difference(first: Sequence[float], second: Sequence[float]) -> Difference:
    """How `first` differs from `second`; equal values do not occur in nanoseconds."""
    n, m = len(first), len(second)
    ranks = np.argsort(np.argsort(np.concatenate([first, second]))) + 1
    u = float(ranks[:n].sum()) - n * (n + 1) / 2
    z = (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return Difference(statistics.median(first) / statistics.median(second), u / (n * m), z)


def measure(url: str, key: str, hidden_id: str, path: str, count: int) -> Difference:
    """Ask `count` times for each, in a random order, as the bearer of the key."""
    took: dict[bool, list[float]] = {True: [], False: []}
    rng = random.Random(7)
    turns = [True, False] * count
    rng.shuffle(turns)
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, timeout=30.0, trust_env=False) as client:
        for number, is_hidden in enumerate([True, False] * (WARM_UP // 2) + turns):
            address = path.format(hidden_id if is_hidden else uuid4())
            started_ns = time.perf_counter_ns()
            status = client.get(address).status_code
            passed_ns = time.perf_counter_ns() - started_ns
            if status != 404:
                raise SystemExit(f"{address} answered {status}")
            if number >= WARM_UP:
                took[is_hidden].append(passed_ns)
    return difference(took[True], took[False])


def _key(data_dir: Path, name: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "lectern", "keys", "create", name, "--scope", "admin"]
        if name == "admin"
        else [sys.executable, "-m", "lectern", "keys", "create", name],
        env={**os.environ, "LECTERN_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def main() -> int:
    """Measure, and say whether they can be told apart; exit code 1: they can."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2_000)
    count = parser.parse_args().requests
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        data_dir.mkdir()
        admin, stranger = _key(data_dir, "admin"), _key(data_dir, "stranger")
        server = RealServer(data_dir, {"LECTERN_OCR": "off"})
        server.start()
        try:
            reply = httpx.post(
                f"{server.url}/documents",
                files={"file": ("vault.txt", b"The pass phrase is magnolia.")},
                data={"acl": '["user:ann"]'},
                headers={"Authorization": f"Bearer {admin}"},
                trust_env=False,
                timeout=60.0,
            )
            hidden_id = reply.raise_for_status().json()["id"]
            time.sleep(5)  # until it is read
            found = [measure(server.url, stranger, hidden_id, path, count) for path in PATHS]
        finally:
            server.stop()
    for path, one in zip(PATHS, found, strict=True):
        verdict = "TOLD APART" if one.is_told_apart else "not told apart"
        print(
            f"{path:<26} medians {one.ratio:.4f}, longer with chance {one.chance:.4f}, "
            f"z {one.z:+.2f}: {verdict}"
        )
    return int(any(one.is_told_apart for one in found))


if __name__ == "__main__":
    sys.exit(main())

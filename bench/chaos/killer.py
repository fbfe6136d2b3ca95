"""`kill -9` at random: the API, its worker, its parser."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter

from bench.processes import SeenProcess
from bench.real_server import RealServer

_VICTIMS = ("api", "worker", "parser")
_WEIGHTS = (25, 40, 35)
_COMMANDS = {"worker": " lectern worker", "parser": "ingestion.parsing.sandbox.child"}
_LOOK_EVERY_S = 0.05
_LOSES_PATIENCE = 0.01  # per look: the worker may wait half a minute before it starts again


class Killer:
    """Kills until `kills` are done, spread over the time; a killed API is started again.

    `up` is set while a server is ready. Afterwards: `kills` by victim, `restarts_s` the times from
    start to ready, `seen` all processes that ever belonged to the servers.
    """

    def __init__(self, server: RealServer, up: threading.Event, seed: int) -> None:
        self.kills: Counter[str] = Counter()
        self.restarts_s: list[float] = []
        self.seen: set[SeenProcess] = set()
        self._server = server
        self._up = up
        self._rng = random.Random(f"{seed}/killer")

    def run(self, kills: int, duration_s: float) -> None:
        """Return after the last one. Raises `ServerFailedError` when the server stays away."""
        ends_s = time.monotonic() + duration_s
        for left in range(kills, 0, -1):
            remaining_s = max(0.0, ends_s - time.monotonic())
            self._wait(self._rng.expovariate(1.0) * remaining_s / left)
            (victim,) = self._rng.choices(_VICTIMS, _WEIGHTS)
            self._kill(victim)

    def look(self) -> list[SeenProcess]:
        """The server's processes now, which are remembered."""
        found = self._server.processes()
        self.seen.update(found)
        return found

    def _kill(self, victim: str) -> None:
        """Kill the victim, once there is one; processes that were ended are started by others."""
        while victim != "api":
            for process in self.look():
                if _COMMANDS[victim] in process.command and process.kill():
                    self.kills[victim] += 1
                    return
            time.sleep(_LOOK_EVERY_S)
            if self._rng.random() < _LOSES_PATIENCE:
                victim = "api"
        self.look()
        self._up.clear()
        self._server.kill()
        self.kills["api"] += 1
        self.restarts_s.append(self._server.start())
        self._up.set()

    def _wait(self, seconds: float) -> None:
        ends_s = time.monotonic() + seconds
        while (left_s := ends_s - time.monotonic()) > 0:
            time.sleep(min(left_s, 0.5))
            self.look()

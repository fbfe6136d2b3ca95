"""One fault after another, sometimes two at once; after each, how long it took to be well again."""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from bench.chaos.ledger import Account
from bench.chaos.record import Record
from bench.chaos.service import said_in
from bench.chaos.texts import make_text
from bench.cluster.faults import Cluster, Fault, faults_of
from bench.cluster.service import ClusterService
from corpus.values import FINAL_STATUSES

LONGEST_GAP_S = 3.0
TWO_AT_ONCE = 0.3
# From the end of a fault until the service is well: readiness of all, and one document's way.
RECOVERY_LIMIT_S = 120.0
LOOK_EVERY_S = 0.25


class Storm:
    """`recoveries_s` by what happened, in order; `happened` counts each kind."""

    def __init__(
        self,
        cluster: Cluster,
        service: ClusterService,
        record: Record,
        seed: int,
        say: Callable[[str], None],
    ) -> None:
        self.recoveries_s: dict[str, list[float]] = defaultdict(list)
        self._cluster = cluster
        self._service = service
        self._record = record
        self._say = say
        self._rng = random.Random(f"{seed}/storm")
        self._faults = faults_of(cluster, self._rng)

    def run(self, duration_s: float, first: Sequence[str] = ()) -> None:
        """Go on for so long; what is under way then is ended. `first` names what comes first."""
        ends_s = time.monotonic() + duration_s
        planned = [fault for name in first for fault in self._faults if fault.name == name]
        while time.monotonic() < ends_s:
            chosen = [planned.pop(0)] if planned else self._chosen()
            self._suffer(chosen)
            time.sleep(self._rng.uniform(0, LONGEST_GAP_S))

    def _chosen(self) -> list[Fault]:
        count = 2 if self._rng.random() < TWO_AT_ONCE else 1
        weights = [fault.weight for fault in self._faults]
        found = self._rng.choices(self._faults, weights, k=count)
        return found if len({fault.name for fault in found}) == count else found[:1]

    def _suffer(self, faults: list[Fault]) -> None:
        name = " + ".join(sorted(fault.name for fault in faults))
        self._say(f"fault: {name}")
        lasts_s = [self._rng.uniform(*fault.lasts_s) for fault in faults]
        try:
            for fault in faults:
                fault.begin()
            time.sleep(max(lasts_s))
        finally:
            for fault in faults:
                fault.end()
        started_s = time.monotonic()
        if self._is_well_again(started_s + RECOVERY_LIMIT_S):
            took_s = time.monotonic() - started_s
            self.recoveries_s[name if len(faults) == 1 else "two at once"].append(took_s)
            self._say(f"well after {took_s:.1f} s: {name}")
        else:
            self._record.violation(f"not well {RECOVERY_LIMIT_S:.0f} s after {name}")

    def _is_well_again(self, ends_s: float) -> bool:
        """Whether all are ready, and a document that is sent now is found, before `ends_s`."""
        replicas = self._cluster.replicas
        while not all(replica.is_ready() for replica in replicas):
            if time.monotonic() > ends_s:
                return False
            time.sleep(LOOK_EVERY_S)
        text = make_text(self._rng)
        account = self._record.opened(Account("probes"))
        account.sending(text)
        while time.monotonic() < ends_s:
            if account.document_id is None:
                sent = self._service.upload(text, "probes")
                if sent is not None and sent.status_code in {200, 202}:
                    account.acknowledged(text, sent.json()["id"])
                continue
            found = self._service.call("GET", f"/documents/{account.document_id}")
            if found is not None and found.json()["status"] in FINAL_STATUSES:
                hits = self._service.hits(text.marker, "probes")
                if hits is not None:
                    return bool(said_in(hits, [text]))
            time.sleep(LOOK_EVERY_S)
        return False


def look_at(cluster: Cluster, ended: threading.Event) -> None:
    """Remember the members' processes, until told to end: none may outlive the run."""
    while not ended.wait(0.5):
        for member in (*cluster.replicas, *cluster.workers):
            member.look()

"""The unit for systemd, without running it."""

from __future__ import annotations

import re

from lectern.server.serve import SHUTDOWN_GRACE_S
from lectern.server.worker_process import DRAIN_S
from tests.conftest import ROOT
from tests.manifests import is_command, unknown_variables

UNIT = (ROOT / "deploy" / "lectern.service").read_text()


def test_it_starts_a_command_that_exists_and_gives_it_the_time_to_end() -> None:
    said = dict(re.findall(r"^(\w+)=(.*)$", UNIT, re.MULTILINE))
    program, *arguments = said["ExecStart"].split()
    assert program.endswith("/.venv/bin/lectern")
    assert is_command(arguments)
    assert unknown_variables(set(re.findall(r"\b(LECTERN_[A-Z_]+)=", UNIT))) == set()
    assert int(said["TimeoutStopSec"]) >= SHUTDOWN_GRACE_S + DRAIN_S + 5
    # What may be written to is what systemd makes for it.
    assert said["ProtectSystem"] == "strict"
    assert f"LECTERN_DATA_DIR=/var/lib/{said['StateDirectory']}\n" in UNIT

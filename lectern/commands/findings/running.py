"""Whether a server runs, and can do its work. Quick to load: each container asks all the time."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from corpus.settings import Settings
from lectern.client import Client
from lectern.commands.findings.finding import Finding, Mark
from lectern.server.data_dir import find_server


def examine_server(settings: Settings) -> Iterator[Finding]:
    """Whether a server runs on the data folder and can do its work; "broken" when none does."""
    running = find_server(settings.data_dir)
    if running is None:
        yield Finding("broken", "server", f"none runs on {settings.data_dir}")
        return
    client = Client(running.url, running.key)
    try:
        readiness = client.readiness()
        checks, is_ready = readiness["checks"].items(), readiness["status"] == "ready"
    except (httpx.HTTPError, ValueError, KeyError):
        yield Finding("broken", "server", f"{running.url} (process {running.pid}) is silent")
        return
    finally:
        client.close()
    yield Finding("ok", "server", f"{running.url} (process {running.pid})")
    # What a server that is ready does without is no reason to start it again.
    lacking: Mark = "note" if is_ready else "broken"
    for name, word in checks:
        yield Finding("ok" if word == "ok" else lacking, f"  {name}", word)

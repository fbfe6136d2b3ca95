"""`lectern doctor`: what is configured, reachable, missing or in disorder, and what to do."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import version

from corpus.errors import LecternError
from corpus.settings import Settings
from lectern.commands.findings import contents, machine, models
from lectern.commands.findings.finding import Finding, broken_by
from lectern.commands.findings.programs import programs
from lectern.commands.findings.registry import registry
from lectern.commands.findings.repairing import repair
from lectern.commands.findings.running import examine_server
from lectern.server.data_dir import find_server


def diagnose(settings: Settings, *, with_repair: bool) -> Iterator[Finding]:
    """All findings, mended first where that is wanted."""
    if with_repair:
        try:
            yield from repair(settings)
        except LecternError as error:
            yield broken_by("repaired", error)
    yield from examine(settings)


def examine(settings: Settings) -> Iterator[Finding]:
    """All findings, in the order of a document's way; changes nothing."""
    yield Finding("ok", "lectern", f"{version('lectern')} on Python {platform.python_version()}")
    yield from machine.data_folder(settings.data_dir)
    yield machine.files()
    if find_server(settings.data_dir) is None:
        yield Finding("ok", "server", "not running; `lectern serve` starts it")
    else:
        yield from examine_server(settings)
    is_anothers = machine.is_anothers(settings.data_dir)
    if is_anothers:
        hint = f"Run it as the user that {settings.data_dir} belongs to."
        yield Finding("note", "doctor", "what is in the folder was not looked at", hint)
    else:
        yield from registry(settings)
    yield from contents.originals_reached(settings)
    yield models.embedding(settings)
    yield from _index(settings)
    if not is_anothers:
        yield from contents.agreement(settings)
    yield models.llm(settings)
    yield from programs(settings)


def _index(settings: Settings) -> Iterator[Finding]:
    if settings.qdrant_url is None:
        yield Finding("ok", "index", "Qdrant Edge, in the data folder")
        return
    # Imported only when used: the client takes two seconds.
    from corpus.index.server.collection import CollectionLayout  # noqa: PLC0415
    from corpus.index.server.connection import Limits, ServerAddress  # noqa: PLC0415
    from corpus.index.server.survey import survey  # noqa: PLC0415

    key = settings.qdrant_api_key
    address = ServerAddress(
        settings.qdrant_url,
        key.get_secret_value() if key else None,
        Limits(read_s=models.PROBE_TIMEOUT_S, tries=1),
    )
    try:
        found = survey(address, CollectionLayout.of(settings))
    except LecternError as error:
        yield Finding("broken", "index", f"{settings.qdrant_url}: {error.detail}", error.hint)
        return
    yield Finding("ok", "index", f"Qdrant {found.version} at {settings.qdrant_url}")
    for name, points in found.collections:
        yield Finding("ok", "  collection", f"{name}, about {points} chunks")
    for remark in found.remarks:
        yield Finding("note", "  collection", remark)

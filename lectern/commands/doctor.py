"""`lectern doctor`: what is configured, reachable, missing or in disorder, and what to do."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from importlib.metadata import version

import httpx

from corpus.errors import LecternError
from corpus.settings import Settings
from lectern.client import Client
from lectern.commands.findings import contents, machine, models
from lectern.commands.findings.finding import Finding, broken_by
from lectern.commands.findings.programs import programs
from lectern.commands.findings.registry import registry
from lectern.commands.findings.repairing import repair
from lectern.plain import plain
from lectern.server.data_dir import find_server
from lectern.server.logs import without_userinfo

__all__ = ["Finding", "diagnose", "examine", "examine_server", "tell"]

_MARKS = {"ok": "✓", "note": "!", "broken": "✗"}


def diagnose(settings: Settings, *, only_ready: bool, with_repair: bool, as_json: bool) -> bool:
    """Print all findings, mended first where that is wanted; whether nothing is broken."""
    found = examine_server(settings) if only_ready else _all(settings, with_repair=with_repair)
    return tell(found, as_json=as_json)


def tell(found: Iterable[Finding], *, as_json: bool) -> bool:
    """Print findings as they come, or as JSON; whether nothing is broken."""
    shown = (_safe(one) for one in found)
    if as_json:
        listed = [*shown]
        print(json.dumps({"findings": [asdict(one) for one in listed]}, indent=2))
        return not _any_broken(listed)
    is_well = True
    for one in shown:
        is_well = is_well and one.mark != "broken"
        print(f"{_MARKS[one.mark]} {one.name:<12} {one.text}", flush=True)
        if one.hint:
            print(f"  {'':<12} {one.hint}")
    return is_well


def _all(settings: Settings, *, with_repair: bool) -> Iterator[Finding]:
    if with_repair:
        try:
            yield from repair(settings)
        except LecternError as error:
            yield broken_by("repaired", error)
    yield from examine(settings)


def _safe(one: Finding) -> Finding:
    said, hint = plain(without_userinfo(one.text)), plain(without_userinfo(one.hint))
    return Finding(one.mark, one.name, said, hint)


def _any_broken(found: Iterable[Finding]) -> bool:
    return any(one.mark == "broken" for one in found)


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
    yield contents.originals_reached(settings)
    yield models.embedding(settings)
    yield from _index(settings)
    if not is_anothers:
        yield from contents.agreement(settings)
    yield models.llm(settings)
    yield from programs(settings)


def examine_server(settings: Settings) -> Iterator[Finding]:
    """Whether a server runs on the data folder and can do its work; "broken" when none does."""
    running = find_server(settings.data_dir)
    if running is None:
        yield Finding("broken", "server", f"none runs on {settings.data_dir}")
        return
    client = Client(running.url, running.key)
    try:
        readiness = client.readiness()
        checks = readiness["checks"].items()
    except (httpx.HTTPError, ValueError, KeyError):
        yield Finding("broken", "server", f"{running.url} (process {running.pid}) is silent")
        return
    finally:
        client.close()
    yield Finding("ok", "server", f"{running.url} (process {running.pid})")
    for name, word in checks:
        yield Finding("ok" if word == "ok" else "broken", f"  {name}", word)


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

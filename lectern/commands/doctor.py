"""`lectern doctor`: what is configured, reachable and missing."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx

from corpus.embedding.graph_cache import is_prebuilt
from corpus.embedding.weights import model_folder, weights_file
from corpus.errors import LecternError
from corpus.originals.open import check_originals
from corpus.registry.database.postgres import describe_database
from corpus.settings import BUILT_IN_EMBEDDING, EXTRACTIVE, Settings
from ingestion.ocr.tesseract import find_tesseract
from ingestion.programs.office import find_libreoffice
from lectern.client import Client
from lectern.server.data_dir import find_server
from lectern.server.providers import address_of_llm, open_provider

PROBE_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: `mark` is "ok", "note" (look at it) or "broken"."""

    mark: str
    name: str
    text: str


def examine(settings: Settings) -> Iterator[Finding]:
    """All findings, in the order of a document's way; changes nothing."""
    yield Finding("ok", "lectern", f"{version('lectern')} on Python {platform.python_version()}")
    yield _data_dir(settings.data_dir)
    if find_server(settings.data_dir) is None:
        yield Finding("ok", "server", "not running; `lectern serve` starts it")
    else:
        yield from examine_server(settings)
    yield _registry(settings)
    yield _originals(settings)
    yield _embedding(settings)
    yield from _index(settings)
    yield _llm(settings)
    yield from _programs(settings)


def examine_server(settings: Settings) -> Iterator[Finding]:
    """Whether a server runs on the data folder and can do its work; "broken" when none does."""
    running = find_server(settings.data_dir)
    if running is None:
        yield Finding("broken", "server", f"none runs on {settings.data_dir}")
        return
    client = Client(running.url)
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


def _data_dir(folder: Path) -> Finding:
    shown = str(folder.resolve())
    if not folder.exists():
        parent = next(path for path in folder.resolve().parents if path.exists())
        writable = os.access(parent, os.W_OK)
        text = "is made at the first start" if writable else "cannot be made here"
        return Finding("ok" if writable else "broken", "data folder", f"{shown} {text}")
    if not os.access(folder, os.W_OK):
        return Finding("broken", "data folder", f"{shown} is not writable")
    free_gib = shutil.disk_usage(folder).free / 2**30
    return Finding("ok", "data folder", f"{shown}, {free_gib:.0f} GiB free")


def _registry(settings: Settings) -> Finding:
    if settings.database_url is None:
        return Finding("ok", "registry", "SQLite, in the data folder")
    try:
        return Finding("ok", "registry", describe_database(settings.database_url))
    except LecternError as error:
        return Finding("broken", "registry", f"{error.detail} {error.hint}")


def _originals(settings: Settings) -> Finding:
    try:
        return Finding("ok", "originals", check_originals(settings))
    except LecternError as error:
        return Finding("broken", "originals", f"{error.detail} {error.hint}")


def _embedding(settings: Settings) -> Finding:
    if settings.embedding != BUILT_IN_EMBEDDING:
        return _endpoint("embedding", settings.embedding, settings.embedding_model)
    try:
        if not is_prebuilt():
            weights_file(model_folder())
    except LecternError as error:
        return Finding("broken", "embedding", f"{error.detail} {error.hint}")
    return Finding("ok", "embedding", f"{BUILT_IN_EMBEDDING}, on this machine")


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
        Limits(read_s=PROBE_TIMEOUT_S, tries=1),
    )
    try:
        found = survey(address, CollectionLayout.of(settings))
    except LecternError as error:
        yield Finding("broken", "index", f"{settings.qdrant_url}: {error.detail} {error.hint}")
        return
    yield Finding("ok", "index", f"Qdrant {found.version} at {settings.qdrant_url}")
    for name, points in found.collections:
        yield Finding("ok", "  collection", f"{name}, about {points} chunks")
    for remark in found.remarks:
        yield Finding("note", "  collection", remark)


def _llm(settings: Settings) -> Finding:
    if settings.llm == EXTRACTIVE:
        return Finding("ok", "answers", "extractive: sentences of the documents, no LLM")
    try:
        base_url = address_of_llm(settings)
        open_provider(settings)
    except LecternError as error:
        return Finding("broken", "answers", f"{error.detail} {error.hint}")
    return _endpoint("answers", base_url, settings.llm_model)


def _programs(settings: Settings) -> Iterator[Finding]:
    yield _ocr(settings)
    office = find_libreoffice()
    text = office or "not installed: .doc, .ppt and .odp fail with needs_libreoffice"
    yield Finding("ok", "LibreOffice", text)


def _ocr(settings: Settings) -> Finding:
    if settings.ocr == "off":
        return Finding("ok", "OCR", "off (LECTERN_OCR)")
    with tempfile.TemporaryDirectory() as folder:
        tesseract = find_tesseract(Path(folder))
    if tesseract is None:
        return Finding("ok", "OCR", "Tesseract is not installed: pictures fail with needs_ocr")
    wanted = settings.ocr_languages.split("+")
    missing = [name for name in wanted if name not in tesseract.installed]
    known = ", ".join(sorted(tesseract.installed - {"osd"}))
    if missing:
        text = f"{tesseract.program} knows {known}; not {', '.join(missing)}"
        return Finding("broken", "OCR", f"{text} (LECTERN_OCR_LANGUAGES)")
    return Finding("ok", "OCR", f"{tesseract.program}, languages {known}")


def _endpoint(name: str, base_url: str, model: str) -> Finding:
    try:
        httpx.get(f"{base_url.rstrip('/')}/models", timeout=PROBE_TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Finding("broken", name, f"{base_url} does not answer: {error}")
    return Finding("ok", name, f"{model or '(no model named)'} at {base_url}")

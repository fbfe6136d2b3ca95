from __future__ import annotations

import gzip
from importlib.resources import files
from pathlib import Path

from starlette.testclient import TestClient

from corpus.registry.database.engine import open_sqlite_registry
from service.app import create_app
from tests.conftest import ROOT
from tests.doubles.parts import parts_with

ASSETS = files("service.web").joinpath("assets")
# What a reader on a slow line waits for.
MAX_BYTES = 50_000


def test_the_whole_page_is_small() -> None:
    sent = {one.name: len(gzip.compress(one.read_bytes())) for one in ASSETS.iterdir()}
    assert sum(size for name, size in sent.items() if name != "sample.pdf") < MAX_BYTES


def test_the_sample_is_the_one_of_the_documentation() -> None:
    documented = (ROOT / "docs/sample/lighthouse.pdf").read_bytes()
    assert ASSETS.joinpath("sample.pdf").read_bytes() == documented


def test_a_browser_gets_the_page_and_a_program_the_way_to_the_api(tmp_path: Path) -> None:
    registry = open_sqlite_registry(tmp_path / "registry.sqlite")
    with TestClient(create_app(parts_with(registry))) as client:
        page = client.get("/", headers={"Accept": "text/html,*/*", "Host": "127.0.0.1"})
        assert page.headers["content-type"].startswith("text/html")
        again = client.get(
            "/",
            headers={
                "Accept": "text/html",
                "Host": "127.0.0.1",
                "If-None-Match": page.headers["etag"],
            },
        )
        assert (again.status_code, again.content) == (304, b"")
        assert client.get("/", headers={"Host": "127.0.0.1"}).json()["service"] == "lectern"
        unknown = client.get("/web/0/main.js", headers={"Host": "127.0.0.1"})
        assert unknown.status_code == 404

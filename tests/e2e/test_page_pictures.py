"""Pages as pictures, with the passage of a citation marked, on a real server."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from tests.conftest import ROOT
from tests.e2e.server import LecternServer
from tests.samples import files

SAMPLE = ROOT / "docs/sample/lighthouse.pdf"


def test_each_citation_is_marked_on_its_page(server: LecternServer) -> None:
    server.add("lighthouse.pdf", SAMPLE.read_bytes(), collection="pictures")
    answer = server.chat("When is the lens cleaned?", collection="pictures")
    for cited in answer["citations"]:
        address = f"/documents/{cited['document_id']}/pages/{cited['page']}.png"
        span = {"start": cited["start_char"], "end": cited["end_char"]}
        marked = server.http.get(address, params=span)
        assert marked.headers["content-type"] == "image/png"
        boxes = [
            [float(side) for side in box.split()]
            for box in marked.headers["x-highlight"].split(", ")
        ]
        with_mark = np.asarray(Image.open(BytesIO(marked.content)).convert("RGB")).astype(int)
        plain = server.http.get(address)
        assert "x-highlight" not in plain.headers
        without = np.asarray(Image.open(BytesIO(plain.content)).convert("RGB")).astype(int)
        rows, columns = np.nonzero(np.abs(with_mark - without).max(axis=2) > 60)
        height, width = with_mark.shape[:2]
        assert abs(rows.min() / height - min(box[1] for box in boxes)) < 0.01
        assert abs(columns.max() / width - max(box[2] for box in boxes)) < 0.01


def test_a_picture_is_not_sent_again(server: LecternServer) -> None:
    document = server.add("boat.pdf", files.pdf([["The boat weighs 90 tons."]]))
    address = f"/documents/{document['id']}/pages/1.png"
    first = server.http.get(address, params={"start": 0, "end": 8})
    again = server.http.get(
        address, params={"start": 0, "end": 8}, headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    other = server.http.get(
        address, params={"start": 4, "end": 8}, headers={"If-None-Match": first.headers["etag"]}
    )
    assert other.status_code == 200


def test_what_has_no_picture_says_so(server: LecternServer) -> None:
    text = server.add("boat.txt", b"The boat weighs 91 tons.")
    pdf = server.add("boat2.pdf", files.pdf([["The boat weighs 92 tons."]]))
    for document_id, page, code in (
        (text["id"], 1, "no_page_picture"),
        (pdf["id"], 2, "page_not_found"),
        ("nobody", 1, "document_not_found"),
    ):
        answer = server.http.get(f"/documents/{document_id}/pages/{page}.png")
        assert (answer.status_code, answer.json()["error"]) == (404, code)
    odd = server.http.get(f"/documents/{pdf['id']}/pages/1.png", params={"start": 10**9, "end": 5})
    assert odd.status_code == 200
    assert server.http.get(
        f"/documents/{pdf['id']}/pages/1.png", params={"start": -1, "end": 5}
    ).status_code in {400, 422}

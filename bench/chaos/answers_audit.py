"""The end of a run, seen through HTTP: every document has its newest text, and no other answers."""

from __future__ import annotations

from typing import Any

from bench.chaos.ledger import Account, discrepancies
from bench.chaos.record import Record
from bench.chaos.service import Service, listed, said_in
from bench.chaos.texts import Text


def audit_answers(
    service: Service, record: Record, documents: list[dict[str, Any]], shared: list[Text]
) -> None:
    """Compare everything that was acknowledged with what the service lists, finds and says."""
    _audit_shared(record, documents, shared)
    own = [listed(one) for one in documents if one["collection"] != "shared"]
    for problem in discrepancies(record.accounts, own):
        record.violation(problem)
    for one in documents:
        if one["status"] not in {"ready", "partial"}:
            record.violation(f"{one['filename']} is {one['status']}: {one['error']}")
    by_id = {one["id"]: one for one in documents}
    collections = {one["collection"] for one in documents}
    for account in record.accounts:
        if account.collection not in collections:
            continue
        document = by_id.get(str(account.document_id)) if account.settled else None
        if document is not None and account.current is not None:
            _audit_current(service, record, account, account.current, document)
        for text in account.superseded:
            _audit_gone(service, record, account, text)


def _audit_shared(record: Record, documents: list[dict[str, Any]], shared: list[Text]) -> None:
    copies = [one["content_sha256"] for one in documents if one["collection"] == "shared"]
    expected = {text.sha256 for text in shared}
    if len(copies) != len(set(copies)) or not set(copies) <= expected:
        record.violation(f"of {len(expected)} shared texts there are {len(copies)} documents")
    for text in record.shared_texts:
        if text.sha256 not in copies:
            record.violation(f"lost: {text.marker} was acknowledged as shared and is not there")


def _audit_current(
    service: Service, record: Record, account: Account, text: Text, document: dict[str, Any]
) -> None:
    path = f"/documents/{document['id']}"
    content = service.call("GET", f"{path}/content")
    if content is None or content.content != text.content:
        record.violation(f"{path}/content is not what was acknowledged")
    page = service.call("GET", f"{path}/pages/1")
    if page is None or text.marker not in page.text:
        record.violation(f"{path}/pages/1 is not of the newest version")
    hits = service.hits(text.marker, account.collection)
    ours = [hit for hit in hits or [] if hit["document_id"] == document["id"]]
    spans = [(hit["page"], hit["start_char"]) for hit in ours]
    if text not in said_in(ours, [text]):
        record.violation(f"{text.marker} of {document['id']} is not found")
    if len(spans) != len(set(spans)):
        record.violation(f"{document['id']} has passages twice")
    answer = service.answer(text.question, account.collection)
    if answer is None or text not in said_in(answer, [text]):
        record.violation(f"{text.marker} of {document['id']} is not answered about")
    record.count("documents audited")


def _audit_gone(service: Service, record: Record, account: Account, text: Text) -> None:
    for said in (
        service.hits(text.marker, account.collection, top_k=50),
        service.answer(text.question, account.collection),
    ):
        if said is None or said_in(said, [text]):
            record.violation(f"{text.marker}, deleted or replaced, answers still")
    record.count("gone texts audited")

"""Attachments in the registry: which document they are, what they inherit, when they go."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import Connection

from corpus.access import UNRESTRICTED
from corpus.errors import BelongsToParent, DocumentNotFound
from corpus.registry.children import Child, settle_children
from corpus.registry.database.engine import Registry
from corpus.registry.deletions import buried, bury
from corpus.registry.documents import find_document, list_documents
from corpus.registry.families import (
    MAX_CHILDREN,
    MAX_DEPTH,
    MAX_FAMILY,
    room_for_children,
)
from corpus.registry.leases import Lease, claim_next
from corpus.registry.new_versions import Content
from corpus.registry.steering import ingest_again
from corpus.registry.uploads import (
    Upload,
    accept_replacement,
    accept_upload,
    change_attributes,
)
from corpus.registry.versions import complete_version
from corpus.values import Coverage, Document, Status


def child(filename: str, number: int = 1) -> Child:
    return Child(filename, Content(f"{number:064d}", 10, "application/pdf"))


def mail(registry: Registry, number: int = 0, **said: object) -> str:
    content = Content(f"{number:f>64}", 10, "message/rfc822")
    upload = Upload("default", "mail.eml", **said)  # type: ignore[arg-type]
    with registry.write() as connection:
        return accept_upload(connection, upload, content, UNRESTRICTED).document.id


def settle(registry: Registry, parent_id: str, *children: Child) -> list[str]:
    """What the newest version's end does."""
    with registry.write() as connection:
        version = find_document(connection, parent_id, UNRESTRICTED).version
        return settle_children(connection, parent_id, version, children)


def go_live(registry: Registry, parent_id: str, *children: Child) -> None:
    """Ingest the newest version of the parent, which has these children."""
    settle(registry, parent_id, *children)
    with registry.write() as connection:
        version = find_document(connection, parent_id, UNRESTRICTED).version
        complete_version(
            connection,
            Lease("", parent_id, version, claimed(connection, parent_id)),
            read_pages=[],
            page_count=1,
            chunk_count=0,
            coverage=Coverage(1),
        )


def claimed(connection: Connection, document_id: str) -> str:
    """A worker that has the document's job."""
    while job := claim_next(connection, "w"):
        if job.document_id == document_id:
            return "w"
    raise AssertionError("it has no job")


def find(registry: Registry, document_id: str) -> Document:
    with registry.read() as connection:
        return find_document(connection, document_id, UNRESTRICTED)


def attached(registry: Registry, parent_id: str) -> dict[str, str]:
    """Ids by filename."""
    return {one.filename: one.document_id for one in find(registry, parent_id).attachments}


def names(documents: Sequence[Document]) -> set[str]:
    return {document.filename for document in documents}


def test_an_attachment_is_a_queued_document_with_what_its_mail_has(registry: Registry) -> None:
    parent_id = mail(registry, metadata={"team": "sea"}, acl=("group:crew",))
    assert settle(registry, parent_id, child("a.pdf")) == []
    found = find(registry, attached(registry, parent_id)["a.pdf"])
    assert (found.status, found.parent_id) == (Status.QUEUED, parent_id)
    assert (found.collection, found.media_type) == ("default", "application/pdf")
    assert (found.metadata, found.acl) == ({"team": "sea"}, ("group:crew",))
    with registry.write() as connection:
        jobs = [claim_next(connection, "w") for _ in range(3)]
    assert [job.document_id for job in jobs if job] == [parent_id, found.id]


def test_what_is_attached_to_a_document_can_be_listed(registry: Registry) -> None:
    parent_id = mail(registry)
    settle(registry, parent_id, child("a.pdf", 1), child("b.pdf", 2))
    with registry.read() as connection:
        everything, _ = list_documents(connection, UNRESTRICTED)
        within, _ = list_documents(connection, UNRESTRICTED, parent_id=parent_id)
    assert names(everything) == {"mail.eml", "a.pdf", "b.pdf"}
    assert names(within) == {"a.pdf", "b.pdf"}
    listed = {document.filename: document.attachments for document in everything}
    assert [one.filename for one in listed["mail.eml"]] == ["a.pdf", "b.pdf"]
    assert listed["a.pdf"] == ()


def test_settling_the_same_again_changes_nothing(registry: Registry) -> None:
    parent_id = mail(registry)
    settle(registry, parent_id, child("a.pdf"))
    before = attached(registry, parent_id)
    assert settle(registry, parent_id, child("a.pdf")) == []
    assert attached(registry, parent_id) == before


def test_the_same_bytes_in_two_mails_are_two_documents(registry: Registry) -> None:
    first, second = mail(registry, 1), mail(registry, 2)
    settle(registry, first, child("a.pdf"))
    settle(registry, second, child("a.pdf"))
    assert attached(registry, first)["a.pdf"] != attached(registry, second)["a.pdf"]


def test_the_same_bytes_twice_in_a_mail_are_two_documents(registry: Registry) -> None:
    parent_id = mail(registry)
    settle(registry, parent_id, child("a.pdf"), child("copy.pdf"))
    assert set(attached(registry, parent_id)) == {"a.pdf", "copy.pdf"}


def test_a_new_version_keeps_what_it_still_has_and_buries_the_rest(registry: Registry) -> None:
    parent_id = mail(registry)
    settle(registry, parent_id, child("a.pdf", 1), child("b.pdf", 2))
    before = attached(registry, parent_id)
    assert settle(registry, parent_id, child("b.pdf", 2), child("c.pdf", 3)) == [before["a.pdf"]]
    after = attached(registry, parent_id)
    assert set(after) == {"b.pdf", "c.pdf"}
    assert after["b.pdf"] == before["b.pdf"]
    assert find(registry, after["b.pdf"]).version == 1
    with pytest.raises(DocumentNotFound):
        find(registry, before["a.pdf"])


def test_an_attachment_deleted_by_itself_stays_away_while_the_mail_has_the_same_bytes(
    registry: Registry,
) -> None:
    parent_id = mail(registry)
    both = (child("a.pdf", 1), child("b.pdf", 2))
    go_live(registry, parent_id, *both)
    with registry.write() as connection:
        bury(connection, attached(registry, parent_id)["a.pdf"], UNRESTRICTED)
        ingest_again(connection, parent_id, UNRESTRICTED)
    go_live(registry, parent_id, *both, child("now-readable.png", 3))
    assert find(registry, parent_id).live_version == 2
    assert set(attached(registry, parent_id)) == {"b.pdf", "now-readable.png"}


def test_it_comes_back_with_other_bytes_of_the_mail_that_hold_it_too(registry: Registry) -> None:
    parent_id = mail(registry, 1, external_id="m")
    go_live(registry, parent_id, child("a.pdf"))
    with registry.write() as connection:
        bury(connection, attached(registry, parent_id)["a.pdf"], UNRESTRICTED)
    mail(registry, 2, external_id="m")
    go_live(registry, parent_id, child("a.pdf"))
    assert set(attached(registry, parent_id)) == {"a.pdf"}


def test_what_a_version_no_longer_had_comes_back_with_one_that_has_it(registry: Registry) -> None:
    parent_id = mail(registry, 1, external_id="m")
    go_live(registry, parent_id, child("a.pdf"))
    mail(registry, 2, external_id="m")
    go_live(registry, parent_id)
    assert attached(registry, parent_id) == {}
    mail(registry, 1, external_id="m")
    go_live(registry, parent_id, child("a.pdf"))
    assert set(attached(registry, parent_id)) == {"a.pdf"}


def test_an_older_version_that_ends_late_changes_no_attachment(registry: Registry) -> None:
    parent_id = mail(registry, 1, external_id="m")
    mail(registry, 2, external_id="m")
    go_live(registry, parent_id, child("new.pdf", 2))
    with registry.write() as connection:
        assert settle_children(connection, parent_id, 1, [child("old.pdf", 1)]) == []
    assert set(attached(registry, parent_id)) == {"new.pdf"}


def test_a_deleted_mail_gets_no_attachments(registry: Registry) -> None:
    parent_id = mail(registry)
    with registry.write() as connection:
        bury(connection, parent_id, UNRESTRICTED)
        assert settle_children(connection, parent_id, 1, [child("a.pdf")]) == []
        assert list_documents(connection, UNRESTRICTED) == ([], None)


@pytest.mark.parametrize("round_", range(5))
def test_access_and_deletion_reach_attachments_that_arrive_at_the_same_moment(
    registry: Registry, round_: int
) -> None:
    parent_id = mail(registry, round_, acl=("group:guests",))
    files = [child(f"{n}.pdf", n) for n in range(10)]
    together = Barrier(3)

    def narrow() -> None:
        together.wait()
        with registry.write() as connection:
            change_attributes(connection, parent_id, UNRESTRICTED, acl=("group:crew",))

    def arrive() -> None:
        together.wait()
        settle(registry, parent_id, *files)

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(narrow), pool.submit(arrive)]
        together.wait()
        for one in done:
            one.result()
        with registry.read() as connection:
            within, _ = list_documents(connection, UNRESTRICTED, parent_id=parent_id)
        assert {document.acl for document in within} == {("group:crew",)}
        assert len(within) == 10

        def delete() -> None:
            together.wait()
            with registry.write() as connection:
                bury(connection, parent_id, UNRESTRICTED)

        def change() -> None:
            together.wait()
            with registry.write() as connection:
                settle_children(connection, parent_id, 1, [*files[5:], child("late.pdf", 99)])

        done = [pool.submit(delete), pool.submit(change)]
        together.wait()
        for one in done:
            one.result()
    with registry.read() as connection:
        assert list_documents(connection, UNRESTRICTED) == ([], None)


def test_burying_a_mail_buries_all_within_it_and_their_jobs(registry: Registry) -> None:
    parent_id = mail(registry)
    settle(registry, parent_id, child("inner.eml", 1), child("b.pdf", 2))
    inner_id = attached(registry, parent_id)["inner.eml"]
    settle(registry, inner_id, child("deep.pdf", 3))
    deep_id = attached(registry, inner_id)["deep.pdf"]
    with registry.write() as connection:
        family = bury(connection, parent_id, UNRESTRICTED)
        assert family[0] == parent_id
        assert len(family) == 4
        assert set(buried(connection)) == set(family)
        assert list_documents(connection, UNRESTRICTED) == ([], None)
        assert claim_next(connection, "w") is None
        assert bury(connection, parent_id, UNRESTRICTED) == family
    with pytest.raises(DocumentNotFound):
        find(registry, deep_id)


def test_a_child_buried_alone_leaves_its_mail_and_its_siblings(registry: Registry) -> None:
    parent_id = mail(registry)
    settle(registry, parent_id, child("a.pdf", 1), child("b.pdf", 2))
    with registry.write() as connection:
        bury(connection, attached(registry, parent_id)["a.pdf"], UNRESTRICTED)
    assert set(attached(registry, parent_id)) == {"b.pdf"}


def test_a_change_of_the_mail_reaches_all_within_it(registry: Registry) -> None:
    parent_id = mail(registry, acl=("group:crew", "group:guests"))
    settle(registry, parent_id, child("inner.eml", 1))
    inner_id = attached(registry, parent_id)["inner.eml"]
    settle(registry, inner_id, child("deep.pdf", 2))
    with registry.write() as connection:
        change_attributes(
            connection, parent_id, UNRESTRICTED, metadata={"k": 1}, acl=("group:crew",)
        )
    deep = find(registry, attached(registry, inner_id)["deep.pdf"])
    assert (deep.metadata, deep.acl) == ({"k": 1}, ("group:crew",))


def test_access_narrowed_by_a_new_upload_holds_at_once_for_what_is_attached(
    registry: Registry,
) -> None:
    parent_id = mail(registry, external_id="m", acl=("group:crew", "group:guests"))
    settle(registry, parent_id, child("a.pdf"))
    assert mail(registry, 2, external_id="m", acl=("group:crew",)) == parent_id
    found = find(registry, attached(registry, parent_id)["a.pdf"])
    assert found.acl == ("group:crew",)


def test_an_attachment_is_not_changed_apart_from_its_mail(registry: Registry) -> None:
    parent_id = mail(registry)
    settle(registry, parent_id, child("a.pdf"))
    child_id = attached(registry, parent_id)["a.pdf"]
    with registry.write() as connection:
        with pytest.raises(BelongsToParent, match="attached to"):
            change_attributes(connection, child_id, UNRESTRICTED, acl=("group:everyone",))
        with pytest.raises(BelongsToParent):
            accept_replacement(
                connection, child_id, "a.pdf", Content("e" * 64, 1, "text/plain"), UNRESTRICTED
            )


def test_the_bytes_of_an_attachment_can_be_uploaded_by_themselves(registry: Registry) -> None:
    parent_id = mail(registry)
    settle(registry, parent_id, child("a.pdf"))
    with registry.write() as connection:
        accepted = accept_upload(
            connection, Upload("default", "a.pdf"), child("a.pdf").content, UNRESTRICTED
        )
    assert not accepted.duplicate
    assert accepted.document.parent_id is None


def test_mails_within_mails_have_room_down_to_a_depth(registry: Registry) -> None:
    document_id = mail(registry)
    rooms = []
    for depth in range(MAX_DEPTH + 1):
        with registry.read() as connection:
            rooms.append(room_for_children(connection, document_id))
        settle(registry, document_id, child("inner.eml", depth))
        document_id = attached(registry, document_id)["inner.eml"]
    assert rooms == [MAX_CHILDREN] * MAX_DEPTH + [0]


def test_one_upload_brings_along_a_bounded_number_of_documents(registry: Registry) -> None:
    parent_id = mail(registry)
    settle(registry, parent_id, *[child(f"{n}.eml", n) for n in range(MAX_CHILDREN)])
    inner = sorted(attached(registry, parent_id).values())
    for place, document_id in enumerate(inner[:9]):
        settle(registry, document_id, *[child(f"{n}", 1000 * place + n) for n in range(100)])
    with registry.read() as connection:
        assert room_for_children(connection, inner[9]) == MAX_FAMILY - MAX_CHILDREN - 900
        # What it has already is its own to have again.
        assert room_for_children(connection, inner[0]) == 100
        assert room_for_children(connection, parent_id) == MAX_CHILDREN

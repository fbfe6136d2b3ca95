"""Random documents and readers: every reading function shows what the rule says, and no more."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from sqlalchemy import update

from corpus.access import UNRESTRICTED, Reader
from corpus.errors import DocumentNotFound
from corpus.registry.access import align_audiences, hidden_from, readable_by
from corpus.registry.collections import list_collections
from corpus.registry.database.engine import Registry
from corpus.registry.documents import (
    find_by_content,
    find_content,
    find_document,
    find_documents,
    list_documents,
    live_versions,
)
from corpus.registry.live_documents import live_documents
from corpus.registry.new_versions import Content
from corpus.registry.reports import find_report
from corpus.registry.schema import documents
from corpus.registry.uploads import Upload, accept_upload, change_attributes
from service.retrieval.selection import select_nodes

PRINCIPALS = [f"{kind}:{name}" for kind in ("user", "group") for name in "abcd"]
COLLECTIONS = ["legal", "sales"]
COUNT = 40


@dataclass
class Known:
    id: str
    collection: str
    acl: tuple[str, ...]
    sha256: str

    def is_for(self, reader: Reader) -> bool:
        """The rule itself."""
        if reader.collections is not None and self.collection not in reader.collections:
            return False
        if reader.principals is None or not self.acl:
            return True
        return bool(reader.principals & set(self.acl))


def some(rng: random.Random, *, most: int) -> tuple[str, ...]:
    return tuple(rng.sample(PRINCIPALS, rng.randint(0, most)))


def fill(registry: Registry, rng: random.Random) -> list[Known]:
    known = []
    with registry.write() as connection:
        for number in range(COUNT):
            collection, acl = rng.choice(COLLECTIONS), some(rng, most=3)
            sha256 = f"{number:064x}"
            upload = Upload(collection, f"{number}.txt", acl=acl)
            content = Content(sha256, 1, "text/plain")
            accepted = accept_upload(connection, upload, content, UNRESTRICTED)
            known.append(Known(accepted.document.id, collection, acl, sha256))
        connection.execute(update(documents).values(live_version=documents.c.version))
    return known


def readers(rng: random.Random) -> list[Reader]:
    made = [UNRESTRICTED, Reader(frozenset()), Reader(None, frozenset({"legal"}))]
    for _ in range(12):
        within = frozenset(rng.sample(COLLECTIONS, rng.randint(0, 2)))
        made.append(Reader(frozenset(some(rng, most=4)), rng.choice([None, within])))
    return made


@pytest.mark.parametrize("seed", range(3))
def test_what_is_read_is_what_may_be_read(registry: Registry, seed: int) -> None:
    rng = random.Random(seed)
    known = fill(registry, rng)
    for one in rng.sample(known, 10):
        one.acl = some(rng, most=3)
        with registry.write() as connection:
            changed = change_attributes(connection, one.id, UNRESTRICTED, acl=one.acl)
            assert changed.acl == one.acl
    for reader in readers(rng):
        mine = {one.id for one in known if one.is_for(reader)}
        for one in known:
            assert_found(registry, one, reader, is_there=one.id in mine)
        everything = [one.id for one in known]
        with registry.read() as connection:
            assert {one.id for one in list_documents(connection, reader, limit=99)[0]} == mine
            assert {one.id for one in find_documents(connection, everything, reader)} == mine
            assert set(live_versions(connection, everything, reader)) == mine
            counted = {one.name: one.documents for one in list_collections(connection, reader)}
            for collection in COLLECTIONS:
                within = {one.id for one in known if one.collection == collection}
                if not reader.knows(collection):
                    assert collection not in counted
                    continue
                assert counted[collection] == len(within & mine)
                live = live_documents(connection, collection, reader)
                assert {one.id for one in live} == within & mine
                hashes = [one.sha256 for one in known]
                found = find_by_content(connection, collection, hashes, reader)
                assert {one.id for one in found} == within & mine
                assert set(readable_by(connection, collection, reader, limit=99)) == within & mine
                assert set(hidden_from(connection, collection, reader, limit=99)) == within - mine


def assert_found(registry: Registry, one: Known, reader: Reader, *, is_there: bool) -> None:
    with registry.read() as connection:
        if is_there:
            assert find_document(connection, one.id, reader).id == one.id
            assert find_content(connection, one.id, reader).content_sha256 == one.sha256
            return
        for find in (find_document, find_content):
            with pytest.raises(DocumentNotFound):
                find(connection, one.id, reader)
        with pytest.raises(DocumentNotFound):
            find_report(connection, one.id, reader, first_page=1, limit=1)


@pytest.mark.parametrize("seed", range(3))
def test_a_search_is_kept_to_what_may_be_read(registry: Registry, seed: int) -> None:
    rng = random.Random(seed)
    known = fill(registry, rng)
    for reader in readers(rng):
        for collection in COLLECTIONS:
            within = [one for one in known if one.collection == collection]
            selection = select_nodes(registry, collection, None, reader)
            mine = {one.id for one in within if one.is_for(reader)}
            assert set(selection.live_versions([one.id for one in within])) == mine
            if not reader.knows(collection):
                continue
            if len(mine) == len(within):
                assert selection.filters is None
                continue
            assert selection.filters is not None
            [condition] = selection.filters.filters
            listed = set(condition.value)  # type: ignore[union-attr, arg-type]
            is_in = condition.operator.value == "in"  # type: ignore[union-attr]
            passed = listed if is_in else {one.id for one in within} - listed
            assert passed == mine
            assert len(listed) <= len(within) / 2


def test_an_attachment_has_the_access_of_its_mail_from_the_moment_it_changes(
    registry: Registry,
) -> None:
    rng = random.Random(7)
    [mail, attached, *_] = fill(registry, rng)
    with registry.write() as connection:
        connection.execute(
            update(documents).where(documents.c.id == attached.id).values(parent_id=mail.id)
        )
        change_attributes(connection, mail.id, UNRESTRICTED, acl=("user:a",))
    for reader, is_there in ((Reader(frozenset({"user:a"})), True), (Reader(frozenset()), False)):
        with registry.read() as connection:
            found = find_documents(connection, [mail.id, attached.id], reader)
        assert len(found) == (2 if is_there else 0)


def test_what_a_process_of_the_version_before_writes_is_hidden_until_it_is_known(
    registry: Registry,
) -> None:
    [private, changed, *_] = [one for one in fill(registry, random.Random(5)) if not one.acl]
    with registry.write() as connection:  # it knows `acl`, and no audience
        for one in (private, changed):
            row = documents.c.id == one.id
            connection.execute(update(documents).where(row).values(acl=["user:ann"]))
    ann, nobody = Reader(frozenset({"user:ann"})), Reader(frozenset())
    ids = [private.id, changed.id]
    with registry.write() as connection:
        assert find_documents(connection, ids, nobody) == []
        assert align_audiences(connection) == 2
        assert align_audiences(connection) == 0
    with registry.read() as connection:
        assert find_documents(connection, ids, nobody) == []
        assert {one.id for one in find_documents(connection, ids, ann)} == set(ids)

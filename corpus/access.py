"""Who reads: which documents, which collections, and whose conversations. Pure.

A principal is a name for somebody, or for some of many: `user:ann`, `group:legal`. A document whose
`acl` names principals is there only for readers who are one of them; one that names none is there
for everybody who may read its collection.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from corpus.errors import CollectionNotFound


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose eyes something is read with.

    `principals` None: every document, whatever its `acl` says. `collections` None: all of them.
    `owner` None: everybody's conversations and answers, else those that were begun under this name.
    """

    principals: frozenset[str] | None
    collections: frozenset[str] | None = None
    owner: str | None = None

    @property
    def sees_every_document(self) -> bool:
        """Whether nothing is hidden from this reader."""
        return self.principals is None and self.collections is None

    def knows(self, collection: str) -> bool:
        """Whether the collection is there for this reader, if there is one."""
        return self.collections is None or collection in self.collections

    def require(self, collection: str) -> None:
        """Raise `CollectionNotFound`, as for a collection that there is not."""
        if not self.knows(collection):
            raise collection_not_found(collection)


# The operator's own eyes, and those of the processes that keep the corpus.
UNRESTRICTED = Reader(principals=None)


def audience(acl: Iterable[str]) -> str | None:
    """A name for the set of principals, the same in any order; None where it is everybody."""
    principals = sorted(set(acl))
    if not principals:
        return None
    # Principals hold no control characters (corpus/attributes.py).
    said = "\n".join(principals).encode(errors="surrogatepass")
    return blake2b(said, digest_size=16).hexdigest()


def collection_not_found(name: str) -> CollectionNotFound:
    """What is raised where there is no such collection, and where there is one for others."""
    return CollectionNotFound(f"There is no collection {name!r}.")

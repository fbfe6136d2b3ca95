"""What a backup says of originals that it does not find, while documents are deleted."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, cast

import pytest

from corpus.access import UNRESTRICTED
from corpus.backup.originals import OriginalsCopied
from corpus.originals.folder import FolderOriginals
from corpus.registry.database.engine import Registry
from corpus.registry.deletions import bury, forget
from tests.contract.test_registry_uploads import accept

SHA = "a" * 64


@pytest.mark.parametrize("is_going", [True, False])
def test_one_that_goes_a_moment_before_its_rows_is_not_missing(
    registry: Registry, tmp_path: Path, is_going: bool
) -> None:
    document_id = accept(registry, SHA).document.id

    def end_the_deletion() -> None:
        with registry.write() as connection:
            bury(connection, document_id, UNRESTRICTED)
            forget(connection, document_id)

    copied = OriginalsCopied(
        registry, FolderOriginals(tmp_path), cast("Any", None), lambda _what, _done: None
    )
    ending = threading.Timer(0.3, end_the_deletion)
    if is_going:
        ending.start()
    goes_on = copied.copy(iter([SHA]))
    if is_going:
        ending.join()
    assert (goes_on, list(copied.unreadable)) == ((False, []) if is_going else (True, [SHA]))

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from corpus.errors import StorageUnavailable
from corpus.originals.bucket.copies import Copies


class Fetched:
    """Writes `size_bytes` and counts how often it was asked."""

    def __init__(self, size_bytes: int = 10) -> None:
        self.count = 0
        self._size_bytes = size_bytes

    def __call__(self, path: Path) -> None:
        self.count += 1
        path.write_bytes(b"x" * self._size_bytes)


def test_one_after_the_other_share_a_copy(tmp_path: Path) -> None:
    copies, fetch = Copies(tmp_path, limit_bytes=100), Fetched()
    for _ in range(3):
        with copies.lent("a", fetch) as path:
            assert path.read_bytes() == b"x" * 10
    assert fetch.count == 1


def test_all_at_once_share_one_that_is_fetched_once(tmp_path: Path) -> None:
    copies, fetch = Copies(tmp_path, limit_bytes=100), Fetched()
    begun, may_go_on = threading.Event(), threading.Event()

    def slow(path: Path) -> None:
        begun.set()
        may_go_on.wait(30)
        fetch(path)

    found = []

    def use() -> None:
        with copies.lent("a", slow) as path:
            found.append(path.read_bytes())

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert begun.wait(30)
    may_go_on.set()
    for thread in threads:
        thread.join()
    assert (fetch.count, len(found)) == (1, 8)


def test_what_is_unused_stays_within_the_limit_and_the_longest_unused_goes(tmp_path: Path) -> None:
    copies = Copies(tmp_path, limit_bytes=25)
    fetches = {name: Fetched() for name in "abc"}
    for name, fetch in fetches.items():
        with copies.lent(name, fetch):
            pass
    assert len(list(tmp_path.iterdir())) == 2
    for name in "bca":
        with copies.lent(name, fetches[name]):
            pass
    assert [fetches[name].count for name in "abc"] == [2, 1, 1]


def test_what_is_used_is_not_removed(tmp_path: Path) -> None:
    copies = Copies(tmp_path, limit_bytes=0, kept_s=0)
    with copies.lent("a", Fetched()) as path:
        with copies.lent("b", Fetched()):
            pass
        copies.expire()
        assert path.exists()
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_was_unused_for_long_enough_is_removed(tmp_path: Path) -> None:
    for kept_s, left in ((0.0, 0), (3600.0, 1)):
        copies = Copies(tmp_path, limit_bytes=100, kept_s=kept_s)
        with copies.lent("a", Fetched()):
            pass
        copies.expire()
        assert len(list(tmp_path.iterdir())) == left


@pytest.mark.parametrize("when", ["while it is used", "afterwards"])
def test_what_is_forgotten_is_fetched_anew(tmp_path: Path, when: str) -> None:
    copies, fetch = Copies(tmp_path, limit_bytes=100), Fetched()
    with copies.lent("a", fetch):
        if when == "while it is used":
            copies.forget("a")
    copies.forget("a")
    assert list(tmp_path.iterdir()) == []
    with copies.lent("a", fetch):
        pass
    assert fetch.count == 2


def test_who_waits_for_a_fetch_that_fails_is_told_and_the_next_one_tries_again(
    tmp_path: Path,
) -> None:
    copies = Copies(tmp_path, limit_bytes=100)
    begun, may_fail = threading.Event(), threading.Event()
    count = 0

    def fail(path: Path) -> None:
        nonlocal count
        count += 1
        path.write_bytes(b"half")
        begun.set()
        may_fail.wait(30)
        raise StorageUnavailable("away")

    failures: list[Exception] = []

    def use(fetch: Callable[[Path], None]) -> None:
        try:
            with copies.lent("a", fetch):
                pass
        except StorageUnavailable as error:
            failures.append(error)

    first = threading.Thread(target=use, args=(fail,))
    first.start()
    assert begun.wait(30)
    others = [threading.Thread(target=use, args=(fail,)) for _ in range(3)]
    for other in others:
        other.start()
    while copies._copies["a"].users < 4:
        pass
    may_fail.set()
    for thread in (first, *others):
        thread.join()
    assert (count, len(failures)) == (1, 4)
    assert list(tmp_path.iterdir()) == []
    with copies.lent("a", Fetched()) as path:
        assert path.exists()

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lectern.commands.following import LOOK_AT_ONCE, Followed


def test_files_of_the_same_bytes_settle_together() -> None:
    followed = Followed()
    followed.add("1", "a.txt")
    followed.add("1", "copy.txt")
    ready = {"id": "1", "status": "ready"}
    assert followed.settle(["1"], [ready]) == ([("a.txt", ready), ("copy.txt", ready)], [])
    assert len(followed) == 0


def test_what_is_worked_on_is_asked_about_every_time() -> None:
    followed = Followed()
    for number in range(3 * LOOK_AT_ONCE):
        followed.add(str(number), f"{number}.txt")
    asked = followed.next_ids()
    working = {"id": asked[7], "status": "parsing"}
    queued = [{"id": one, "status": "queued"} for one in asked if one != asked[7]]
    followed.settle(asked, [working, *queued])
    assert list(followed.worked_on) == [working]
    assert followed.next_ids()[0] == asked[7]
    assert set(followed.next_ids()) & set(asked) == {asked[7]}


@given(count=st.integers(1, 350), final=st.sets(st.integers(0, 350)))
def test_every_document_has_its_turn_and_each_file_one_outcome(count: int, final: set[int]) -> None:
    followed = Followed()
    for number in range(count):
        followed.add(str(number), f"{number}.txt")
    seen: set[str] = set()
    settled: list[str] = []
    for _ in range(-(-count // LOOK_AT_ONCE)):
        asked = followed.next_ids()
        assert len(asked) <= LOOK_AT_ONCE
        seen.update(asked)
        found = [{"id": one, "status": "ready" if int(one) in final else "queued"} for one in asked]
        done, gone = followed.settle(asked, found)
        assert gone == []
        settled += [name for name, _ in done]
    assert seen == {str(number) for number in range(count)}
    assert sorted([*settled, *followed.names]) == sorted(f"{n}.txt" for n in range(count))

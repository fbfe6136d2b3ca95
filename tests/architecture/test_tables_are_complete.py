from __future__ import annotations

import re
from pathlib import Path

from corpus import errors
from corpus.errors import LecternError
from corpus.settings import Settings
from service.http.errors import STATUS_OF, status_of

ROOT = Path(__file__).parents[2]


def leaves(kind: type[LecternError]) -> set[type[LecternError]]:
    below = kind.__subclasses__()
    return set().union(*(leaves(one) for one in below)) if below else {kind}


def test_every_leaf_of_the_error_tree_has_its_own_status_code() -> None:
    missing = {kind.__name__ for kind in leaves(LecternError)} - {
        kind.__name__ for kind in STATUS_OF
    }
    assert missing == set()


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in leaves(LecternError)]
    assert len(codes) == len(set(codes))


def test_every_error_is_drawn_in_the_tree_of_the_docstring() -> None:
    drawn = set(re.findall(r"[A-Z]\w+", errors.__doc__ or ""))
    assert {kind.__name__ for kind in leaves(LecternError)} <= drawn


def test_an_unlisted_error_is_our_fault_not_the_callers() -> None:
    assert status_of(LecternError("unknown")) == 500


def test_env_example_lists_exactly_the_settings_with_their_defaults() -> None:
    listed = dict(
        re.findall(
            r"^#?([A-Z0-9_]+)=(.*)$", (ROOT / ".env.example").read_text(), flags=re.MULTILINE
        )
    )
    expected = {}
    for name, field in Settings.model_fields.items():
        variable = str(field.validation_alias or f"LECTERN_{name.upper()}")
        expected[variable] = "" if field.default is None else str(field.default)
    assert listed == expected


def test_lock_files_name_no_address_and_no_torch() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text
        assert not re.search(r"^(torch|nvidia-|sentence-transformers)", text, flags=re.MULTILINE)

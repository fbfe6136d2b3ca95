from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from corpus.declared_fields import (
    MAX_FIELDS,
    FieldType,
    check_declaration,
    check_values,
    fitting,
    moment_of,
)
from corpus.errors import InvalidMetadata, InvalidRequest

FITTING: list[tuple[FieldType, list[Any], list[Any]]] = [
    (FieldType.KEYWORD, ["", "é", "1"], [1, True, 1.5, {"a": 1}, ["a"], None]),
    (FieldType.INTEGER, [0, -(2**63), 2**63 - 1], [2**63, 1.0, "1", True, [1], None]),
    (FieldType.NUMBER, [0, 1.5, 10**30, -0.0], [True, "1", float("nan"), float("inf"), None]),
    (FieldType.BOOLEAN, [True, False], [0, 1, "true", None]),
    (
        FieldType.DATETIME,
        ["2024-05-31", "2024-05-31T10:00:00Z", "2024-05-31T10:00:00.5+02:00"],
        ["2024-05-31T10:00:00", "yesterday", "2024-02-30", "0001-01-01T00:00:00+01:00", 20240531],
    ),
]


@pytest.mark.parametrize(("kind", "fit", "unfit"), FITTING, ids=str)
def test_values_fit_their_type(kind: FieldType, fit: list[Any], unfit: list[Any]) -> None:
    assert [fitting(kind, value) is not None for value in fit] == [True] * len(fit)
    assert [fitting(kind, value) for value in unfit] == [None] * len(unfit)


def test_a_date_is_its_midnight_in_utc() -> None:
    assert moment_of("2024-05-31") == datetime(2024, 5, 31, tzinfo=UTC)
    assert moment_of("2024-05-31T02:00:00+02:00") == datetime(2024, 5, 31, tzinfo=UTC)


@pytest.mark.parametrize("value", [1, [1, 2], [], None])
def test_a_value_or_a_list_of_values_is_accepted(value: object) -> None:
    check_values({"year": value, "undeclared": "x"}, {"year": FieldType.INTEGER})
    check_values({}, {"year": FieldType.INTEGER})


@pytest.mark.parametrize("value", ["1", [1, "2"], [None], [[1]], {}, 1.5, True])
def test_another_value_is_refused_by_field_and_type(value: object) -> None:
    with pytest.raises(InvalidMetadata, match=r'"year" as integer: it takes a whole number'):
        check_values({"year": value}, {"year": FieldType.INTEGER})


@pytest.mark.parametrize("name", ["year", "Fiscal Year", "größe", "a" * 64, "a.b", "eq", '"'])
def test_names_people_use_can_be_declared(name: str) -> None:
    check_declaration({name: FieldType.NUMBER})


@pytest.mark.parametrize(
    "name", ["", " a", "a ", "a" * 65, "a\nb", "\ud800", "\0", "page", "and", "or", "not"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        check_declaration({name: FieldType.NUMBER})


def test_more_fields_than_a_form_has_are_refused() -> None:
    fields = {f"f{number}": FieldType.KEYWORD for number in range(MAX_FIELDS + 1)}
    with pytest.raises(InvalidRequest, match="64"):
        check_declaration(fields)

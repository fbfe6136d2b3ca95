import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)

from corpus import errors
from corpus.index.points import IndexPoint
from corpus.index.wire import (
    decode,
    decode_filters,
    decode_points,
    encode_error,
    encode_filters,
    encode_points,
    value_or_raise,
)

floats = st.floats(allow_nan=False, width=32)
points = st.builds(
    IndexPoint,
    id=st.uuids().map(str),
    dense=st.integers(0, 5).flatmap(lambda n: st.binary(min_size=4 * n, max_size=4 * n)),
    sparse_indices=st.lists(st.integers(0, 2**32 - 1), max_size=3),
    sparse_values=st.lists(floats, max_size=3),
    payload=st.dictionaries(st.text(), st.text() | st.integers() | floats | st.none(), max_size=3),
)


@given(st.lists(points, max_size=4))
def test_points_arrive_as_they_were_sent(sent: list[IndexPoint]) -> None:
    assert decode_points(*decode(encode_points(sent))) == sent


def test_filters_arrive_nested_as_they_were_sent() -> None:
    page = MetadataFilter(key="page", operator=FilterOperator.IN, value=[1, 2])
    inner = MetadataFilters(filters=[page], condition=FilterCondition.NOT)
    sent = MetadataFilters(filters=[inner, MetadataFilter(key="x", value="y")])
    assert decode_filters(encode_filters(sent)) == sent
    assert decode_filters(encode_filters(None)) is None


def every_error(kind: type[errors.LecternError]) -> list[type[errors.LecternError]]:
    return [kind, *(leaf for child in kind.__subclasses__() for leaf in every_error(child))]


@pytest.mark.parametrize("kind", every_error(errors.LecternError))
def test_every_error_arrives_as_itself(kind: type[errors.LecternError]) -> None:
    reply, _ = decode(encode_error(kind("It went wrong.", hint="Mend it.")))
    with pytest.raises(kind, match="It went wrong") as arrived:
        value_or_raise(reply)
    assert type(arrived.value) is kind
    assert arrived.value.hint == "Mend it."

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.parsing.sandbox.frames import FrameError, read_frame, write_frame

messages = st.lists(st.dictionaries(st.text(), st.integers() | st.text() | st.none()), max_size=4)


@given(messages)
def test_messages_arrive_in_order_and_then_the_end(sent: list[dict[str, object]]) -> None:
    stream = io.BytesIO()
    for message in sent:
        write_frame(stream, message)
    stream.seek(0)
    for message in sent:
        assert read_frame(stream, limit_bytes=10_000) == message
    assert read_frame(stream, limit_bytes=10_000) is None


@given(st.binary(min_size=1, max_size=60))
def test_garbage_is_an_error_and_nothing_else(data: bytes) -> None:
    with pytest.raises(FrameError):
        read_frame(io.BytesIO(data), limit_bytes=20)


def test_a_message_over_the_limit_is_not_read() -> None:
    stream = io.BytesIO()
    write_frame(stream, {"text": "x" * 100})
    stream.seek(0)
    with pytest.raises(FrameError, match="limit"):
        read_frame(stream, limit_bytes=50)

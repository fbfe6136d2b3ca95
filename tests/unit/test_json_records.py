import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ingestion.parsing.text.json_records import records_on_lines
from ingestion.parsing.text.plain import parse_json

VALUES = st.recursive(
    st.none() | st.integers() | st.text('ab"\\[]{}, é', max_size=12),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=40,
)
RECORDS = [{"name": f"boat {n}", "tags": ["a", "b]"], "note": "x, " * 20} for n in range(30)]


@given(VALUES, st.sampled_from([(",", ":"), (", ", ": ")]))
def test_it_is_the_same_json(value: object, separators: tuple[str, str]) -> None:
    text = json.dumps([value, "x" * 500], separators=separators)
    assert json.loads(records_on_lines(text)) == [value, "x" * 500]


@given(st.text('"\\[]{},a \n', max_size=900))
def test_what_is_no_json_keeps_its_characters(text: str) -> None:
    assert records_on_lines(text).replace("\n", "").replace(" ", "") == text.replace(
        "\n", ""
    ).replace(" ", "")


def test_each_record_of_one_long_line_gets_its_own_line() -> None:
    for value in (RECORDS, {"data": RECORDS}):
        lines = records_on_lines(json.dumps(value)).split("\n")
        assert len(lines) == len(RECORDS)
        assert all(f'"boat {n}"' in line for n, line in enumerate(lines))


def test_a_file_that_was_written_to_be_read_stays_as_it_is(tmp_path: Path) -> None:
    for text in (json.dumps(RECORDS[:3], indent=1), '{"a": 1}\n{"a": 2}\n'):
        path = tmp_path / "blob"
        path.write_text(text)
        assert parse_json(path).pages[0].text == text.strip()

"""The light half of the generated files of `python -m bench.hostile`, read as the worker would."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from bench.hostile.cases import all_cases
from bench.hostile.reader import Reader
from corpus import errors
from corpus.errors import LecternError
from ingestion.parsing.sandbox.sandbox import ParserSandbox

TIMEOUT_S = 60.0
LIGHT = [case for case in all_cases() if not case.heavy]
FAMILIES = sorted({case.name.rpartition(".")[2] for case in LIGHT})


def stable_codes(kind: type[LecternError] = LecternError) -> Iterator[str]:
    yield kind.code
    for inner in kind.__subclasses__():
        yield from stable_codes(inner)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with ParserSandbox(timeout_s=TIMEOUT_S, max_pages=1_000) as sandbox:
        yield Reader(sandbox, tmp_path_factory.mktemp("hostile"), timeout_s=TIMEOUT_S)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("extension", FAMILIES)
def test_every_generated_file_ends_within_its_limits_and_with_a_stable_code(
    reader: Reader, extension: str
) -> None:
    known = {"ready", "partial", *stable_codes(errors.UnreadableFile)}
    known |= set(stable_codes(errors.InvalidRequest))
    for case in LIGHT:
        if case.name.endswith(f".{extension}"):
            outcome = reader.read(case.name, case.make())
            assert outcome.violations == (), case.name
            assert outcome.code in known, case.name
            assert outcome.code not in {"parser_crashed", "parser_timeout"}, case.name


@pytest.mark.parametrize("kind", ["docx", "xlsx", "pptx", "odt", "epub"])
def test_the_sound_file_that_the_others_were_made_from_is_read(reader: Reader, kind: str) -> None:
    (sound,) = (case for case in LIGHT if case.name == f"sound.{kind}")
    assert reader.read(sound.name, sound.make()).code == "ready"

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.parsing.text.decoding import decoded
from ingestion.parsing.text.mojibake import mended


def test_text_in_unicode_needs_no_repair() -> None:
    assert decoded("Größe – 5 µm".encode()).warnings == ()
    assert decoded("Größe – 5 µm".encode(), declared="koi8-r").text == "Größe – 5 µm"


@pytest.mark.parametrize("label", ["latin-1", "iso-8859-1", "us-ascii", "ISO_8859-1"])
def test_what_is_labelled_latin_1_is_read_as_browsers_do(label: str) -> None:
    read = decoded("“smart” quotes – dash".encode("cp1252"), declared=label)
    assert read.text == "“smart” quotes – dash"
    (warning,) = read.warnings
    assert warning.code == "encoding_repaired"
    assert decoded("Le café".encode("latin-1"), declared=label).warnings == ()


def test_a_label_that_cannot_be_is_not_followed_and_reported() -> None:
    read = decoded("Le café est fermé à cinq heures".encode("cp1252"), declared="utf-8")
    assert read.text == "Le café est fermé à cinq heures"
    assert "utf-8" in read.warnings[0].detail


def test_bytes_that_are_no_characters_are_counted() -> None:
    read = decoded(b"caf\xe9 \x81 and \x9d, ferm\xe9 \xe0 cinq heures")
    assert read.text.count("\ufffd") == 2
    assert "2 bytes" in read.warnings[0].detail


def test_a_replacement_character_that_stands_in_the_file_is_not_ours() -> None:
    assert decoded("was \ufffd before".encode()).warnings == ()


@given(
    st.lists(
        st.sampled_from(["é", "è", "ü", "ñ", "Ö", "–", "€", "日", "П", "ł", "plain"]), min_size=2
    )
)
def test_text_that_was_stored_in_a_wrong_encoding_is_mended(words: list[str]) -> None:
    text = " ".join(["é", "ü", *words])
    broken = "".join(_misread(char) for char in text)
    assert mended(broken) == (text, sum(char > "~" for char in text))


def _misread(char: str) -> str:
    """What Windows-1252 makes of UTF-8; bytes that it does not know stay control characters."""
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in char.encode())


def test_the_reader_is_told_that_it_was_mended() -> None:
    read = decoded("GrÃ¶ÃŸe, cafÃ© â€“ so".encode())
    assert read.text == "Größe, café – so"
    assert "4 characters had been stored in a wrong encoding" in read.warnings[0].detail


@pytest.mark.parametrize(
    "text",
    [
        "« CAFÉ » et « FERMÉ»",
        "SÃO PAULO E “MAÇÃ” E “LÃ”",
        "„HALLÄ“ rief er, „SÄ“",
        "À l’été, où ça ? Noël…",
        "Żółć, čaj, ğ, ő",
        "Привет, мир",
    ],
)
def test_accents_that_are_meant_stay(text: str) -> None:
    assert mended(text) == (text, 0)

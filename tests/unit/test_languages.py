import pytest

from corpus.index.languages import BM25_LANGUAGES, language_of, languages_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How many points did the defense surrender?", "en"),
        ("Welche Punkte hat die Verteidigung nicht abgegeben und warum?", "de"),
        ("Combien de points la défense a-t-elle cédés dans ce match ?", "fr"),
        ("Сколько очков они пропустили в этом сезоне?", "ru"),
    ],
)
def test_the_stop_words_tell_the_language(text: str, language: str) -> None:
    assert languages_of(text) == (language,)


@pytest.mark.parametrize("text", ["", "12 34", "EBITDA", "谁发明了电话？"])
def test_without_stop_words_every_language_is_possible_and_english_the_first(text: str) -> None:
    assert set(languages_of(text)) == set(BM25_LANGUAGES)
    assert language_of(text) == "en"

import pytest

from corpus.index.languages import BM25_LANGUAGES, OTHER_LANGUAGE, language_of, languages_of


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


@pytest.mark.parametrize("text", ["", "12 34", "EBITDA"])
def test_without_stop_words_every_language_is_possible_and_english_the_first(text: str) -> None:
    assert set(languages_of(text)) == set(BM25_LANGUAGES)
    assert language_of(text) == "en"


@pytest.mark.parametrize(
    ("text", "language"), [("отпуска сотрудника", "ru"), ("διακοπή εργαζόμενος", "el")]
)
def test_without_stop_words_the_script_tells(text: str, language: str) -> None:
    assert languages_of(text) == (language,)


@pytest.mark.parametrize(
    "text", ["DNA是什么", "谁发明了电话？", "ใครประดิษฐ์โทรศัพท์", "누가 전화를 발명했습니까?"]
)
def test_a_language_without_rules_is_told_from_english(text: str) -> None:
    assert languages_of(text) == (OTHER_LANGUAGE,)

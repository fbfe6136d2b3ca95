from ingestion.parsing import offline_nlp


def test_the_local_pipeline_parts_sentences_and_marks_verbs() -> None:
    doc = offline_nlp.rule_pipeline()("Revenue was higher. Costs declined in Europe.")
    assert [sentence.text for sentence in doc.sents] == [
        "Revenue was higher.",
        "Costs declined in Europe.",
    ]
    assert [token.text for token in doc if token.tag_ == "VB"] == ["was", "declined"]


def test_unstructured_tags_words_without_a_download() -> None:
    from unstructured.nlp import tokenize  # noqa: PLC0415 - seconds to import

    offline_nlp.install()
    tags = dict(tokenize.pos_tag("It was late."))
    assert tags["was"].startswith("VB")

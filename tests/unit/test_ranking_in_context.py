import pytest
from llama_index.core.schema import NodeWithScore, QueryBundle

from service.retrieval.context_ranking import RankedInContext
from service.wording.naming import naming
from tests.samples.corpus import node_of

FILINGS = ["3M 2018 10K", "3M 2022 10K", "JOHNSON JOHNSON 2022 10K", "JPMORGAN 2021Q1 10Q"]
FILINGS.append("National Aeronautics and Space Administration")


def best(question: str, titles: list[str]) -> str | None:
    named = naming(question, titles)
    title = max(titles, key=lambda title: named[title])
    return title if named[title] else None


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("What did 3M earn in FY2022?", "3M 2022 10K"),
        ("What did 3M earn in FY18?", "3M 2018 10K"),
        ("How fast did JnJ grow in 2022?", "JOHNSON JOHNSON 2022 10K"),
        ("How fast did J&J grow?", "JOHNSON JOHNSON 2022 10K"),
        ("Did Johnson & Johnson grow?", "JOHNSON JOHNSON 2022 10K"),
        ("What did NASA launch?", "National Aeronautics and Space Administration"),
        ("Which of JPM's segments is the largest?", "JPMORGAN 2021Q1 10Q"),
        ("What happened in 2022?", None),
        ("What is the revenue?", None),
    ],
)
def test_a_question_names_its_document(question: str, title: str | None) -> None:
    assert best(question, FILINGS) == title


def ranked(question: str, *nodes: NodeWithScore, top_k: int = 10) -> list[str]:
    step = RankedInContext(top_k=top_k)
    kept = step.postprocess_nodes([*nodes], query_bundle=QueryBundle(question))
    return [found.node.get_content() for found in kept]


def found(text: str, score: float, figures: float = 0.0, **where: object) -> NodeWithScore:
    node = node_of(text, **where)  # type: ignore[arg-type]
    node.metadata["figure_share"] = figures
    return NodeWithScore(node=node, score=score)


def test_a_question_for_figures_prefers_a_table() -> None:
    prose = found("prose", 0.50, ordinal=1)
    table = found("table", 0.45, figures=0.2, ordinal=2)
    assert ranked("How much was spent?", prose, table) == ["table", "prose"]
    assert ranked("Who spent it?", prose, table) == ["prose", "table"]


def test_the_document_that_is_named_comes_first() -> None:
    other = found("other", 0.50, document_id="globex")
    named = found("named", 0.48, document_id="acme")
    assert ranked("Who runs Acme?", other, named) == ["named", "other"]


def test_further_nodes_of_a_page_fall_behind_other_pages() -> None:
    nodes = [
        found("1a", 0.60, page=1, ordinal=1),
        found("1b", 0.59, page=1, ordinal=2),
        found("1c", 0.58, page=1, ordinal=3),
        found("2a", 0.57, page=2, ordinal=4),
    ]
    assert ranked("Who?", *nodes, top_k=2) == ["1a", "2a"]
    assert ranked("Who?", *nodes[:3]) == ["1a", "1b", "1c"]


def test_nothing_found_stays_nothing() -> None:
    assert ranked("Who?") == []

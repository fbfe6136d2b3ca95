"""The last order of what was found: who is named, who has figures, one page after the other."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle

from service.wording.naming import naming
from service.wording.rewriting import rewrite

# Against scores that are mostly a cosine. Computed over the vectors of 19 filings, 47 questions;
# the page is first, among the first 5 and 10, and among those of the first 5 and 10 nodes:
#   hybrid alone                      0.298 0.681 0.851   0.638 0.745
#   figures                           0.447 0.787 0.872   0.745 0.872
#   figures, names                    0.468 0.830 0.872   0.787 0.872
FIGURES_WEIGHT = 0.6
NAMING_WEIGHT = 0.08
PAGE_PENALTY = 0.05
# More digits than this share make no better table.
_FULL_OF_FIGURES = 0.25
_STATEMENT = "consolidated "
_ASKS_FOR_FIGURES = re.compile(
    r"\bhow (?:much|many|large|big|high|low|fast|often)\b|%|[$€£]"
    r"|\b(?:percent\w*|amounts?|ratios?|rates?|averages?|totals?|sums?|margins?|growth|quantity|"
    r"number of|wie ?viele?|anteil|betrag|höhe|anzahl|prozent)\b",
    re.IGNORECASE,
)


class RankedInContext(BaseNodePostprocessor):
    """The best `top_k` nodes, ordered by their scores and by what a score does not see.

    A question for figures prefers text with many of them; one that names a document, nodes of that
    document. Nodes of one page after the best of it fall back behind other pages. The scores given
    out are the sums; higher is better.
    """

    _top_k: int = PrivateAttr()

    def __init__(self, *, top_k: int) -> None:
        super().__init__()
        self._top_k = top_k

    @classmethod
    def class_name(cls) -> str:
        """Name by which LlamaIndex shows this step."""
        return "RankedInContext"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        question = query_bundle.query_str if query_bundle else ""
        return _spread_over_pages(_rescored(question, nodes))[: self._top_k]


def _rescored(question: str, nodes: Sequence[NodeWithScore]) -> list[NodeWithScore]:
    named = naming(question, {_title(found) for found in nodes})
    figures_weight = FIGURES_WEIGHT if _asks_for_figures(question) else 0.0
    rescored = [
        NodeWithScore(
            node=found.node,
            score=found.get_score()
            + figures_weight * min(_FULL_OF_FIGURES, found.node.metadata.get("figure_share", 0.0))
            + NAMING_WEIGHT * named[_title(found)],
        )
        for found in nodes
    ]
    return _sorted(rescored)


def _spread_over_pages(nodes: Sequence[NodeWithScore]) -> list[NodeWithScore]:
    """Lower each node for every better one of its page, where the document has several pages."""
    pages: defaultdict[object, set[object]] = defaultdict(set)
    for found in nodes:
        document_id, page = _place(found)
        pages[document_id].add(page)
    before: Counter[tuple[object, object]] = Counter()
    lowered = []
    for found in nodes:
        place = _place(found)
        penalty = PAGE_PENALTY * before[place] if len(pages[place[0]]) > 1 else 0.0
        before[place] += 1
        lowered.append(NodeWithScore(node=found.node, score=found.get_score() - penalty))
    return _sorted(lowered)


def _asks_for_figures(question: str) -> bool:
    on_statements = any(one.startswith(_STATEMENT) for one in rewrite(question).related)
    return on_statements or _ASKS_FOR_FIGURES.search(question) is not None


def _sorted(nodes: list[NodeWithScore]) -> list[NodeWithScore]:
    return sorted(nodes, key=lambda found: -found.get_score())


def _title(found: NodeWithScore) -> str:
    return str(found.node.metadata.get("title", ""))


def _place(found: NodeWithScore) -> tuple[object, object]:
    return found.node.metadata.get("document_id"), found.node.metadata.get("page")

"""`python -m bench.quality.threshold --folder DIR [--every N]`: how much evidence is enough.

For each set of development data in DIR (made by `python -m bench.quality --folder DIR`), and for
each threshold, the share of questions refused although their documents are there, and answered
although they are left out. `service/answering/evidence.py` has the one that was chosen.
"""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from llama_index.core.schema import QueryBundle
from rich.console import Console
from rich.table import Table

from bench.development_data import development_data
from bench.quality.data_sets import DataSet, data_sets
from corpus.access import UNRESTRICTED
from corpus.quiet import set_offline_environment
from corpus.settings import Settings
from lectern.server.wiring import ELSEWHERE, service_parts
from service.answering.evidence import Evidence, is_enough
from service.answering.passages import passages_from
from service.answering.quoting.sentence_ranking import rank_sentences
from service.answering.quoting.weighing import weigh
from service.asking.question import Question
from service.asking.searching import search
from service.parts import ServiceParts
from service.wording.rewriting import rewrite

THRESHOLDS = (0.45, 0.5, 0.55, 0.6, 0.65, 0.7)
TOP_K = 8


@dataclass(frozen=True, slots=True)
class Weighed:
    """The evidence for each question: with its documents, and without."""

    present: list[Evidence]
    absent: list[Evidence]

    def refused(self, threshold: float) -> float:
        """The share of answerable questions that are refused."""
        return sum(not is_enough(one, threshold) for one in self.present) / len(self.present)

    def answered(self, threshold: float) -> float:
        """The share of unanswerable questions that are answered."""
        return sum(is_enough(one, threshold) for one in self.absent) / len(self.absent)


def main() -> None:
    """Weigh, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1, help="of so many questions, ask one")
    wanted = parser.parse_args()
    set_offline_environment()
    data = data_sets(development_data())
    table = Table("data", *(f"{threshold}" for threshold in THRESHOLDS))
    with service_parts(Settings(data_dir=wanted.folder), ELSEWHERE) as parts:
        for one in data:
            sample = replace(one, questions=one.questions[:: wanted.every])
            weighed = asyncio.run(_weigh(parts, sample))
            shares = [f"{weighed.refused(t):.3f} {weighed.answered(t):.3f}" for t in THRESHOLDS]
            table.add_row(one.collection, *shares)
    console = Console(width=120)
    console.print("refused though present, answered though absent, by threshold:")
    console.print(table)


async def _weigh(parts: ServiceParts, data: DataSet) -> Weighed:
    weighed = Weighed([], [])
    for golden in data.questions:
        for filters, found in ((None, weighed.present), (data.left_out(golden), weighed.absent)):
            question = Question(golden.question, data.collection, UNRESTRICTED, TOP_K, filters)
            nodes = (await search(parts, question)).nodes
            passages = passages_from(nodes)
            plain = rewrite(golden.question).plain
            bundle = QueryBundle(
                golden.question, embedding=parts.embedding.get_query_embedding(plain)
            )
            ranked = rank_sentences(bundle, passages, parts.sentence_embedding)
            languages = parts.settings.embedded_languages
            found.append(weigh(golden.question, passages, ranked, languages))
    return weighed


if __name__ == "__main__":
    main()

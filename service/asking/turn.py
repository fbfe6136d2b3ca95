"""An answer becomes a turn, with how it came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from llama_index.core.schema import NodeWithScore

from corpus.errors import SourcesChanged
from corpus.registry.database.engine import Registry
from corpus.registry.documents import live_versions
from corpus.registry.turns import keep_turn
from corpus.turns import Turn
from service.answering.events import AnswerDone
from service.asking.preparing import Prepared
from service.asking.question import Keeping
from service.asking.retrieving import Retrieval
from service.asking.still_live import CHANGED
from service.asking.timing import since_ms
from service.asking.trace import PromptMessage, SearchedFor, Stage, Trace, WeighedEvidence
from service.retrieval.live_nodes import find_dead
from service.wording.rewriting import rewrite


def keep_answer(
    registry: Registry,
    answer_id: str,
    prepared: Prepared,
    retrieval: Retrieval,
    nodes: Sequence[NodeWithScore],
    embedding: Sequence[float] | None,
    timings_ms: Mapping[str, float],
    done: AnswerDone,
) -> None:
    """Keep the end of an answer; `SourcesChanged` where one of its nodes is not live any more."""
    dialogue, question = prepared.dialogue, prepared.question
    # What a caller keeps to itself is not for others; nor what only its filters make answerable.
    is_for_others = (
        done.state == "answered"
        and question.keeping is Keeping.CONVERSATION
        and not question.filters
        and not question.is_private
        and not (question.is_past_private and prepared.understood.text != question.text)
        and embedding is not None
    )
    read = {found.node.metadata["document_id"] for found in nodes}
    # A follow-up may say what was told before: it goes with the documents of that, too.
    said_before = {one for turn in dialogue.past for one in turn.document_ids}
    # Who talked there did not ask: what they said is not kept in what was made of it either.
    is_of_a_talk = question.is_past_private and bool(question.past)
    understood = question.text if is_of_a_talk else prepared.understood.text
    searched_for = rewrite(understood)
    trace = Trace(
        top_k=prepared.top_k,
        filters=dict(question.filters or {}),
        persona=question.persona,
        searched_for=SearchedFor(plain=searched_for.plain, related=list(searched_for.related)),
        stages=[Stage.model_validate(stage) for stage in retrieval.stages],
        evidence=None if done.evidence is None else WeighedEvidence.of(done.evidence),
        prompt=(
            []
            if is_of_a_talk
            else [PromptMessage(role=role, content=text) for role, text in done.prompt]
        ),
        timings_ms={**timings_ms, "total": since_ms(prepared.started_s)},
    )
    turn = Turn(
        id=answer_id,
        conversation_id=dialogue.conversation_id,
        collection=dialogue.collection,
        owner=question.reader.owner,
        question=question.text,
        standalone_question=understood,
        created_at=datetime.now(UTC),
        # Suggested questions speak of other answers' documents.
        reply={**done.as_json(), "related_questions": []},
        trace=trace.model_dump(mode="json"),
        document_ids=frozenset(read | said_before),
        embedding=np.asarray(embedding, dtype=np.float32).tobytes() if is_for_others else None,
    )
    with registry.write() as connection:
        if find_dead(nodes, lambda ids: live_versions(connection, ids, question.reader)).node_count:
            raise SourcesChanged(CHANGED)
        keep_turn(connection, turn)

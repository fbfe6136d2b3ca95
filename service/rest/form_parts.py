"""A multipart form, taken apart as it comes in: files to the disk, fields to memory.

Blocking, and so for a thread. Nothing here grows with the size of a file: at any time there is one
file open, and of the fields as many bytes in memory as the bounds below allow.
"""

from __future__ import annotations

import codecs
from urllib.parse import unquote_to_bytes

from fastapi import UploadFile
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from corpus.errors import (
    InvalidRequest,
    LecternError,
    MalformedUpload,
    TooManyFiles,
)
from corpus.originals.port import IncomingOriginal, Intake, StagedOriginal

MAX_FIELDS = 64
MAX_FIELD_BYTES = 64 << 10  # metadata, the largest, may have 16 KiB
MAX_HEADERS = 16  # of a part
MAX_HEADER_BYTES = 32 << 10  # a name of 5,000 characters, each percent-encoded, is 15 KiB
FILE_FIELD = "file"


class ReceivedFile(UploadFile):
    """A file of the form, on the disk already or refused on its way there."""

    def __init__(self, filename: str) -> None:
        # The framework's own file is never read: the bytes are in the staging folder.
        super().__init__(None, filename=filename)  # type: ignore[arg-type]
        self._outcome: StagedOriginal | LecternError | None = None

    @property
    def staged(self) -> StagedOriginal:
        """What came in, or the `LecternError` for which it was refused."""
        if isinstance(self._outcome, LecternError):
            raise self._outcome
        assert self._outcome is not None, "the form is not complete"  # noqa: S101
        return self._outcome

    def settle(self, outcome: StagedOriginal | LecternError) -> None:
        """Note what became of it; the first word counts."""
        if self._outcome is None:
            self._outcome = outcome

    async def close(self) -> None:
        """Nothing: whoever received the form removes its files."""


class FormParts:
    """The parts of one form, in their order, in `items` once the form is complete.

    Files in other fields than `file` are not stored: nobody would look at them.
    """

    def __init__(
        self, content_type: str, intake: Intake, *, max_files: int, max_file_bytes: int
    ) -> None:
        """Raise `MalformedUpload` when the Content-Type names no usable boundary."""
        _, options = parse_options_header(content_type)
        self._charset = _charset(options.get(b"charset", b"utf-8"))
        self._intake = intake
        self._max_files = max_files
        self._max_file_bytes = max_file_bytes
        self.items: list[tuple[str, str | UploadFile]] = []
        self._files = self._fields = 0
        self._header_name, self._header_value = bytearray(), bytearray()
        self._disposition = b""
        self._name = ""
        self._text = bytearray()
        self._file: ReceivedFile | None = None
        self._incoming: IncomingOriginal | None = None
        self._ended = False
        if not options.get(b"boundary"):
            raise MalformedUpload("The Content-Type names no boundary.")
        try:
            self._parser = MultipartParser(
                options[b"boundary"],
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
                max_header_count=MAX_HEADERS,
                max_header_size=MAX_HEADER_BYTES,
            )
        except FormParserError as error:
            raise MalformedUpload(f"The boundary is of no use: {error}.") from error

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the body.

        Raises `MalformedUpload`, `TooManyFiles`, and `InvalidRequest` for fields beyond the bounds:
        the form is then of no use.
        """
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise MalformedUpload(f"The form cannot be read: {error}.") from error

    def finish(self) -> None:
        """Raise `MalformedUpload` unless the form came in whole."""
        if not self._ended:
            raise MalformedUpload("The form ends before its closing boundary.")

    def close(self) -> None:
        """Let go of the file that was coming in when the form broke off."""
        if self._incoming is not None:
            self._incoming.discard()
            self._incoming = None

    def _on_part_begin(self) -> None:
        self._disposition = b""
        self._text = bytearray()
        self._file = None

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = bytes(self._header_value)
        self._header_name, self._header_value = bytearray(), bytearray()

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise MalformedUpload("A part of the form has no name.")
        self._name = self._decoded(options[b"name"])
        filename = options.get(b"filename", _extended_filename(self._disposition))
        if filename is None:
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise InvalidRequest(f"The form has more than {MAX_FIELDS} fields.")
        else:
            self._begin_file(self._decoded(filename))

    def _begin_file(self, filename: str) -> None:
        self._files += 1
        if self._files > self._max_files:
            raise TooManyFiles(f"The request holds more than {self._max_files:,} files.")
        self._file = ReceivedFile(filename)
        if self._name != FILE_FIELD:
            self._file.settle(InvalidRequest(f"Files belong into the field {FILE_FIELD!r}."))
            return
        try:
            self._incoming = self._intake.new_file(max_bytes=self._max_file_bytes)
        except LecternError as error:
            self._refuse_file(self._file, error)

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is None:
            self._text += data[start:end]
            if len(self._text) > MAX_FIELD_BYTES:
                raise InvalidRequest(f"The field {self._name[:64]!r} is over {MAX_FIELD_BYTES} B.")
        elif self._incoming is not None:
            try:
                self._incoming.write(data[start:end])
            except LecternError as error:
                self._refuse_file(self._file, error)

    def _on_part_end(self) -> None:
        if self._file is None:
            self.items.append((self._name, self._decoded(self._text)))
            return
        if self._incoming is not None:
            try:
                self._file.settle(self._incoming.finish())
                self._incoming = None
            except LecternError as error:
                self._refuse_file(self._file, error)
        self.items.append((self._name, self._file))

    def _on_end(self) -> None:
        self._ended = True

    def _refuse_file(self, file: ReceivedFile, error: LecternError) -> None:
        """The rest of its part is read and thrown away; the other files go on."""
        file.settle(error)
        self.close()

    def _decoded(self, raw: bytes | bytearray) -> str:
        try:
            return raw.decode(self._charset)
        except (UnicodeError, LookupError):
            return raw.decode("latin-1")


def _charset(named: bytes) -> str:
    try:
        return codecs.lookup(named.decode("latin-1")).name
    except (LookupError, ValueError):  # ValueError: a NUL in the name
        return "latin-1"


def _extended_filename(disposition: bytes) -> bytes | None:
    """The value of `filename*=UTF-8''...` (RFC 5987).

    RFC 7578 forbids it in forms and some clients send nothing else, which would make a field of
    their file.
    """
    for parameter in disposition.split(b";")[1:]:
        key, _, value = parameter.strip().partition(b"=")
        if key.strip().lower() == b"filename*":
            return unquote_to_bytes(value.strip().strip(b'"').rpartition(b"'")[2])
    return None

"""Taking the files out of a mail: into a folder, within bounds, each only once it is decoded.

What is taken becomes a document of its own. What says nothing to a reader (signatures, the little
pictures of a letterhead) is dropped; everything else that is left out is named in a warning.
"""

from __future__ import annotations

import mimetypes
from collections import defaultdict
from collections.abc import Iterable, Mapping

from corpus.names import clean_filename
from corpus.reports import ReadingWarning
from ingestion.parsing.parsed import Attachment
from ingestion.parsing.sandbox.scratch import Scratch

MAX_ATTACHMENTS = 100  # of one mail
MAX_NAMED = 20  # names in one warning

# Logos of the mails in our samples have 0.5 to 5 KiB, screenshots and photographs 40 and more.
SMALL_PICTURE_BYTES = 8 * 1024
# A picture that the text shows in its place is more often a letterhead than a screenshot.
SHOWN_PICTURE_BYTES = 64 * 1024

NO_ROOM = "the mail lies too deep within others, or came with too many documents"

_WORDLESS_TYPES = frozenset(
    {
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-keys",
        "application/applefile",
    }
)
_TNEF_TYPES = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})


class AttachedFiles:
    """Collects one mail's attachments in the scratch; without one it takes none.

    At most `MAX_ATTACHMENTS` files, and `limit_bytes` in all: the size of the mail, which its parts
    cannot exceed unless they overlap.
    """

    def __init__(self, scratch: Scratch | None, *, limit_bytes: int) -> None:
        self._scratch = scratch
        self._left_bytes = min(limit_bytes, scratch.free_bytes) if scratch else 0
        self._taken: list[Attachment] = []
        self._left_out: dict[str, list[str]] = defaultdict(list)

    @property
    def taken(self) -> tuple[Attachment, ...]:
        """In the order of the mail."""
        return tuple(self._taken)

    @property
    def warnings(self) -> tuple[ReadingWarning, ...]:
        """What was left out, one sentence for each reason."""
        return left_out_warnings(self._left_out)

    def take(self, name: str | None, media_type: str, data: bytes, *, is_shown: bool) -> None:
        """Keep one file, or remember why not. `is_shown`: the text has the picture in its place."""
        if media_type in _WORDLESS_TYPES or _is_decoration(name, media_type, data, is_shown):
            return
        filename = clean_filename(name or f"attachment{_extension(media_type)}")
        reason = self._reason_against(filename, media_type, len(data))
        if reason is not None or self._scratch is None:
            self.leave_out(filename, reason or NO_ROOM)
            return
        attachment = Attachment(filename=filename, scratch_name=f"attachment-{len(self._taken)}")
        self._scratch.write(attachment.scratch_name, data)
        self._left_bytes -= len(data)
        self._taken.append(attachment)

    def leave_out(self, name: str | None, reason: str) -> None:
        """Name a file that is not taken; `reason` says why, in a few words."""
        self._left_out[reason].append(clean_filename(name))

    def _reason_against(self, filename: str, media_type: str, size_bytes: int) -> str | None:
        if media_type in _TNEF_TYPES or filename.lower() == "winmail.dat":
            return "Outlook's own container, which is not opened"
        if len(self._taken) >= MAX_ATTACHMENTS:
            return f"beyond the {MAX_ATTACHMENTS} that a mail may have"
        if self._scratch is not None and size_bytes > self._left_bytes:
            return "larger than the mail they are in"
        return None


def left_out_warnings(
    names_by_reason: Mapping[str, Iterable[str]],
) -> tuple[ReadingWarning, ...]:
    """One warning for each reason, with the names of the files, of which many are only counted."""
    warnings = []
    for reason, names in names_by_reason.items():
        every = list(names)
        shown = ", ".join(every[:MAX_NAMED])
        more = f" and {len(every) - MAX_NAMED} more" if len(every) > MAX_NAMED else ""
        detail = f"Attachments that were not read ({reason}): {shown}{more}."
        warnings.append(ReadingWarning("attachments_not_read", detail))
    return tuple(warnings)


def _is_decoration(name: str | None, media_type: str, data: bytes, is_shown: bool) -> bool:
    guessed = mimetypes.guess_type(name or "")[0] or ""
    if not (media_type.startswith("image/") or guessed.startswith("image/")):
        return False
    return len(data) < (SHOWN_PICTURE_BYTES if is_shown else SMALL_PICTURE_BYTES)


def _extension(media_type: str) -> str:
    return mimetypes.guess_extension(media_type) or ""

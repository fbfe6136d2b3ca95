"""Text that was read in the wrong encoding once and stored so: "Ã©" for "é". Pure.

UTF-8 read as Windows-1252 turns each character beyond ASCII into two to four that hardly ever stand
together: a letter with an accent and one or more signs. They are put together again.
"""

from __future__ import annotations

import re

_LATER_BYTES = "".join(
    {bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0xC0)}
    | {chr(code) for code in range(0x80, 0xC0)}
)
_LATER = f"[{re.escape(_LATER_BYTES)}]"
# Of two, only those of the commonest alphabets.
_BROKEN = re.compile(f"[ÂÃÄÅÎÏÐÑ]{_LATER}|[à-ï]{_LATER}{{2}}|[ð-ô]{_LATER}{{3}}")
# A word in capitals may end so before a quotation mark: "MAÇÃ”".
_CLOSING = frozenset("“”’»›")
# A single one may be meant: a price list has "Ã¼", a lesson on encodings too.
_FEWEST = 2


def mended(text: str) -> tuple[str, int]:
    """The text with such sequences put together, and how many there were; 0: it is unchanged."""
    found = [match[0] for match in _BROKEN.finditer(text) if _whole(match[0])]
    if sum(one[-1] not in _CLOSING for one in found) < _FEWEST:
        return text, 0
    return _BROKEN.sub(lambda match: _whole(match[0]) or match[0], text), len(found)


def _whole(broken: str) -> str | None:
    """The character that these were made from, if they were."""
    try:
        return b"".join(_byte(char) for char in broken).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _byte(char: str) -> bytes:
    """The byte that a character was made from; a control character was left as it is."""
    return char.encode("latin-1" if ord(char) < 0x100 else "cp1252")

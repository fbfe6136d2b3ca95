"""Archives that unpack to far more than they are, and archives that lie about it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bench.generated.archives import Packed, archive, bomb, overlapping, packed, zip_of
from bench.hostile.cases import Case
from bench.hostile.office_parts import (
    MAIN_PART,
    around,
    document_part,
    other_parts,
    sentence,
)

_GIB = 1 << 30
_WORDS = b"word "


def cases() -> Iterator[Case]:
    """Each kind of container with each kind of bomb."""
    for kind in MAIN_PART:
        yield Case(f"bomb-2-gib.{kind}", partial(_bombed, kind, 2 * _GIB))
        # Below the limits of size and ratio together: this one is unpacked and read.
        yield Case(f"bomb-just-allowed.{kind}", partial(_just_allowed, kind), heavy=True)
        yield Case(f"bomb-claims-100-bytes.{kind}", partial(_bombed, kind, _GIB, claimed=100))
        yield Case(f"bomb-in-many-elements.{kind}", partial(_many_elements, kind), heavy=True)
        yield Case(f"overlapping-members.{kind}", partial(_overlapping, kind))
        yield Case(f"100000-members.{kind}", partial(_many_members, kind))
        yield Case(f"members-of-one-name.{kind}", partial(_one_name, kind))
        yield Case(f"members-with-path-tricks.{kind}", partial(_path_tricks, kind))
        yield Case(f"archive-in-archive.{kind}", partial(_nested, kind, 12))
        yield Case(f"encrypted-flag.{kind}", partial(_sound, kind, flags=1))
        yield Case(f"main-part-is-missing.{kind}", partial(_without_main, kind))
        yield Case(f"main-part-is-empty.{kind}", partial(_with_main, kind, b""))
        yield Case(f"main-part-is-no-xml.{kind}", partial(_with_main, kind, b"\0\xff<<<&" * 99))
        yield Case(f"sound.{kind}", partial(_sound, kind))
    yield Case("empty-archive.docx", lambda: zip_of({}))
    yield Case("only-an-end-record.zip", lambda: b"PK\x05\x06" + bytes(18))
    yield Case("archive-in-archive.zip", partial(_nested, "zip", 30))


def _members(kind: str, main: Packed | None) -> list[tuple[str, Packed]]:
    parts = [(name, packed(data)) for name, data in other_parts(kind).items()]
    return parts if main is None else [*parts, (MAIN_PART[kind], main)]


def _sound(kind: str, flags: int = 0) -> bytes:
    main = packed(document_part(kind, sentence(kind, b"Nothing is wrong with this one.")))
    return archive(_members(kind, main), flags=flags)


def _with_main(kind: str, data: bytes) -> bytes:
    return archive(_members(kind, packed(data)))


def _without_main(kind: str) -> bytes:
    return archive(_members(kind, None))


def _text_bomb(kind: str, unpacked_bytes: int) -> Packed:
    before, after = around(kind)
    opened, _, closed = sentence(kind, b"@").partition(b"@")
    return bomb(before + opened, _WORDS, unpacked_bytes, closed + after)


def _bombed(kind: str, unpacked_bytes: int, claimed: int | None = None) -> bytes:
    return archive(_members(kind, _text_bomb(kind, unpacked_bytes)), claimed_bytes=claimed)


def _just_allowed(kind: str) -> bytes:
    noise = packed(bytes(n * n % 251 for n in range(1 << 20)))
    stuffing = [(f"media/{number}.bin", Packed(noise.data, 1, 10)) for number in range(400)]
    return archive([*_members(kind, _text_bomb(kind, 200 << 20)), *stuffing])


def _many_elements(kind: str) -> bytes:
    before, after = around(kind)
    main = bomb(before, sentence(kind, b"x"), 15 << 20, after)
    return archive(_members(kind, main))


def _overlapping(kind: str) -> bytes:
    names = [name for name, _ in _members(kind, _text_bomb(kind, 1))]
    return overlapping([*names, *(f"more/{n}" for n in range(300))], _text_bomb(kind, 64 << 20))


def _many_members(kind: str) -> bytes:
    nothing = packed(b"")
    main = packed(document_part(kind, sentence(kind, b"words")))
    return archive([*_members(kind, main), *((f"n/{number}", nothing) for number in range(60_000))])


def _one_name(kind: str) -> bytes:
    main = packed(document_part(kind, sentence(kind, b"words")))
    return archive(_members(kind, main) * 500)


def _path_tricks(kind: str) -> bytes:
    names = ("../../../../tmp/x", "/etc/passwd", "C:\\x", "a\0b", "..", ".", "", "\u202egnp.exe")
    main = packed(document_part(kind, sentence(kind, b"words")))
    return archive([*_members(kind, main), *((name, packed(b"x")) for name in names)])


def _nested(kind: str, depth: int) -> bytes:
    inner = b"the end"
    for level in range(depth):
        inner = zip_of({f"{level}.zip": inner, f"{level}-again.zip": inner})
    if kind == "zip":
        return inner
    main = packed(document_part(kind, sentence(kind, b"words")))
    return archive([*_members(kind, main), ("word/embeddings/inner.zip", packed(inner))])

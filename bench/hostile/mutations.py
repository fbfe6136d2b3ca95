"""Honest files, damaged: cut off, with bits turned over, with pieces doubled, moved or mixed."""

from __future__ import annotations

import random
from collections.abc import Sequence

_MOST_CHANGES = 30
_ODD = (b"\0", b"\xff" * 4, b"\x7f\xff\xff\xff", b"-1", b"%s%n", b"<", b"\r\n\r\n")


def damaged(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """`data` after one to three damages; pieces of `others` may be spliced in.

    The same generator state gives the same bytes. At most as long as the inputs together.
    """
    for _ in range(rng.randint(1, 3)):
        damage = rng.choice((_cut, _turn_bits, _put_odd_bytes, _repeat, _take_out))
        data = damage(data, rng)
    if others and rng.random() < 0.2:
        data = _splice(data, rng.choice(others), rng)
    return data


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randint(0, len(data))]


def _turn_bits(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, _MOST_CHANGES) if data else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _put_odd_bytes(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 5)):
        at, odd = rng.randint(0, len(changed)), rng.choice(_ODD)
        changed[at : at + len(odd)] = odd[: len(changed) - at]
    return bytes(changed)


def _repeat(data: bytes, rng: random.Random) -> bytes:
    start, end = _span(data, rng)
    piece = data[start:end]
    times = min(rng.randint(1, 50), len(data) // max(1, len(piece)))
    return data[:end] + piece * times + data[end:]


def _take_out(data: bytes, rng: random.Random) -> bytes:
    start, end = _span(data, rng)
    return data[:start] + data[end:]


def _splice(data: bytes, other: bytes, rng: random.Random) -> bytes:
    start, end = _span(data, rng)
    first, last = _span(other, rng)
    return data[:start] + other[first:last] + data[end:]


def _span(data: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randint(0, len(data))
    return start, rng.randint(start, min(len(data), start + rng.choice((16, 512, 65_536))))

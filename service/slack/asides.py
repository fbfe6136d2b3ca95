"""What people say to each other in a thread, and not to the bot. Pure."""

from __future__ import annotations

import re

_ASKS = re.compile(r"[?？؟]")
# Names may be in any script; "10:30:15" has none.
_EMOJI = re.compile(r"(?<!\d):[^\s:]+:")
_WORD = re.compile(r"[^\W_]+")
# "Thank you, Ann": the last word, in the sentence of the one before.
_NAME = re.compile(r"(?<=[^\W_])(?:,? +)([^\W\d_]+)[\s!.,]*\Z")

_THANKS = frozenset(
    {
        *("thanks", "thank", "thx", "ty", "tysm", "cheers", "appreciated"),
        *("danke", "dank", "merci", "gracias", "grazie", "obrigado", "obrigada", "bedankt"),
        *("tack", "tak", "kiitos", "dziękuję", "dzięki", "спасибо", "teşekkürler"),
        *("ありがとう", "ありがとうございます", "谢谢", "多谢", "감사합니다"),
    }
)
_CONSENT = frozenset(
    {
        *("ok", "okay", "alright", "done", "noted", "understood"),
        *("great", "good", "nice", "cool", "awesome", "perfect", "super", "wow", "lol", "haha"),
        *("好的", "了解", "了解です", "承知しました"),
    }
)
# Beside them these ask for nothing; alone, "yes" and "no" may be an answer to the bot.
_BESIDE = frozenset(
    {
        *("yes", "yeah", "no", "you", "all", "both", "everyone", "guys", "team", "again"),
        *("so", "very", "much", "many", "a", "lot", "that", "it", "got", "makes", "sense"),
        *("for", "the", "this", "your", "help"),
        *("ja", "nein", "dir", "euch", "ihnen", "sehr", "schön", "vielen", "herzlichen"),
        *("beaucoup", "bien", "muchas", "sí", "mille", "muito", "je", "wel", "så", "mycket"),
        *("mange", "bardzo", "большое"),
    }
)
_PHRASES = frozenset({"got it", "makes sense", "that makes sense"})


def is_aside(text: str) -> bool:
    """Whether nobody waits for an answer to it: no words at all, or thanks and consent alone."""
    if _ASKS.search(text):
        return False
    said = _EMOJI.sub(" ", text)
    words = _WORD.findall(said.lower())
    if not words or " ".join(words) in _PHRASES:
        return True
    name = _NAME.search(said)
    if name and name[1].istitle() and not _THANKS.isdisjoint(words[:-1]):
        words = words[:-1]
    known = _THANKS | _CONSENT
    return known.union(_BESIDE).issuperset(words) and not known.isdisjoint(words)

"""What people say to each other in a thread, and not to the bot. Pure."""

from __future__ import annotations

import re

_EMOJI = re.compile(r":[a-z0-9_+'-]+:(?::skin-tone-[2-6]:)?", re.IGNORECASE)
_NO_WORDS = re.compile(r"[\W_]+")
_COURTESIES = frozenset(
    {
        *("ok", "okay", "alright", "done", "noted", "understood", "got it", "makes sense"),
        *("thanks", "thank you", "thank you so much", "thank you very much", "thanks a lot"),
        *(
            "many thanks",
            "ok thanks",
            "okay thanks",
            "great thanks",
            "perfect thanks",
            "thanks all",
        ),
        *("thx", "ty", "tysm", "cheers", "much appreciated", "appreciated"),
        *("great", "good", "nice", "cool", "awesome", "perfect", "super", "wow", "lol", "haha"),
        *("danke", "danke schön", "vielen dank", "merci", "gracias", "grazie", "obrigado"),
        *("obrigada", "bedankt", "dank je", "tack", "tak", "kiitos", "dziękuję", "спасибо"),
        *("ありがとう", "谢谢", "감사합니다"),
    }
)


def is_aside(text: str) -> bool:
    """Whether nobody waits for an answer to it: no words at all, or thanks and consent alone."""
    words = _NO_WORDS.sub(" ", _EMOJI.sub(" ", text)).strip().lower()
    return not words or words in _COURTESIES

"""What all threads of a run note down together; safe to use from each of them."""

from __future__ import annotations

import threading
from collections import Counter

from bench.chaos.ledger import Account
from bench.chaos.texts import Text

_MOST_VIOLATIONS = 200


class Record:
    """`accounts`, `violations` (a sentence each, the first 200), and `counts` of what happened.

    `shared_texts` were acknowledged, whoever sent them.
    """

    def __init__(self) -> None:
        self.accounts: list[Account] = []
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter()
        self.shared_texts: set[Text] = set()
        self._lock = threading.Lock()

    def count(self, what: str) -> None:
        """One more of it."""
        with self._lock:
            self.counts[what] += 1

    def violation(self, sentence: str) -> None:
        """Something that must not be."""
        with self._lock:
            if len(self.violations) < _MOST_VIOLATIONS:
                self.violations.append(sentence)

    def shared(self, text: Text) -> None:
        """One of the texts that everybody sends was acknowledged."""
        with self._lock:
            self.shared_texts.add(text)

    def opened(self, account: Account) -> Account:
        """Keep the books of one more document; gives it back."""
        with self._lock:
            self.accounts.append(account)
        return account

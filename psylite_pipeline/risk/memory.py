"""A bounded memory of scores under a salted hash. It saves time only: results are the same without it."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

#: Turns remembered: two hundred talks of sixty turns, at some two kilobytes a turn.
CAPACITY = 12_288


class ScoreCache(Generic[T]):
    """Least recently used scores by text. Holds no text: the salt is drawn at start and dies with the process."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._salt = os.urandom(16)
        self._lock = threading.Lock()
        self._scores: OrderedDict[bytes, T] = OrderedDict()

    def get(self, text: str, compute: Callable[[], T], keep: Callable[[T], bool] = lambda _: True) -> T:
        """The score of `text`, computed if it is not remembered; `keep` says whether it is worth remembering."""
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=16).digest()
        with self._lock:
            if key in self._scores:
                self._scores.move_to_end(key)
                return self._scores[key]
        score = compute()
        if not keep(score):
            return score
        with self._lock:
            self._scores[key] = score
            while len(self._scores) > self._capacity:
                self._scores.popitem(last=False)
        return score

"""Twins within a set, and rows of the evaluation sets that slipped into it, by the character n-grams they share.

Of a remembered text only the `KEPT` n-grams with the lowest hashes are kept, all of a short one: an unbiased sample, so
that the share of them found in another text estimates how much of the text stands there, at a fraction of the memory.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import lru_cache

LETTERS = 8
KEPT = 200
TWIN = 0.7
"""A row is a twin when it holds this much of one kept before: the same text, lightly edited or added to."""

LEAK = 0.5
"""A row leaks when it holds this much of one evaluated turn. Lower, since a quotation amid other text is a leak too."""

LEAST = 4
"""Fewer shared n-grams than this are chance: a greeting, a common phrase (11 letters or so)."""

_NOISE = re.compile(r"[\W_]+")


def plain(text: str) -> str:
    """Letters and digits alone, lower case, NFKC."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text).lower())


@lru_cache(maxsize=4)  # each row is looked for on two shelves and put on one
def grams(text: str) -> frozenset[int]:
    """The hashes of the n-grams of `text`."""
    letters = plain(text).encode("utf-32-le")
    wide = 4 * LETTERS
    return frozenset(zlib.crc32(letters[at : at + wide]) for at in range(0, len(letters) - wide + 1, 4))


@dataclass
class Shelf:
    """Remembered texts; `share` of one is enough."""

    share: float
    _sizes: list[int] = field(default_factory=list)
    _where: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    _whole: set[str] = field(default_factory=set)

    def add(self, text: str) -> None:
        """Remember `text`."""
        kept = sorted(grams(text))[:KEPT]
        for gram in kept:
            self._where[gram].append(len(self._sizes))
        self._sizes.append(len(kept))
        self._whole.add(plain(text))

    def has(self, text: str) -> bool:
        """Whether `text` is a remembered one, or holds enough of one."""
        if plain(text) in self._whole:
            return True
        shared = Counter(number for gram in grams(text) for number in self._where.get(gram, ()))
        return any(count >= max(LEAST, self.share * self._sizes[number]) for number, count in shared.items())

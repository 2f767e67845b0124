"""Which end of a text may be the beginning of a phrase, as far as it has come.

One Chinese character or one English word begins far too much, and so do `我是` and `这是`: a phrase is taken to have
begun only when more of it has come than that. What stands in a gap is no part of it: neither `我` nor what follows it
waits for a promise until the promise begins.
"""

from __future__ import annotations

from collections.abc import Iterable

import ahocorasick

from psylite_pipeline.risk.normalise import SENTENCE_ENDS, is_word
from psylite_pipeline.risk.rules.phrases import Phrase

#: Characters of which any number say nothing yet; a space, because one stands for a gap.
_LITTLE = frozenset("我你您这那是有会也就都还要能可以 ")


class Beginnings:
    """Finds where in a folded text one of many phrases may stand or begin, without judging it. Immutable."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        begun: dict[str, list[_Parts]] = {}
        for phrase in phrases:
            parts = _Parts(phrase)
            for literal in phrase.parts[0]:
                begun.setdefault(literal, []).append(parts)
        self._automaton = ahocorasick.Automaton()
        for literal, those in begun.items():
            self._automaton.add_word(literal, (len(literal), tuple(those)))
        self._longest = max(map(len, begun), default=0)
        if begun:
            self._automaton.make_automaton()

    def look(self, text: str) -> tuple[bool, int]:
        """Whether the folded `text` may hold one of the phrases, and how many letters at its end may be the beginning
        of one."""
        text = text.rstrip("'")
        size = first = len(text)
        if not self._longest:
            return False, 0
        whole = False
        sentence = max(text.rfind(mark) for mark in SENTENCE_ENDS) + 1
        for last, (length, those) in self._automaton.iter(text):
            start, end = last + 1 - length, last + 1
            if _inside_word(text, start) or _inside_word(text, end):
                continue
            for parts in those:
                if whole and (start >= first or size - end > parts.reach):
                    continue  # it can tell nothing new
                complete, grows = parts.follow(text, end, text[start:end])
                whole = whole or complete
                if grows and start >= sentence:
                    first = min(first, start)
        for start in range(max(size - self._longest, sentence), first):
            begun = text[start:]
            if _tells(begun) and not _inside_word(text, start) and self._automaton.longest_prefix(begun) == len(begun):
                first = start
                break
        return whole, sum(map(str.isalnum, text[first:]))


class _Parts:
    """The parts of a phrase after its first."""

    def __init__(self, phrase: Phrase) -> None:
        self._parts, self._gaps = phrase.parts[1:], phrase.gaps[1:]
        self._longest = [max(map(len, part)) for part in self._parts]
        self._begun = [frozenset(one[:size] for one in part for size in range(1, len(one))) for part in self._parts]
        self.reach = sum(self._gaps) + sum(self._longest)

    def follow(self, text: str, at: int, said: str, part: int = 0) -> tuple[bool, bool]:
        """Whether the parts from `part` on may stand in `text` from `at` on, and whether they may still come after
        `said`, the parts before them."""
        size = len(text)
        if part == len(self._parts):
            return True, at == size and _tells(said)
        gap, literals = self._gaps[part], self._parts[part]
        said += " " * bool(gap)
        complete, grows = False, size <= at + gap and _tells(said)
        for begin in range(at, min(at + gap, size - 1) + 1):
            if _inside_word(text, begin):
                continue
            if text.startswith(literals, begin):
                for literal in literals:
                    end = begin + len(literal)
                    if text.startswith(literal, begin) and not _inside_word(text, end):
                        follows = self.follow(text, end, said + literal, part + 1)
                        complete, grows = complete or follows[0], grows or follows[1]
            begun = text[begin:] if size - begin < self._longest[part] else ""
            grows = grows or (begun in self._begun[part] and _tells(said + begun))
            if complete and grows:
                break
        return complete, grows


def _inside_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and is_word(text[at]) and is_word(text[at - 1])


def _tells(beginning: str) -> bool:
    """Whether a beginning is more than one Chinese character or English word, and more than `_LITTLE`."""
    if is_word(beginning[0]):
        return " " in beginning.strip()
    return len(beginning.strip()) > 1 and not _LITTLE.issuperset(beginning)

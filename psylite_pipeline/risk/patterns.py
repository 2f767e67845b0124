"""The small phrase language of the lexicon, and one automaton that finds every phrase in one pass.

A phrase is plain text with three extras: `(想|要|)` chooses between pieces, `<药>` stands for a word list, and
` … ` allows a gap inside one sentence (`…12` sets its greatest length in characters).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import ahocorasick

from psylite_pipeline.risk.normalise import SENTENCE_ENDS, is_word

MAX_LITERALS = 60_000
"""Most literals one part of a phrase may stand for: more is a mistake in a data file."""

Span = tuple[int, int]
_PART = re.compile(r"\s*…(\d*)\s*")
_PIECE = re.compile(r"\(([^()]*)\)|<([^<>]+)>|([^()<>]+)")


class PhraseError(ValueError):
    """A phrase cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Parts that must follow each other; `gaps[i]` is how many characters may stand before part i."""

    parts: tuple[tuple[str, ...], ...]
    gaps: tuple[int, ...]


def parse(text: str, lists: Mapping[str, Sequence[str]], gap: int) -> Phrase:
    """The phrase written as `text`. Raises PhraseError for an unknown list, an empty part or too many literals."""
    pieces = _PART.split(text)
    parts = tuple(expand(piece, lists) for piece in pieces[::2])
    gaps = (0, *(int(number) if number else gap for number in pieces[1::2]))
    return Phrase(parts, gaps)


def expand(text: str, lists: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Every literal that `text`, a phrase without gaps, stands for. Raises PhraseError."""
    choices: list[Sequence[str]] = []
    at = 0
    for piece in _PIECE.finditer(text):
        if piece.start() != at:
            break
        at = piece.end()
        alternatives, name, plain = piece.groups()
        if name is not None:
            if name not in lists:
                raise PhraseError(f"there is no word list <{name}>")
            choices.append(lists[name])
        else:
            choices.append([plain] if alternatives is None else alternatives.split("|"))
    if at != len(text):
        raise PhraseError(f"cannot read {text[at:]!r}")
    total = 1
    for choice in choices:
        total *= len(choice)
    if total > MAX_LITERALS:
        raise PhraseError(f"stands for {total} literals, at most {MAX_LITERALS} are allowed")
    literals = dict.fromkeys("".join(combination).strip() for combination in product(*choices))
    if not literals or "" in literals:
        raise PhraseError("a part of the phrase is or may be empty")
    return tuple(literals)


@dataclass(slots=True)
class _Uses:
    """Where one literal is used: groups it fills alone, and (phrase, part) pairs."""

    groups: set[int] = field(default_factory=set)
    steps: list[tuple[int, int]] = field(default_factory=list)


class Patterns:
    """Groups of phrases, found together. Build with `add`, then `freeze`, then only `find`."""

    def __init__(self) -> None:
        self._uses: dict[str, _Uses] = {}
        self._phrases: list[tuple[int, Phrase]] = []
        self._automaton = ahocorasick.Automaton()

    def add(self, group: int, phrase: Phrase) -> None:
        """Make `phrase`, whose literals must be folded, one way to fill `group`."""
        if len(phrase.parts) == 1:
            for literal in phrase.parts[0]:
                self._uses.setdefault(literal, _Uses()).groups.add(group)
            return
        number = len(self._phrases)
        self._phrases.append((group, phrase))
        for part, literals in enumerate(phrase.parts):
            for literal in literals:
                self._uses.setdefault(literal, _Uses()).steps.append((number, part))

    def freeze(self) -> None:
        """Build the automaton."""
        for literal, uses in self._uses.items():
            # Later parts first, so that one literal cannot be two neighbouring parts of a phrase.
            steps = tuple(sorted(uses.steps, key=lambda step: -step[1]))
            value = (len(literal), is_word(literal[0]), is_word(literal[-1]), tuple(uses.groups), steps)
            self._automaton.add_word(literal, value)
        self._uses = {}
        if len(self._automaton):
            self._automaton.make_automaton()

    def find(self, text: str) -> dict[int, list[Span]]:
        """The spans of every group that occurs in the folded `text`, in the order in which they end."""
        found: dict[int, list[Span]] = {}
        if not len(self._automaton):
            return found
        chains: dict[tuple[int, int], list[Span]] = {}
        size = len(text)
        for last, (length, word_start, word_end, groups, steps) in self._automaton.iter(text):
            start, end = last - length + 1, last + 1
            if word_start and start and is_word(text[start - 1]):
                continue
            if word_end and end < size and is_word(text[end]):
                continue
            for group in groups:
                found.setdefault(group, []).append((start, end))
            for number, part in steps:
                group, phrase = self._phrases[number]
                begin = start
                if part:
                    before = chains.get((number, part - 1))
                    if before is None:
                        continue
                    joined = _chain(text, before, start, phrase.gaps[part])
                    if joined is None:
                        continue
                    begin = joined
                if part == len(phrase.parts) - 1:
                    found.setdefault(group, []).append((begin, end))
                else:
                    chains.setdefault((number, part), []).append((begin, end))
        return found


def _chain(text: str, before: list[Span], start: int, gap: int) -> int | None:
    # Only the latest few can be near enough; overlapping ones are why it is not just the last.
    for begin, end in before[-1:-5:-1]:
        if end <= start and start - end <= gap and not any(mark in text[end:start] for mark in SENTENCE_ENDS):
            return begin
    return None


class Cover:
    """Answers in logarithmic time whether one of many spans contains, or lies inside, a given one."""

    def __init__(self, spans: Sequence[Span]) -> None:
        ordered = sorted(spans)
        self._starts = [start for start, _ in ordered]
        self._ends = [end for _, end in ordered]
        self._reach: list[int] = []
        furthest = 0
        for _, end in ordered:
            furthest = max(furthest, end)
            self._reach.append(furthest)

    def __bool__(self) -> bool:
        return bool(self._starts)

    def contains(self, span: Span) -> bool:
        """Whether `span` lies wholly inside one of the spans."""
        at = bisect_right(self._starts, span[0])
        return bool(at) and self._reach[at - 1] >= span[1]

    def within(self, start: int, end: int) -> bool:
        """Whether one of the spans lies wholly between `start` and `end` (the first dozen starting there count)."""
        at = bisect_right(self._starts, start - 1)
        return any(self._starts[i] < end and self._ends[i] <= end for i in range(at, min(at + 12, len(self._starts))))

    def before(self, position: int, most: int = 6) -> list[Span]:
        """The last few spans that start before `position`, nearest first."""
        at = bisect_right(self._starts, position - 1)
        return [(self._starts[i], self._ends[i]) for i in range(at - 1, max(at - 1 - most, -1), -1)]

    def after(self, position: int, most: int = 6) -> list[Span]:
        """The first few spans that start at or after `position`, nearest first."""
        at = bisect_right(self._starts, position - 1)
        return [(self._starts[i], self._ends[i]) for i in range(at, min(at + most, len(self._starts)))]

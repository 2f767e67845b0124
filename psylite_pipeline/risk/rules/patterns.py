"""One automaton that finds every phrase of the lexicon in one pass."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import ahocorasick

from psylite_pipeline.risk.normalise import SENTENCE_ENDS, is_word
from psylite_pipeline.risk.rules.cover import Span
from psylite_pipeline.risk.rules.phrases import Phrase

_REMEMBERED = 8
_SENTENCE_END = re.compile(f"[{SENTENCE_ENDS}]")


@dataclass(slots=True)
class _Step:
    """A part of a phrase, behind the step `parent`. `groups` are filled where a phrase ends here."""

    parent: int
    gap: int
    groups: tuple[int, ...] = ()
    goes_on: bool = False


_BEGINNING = -1
"""The parent of a first part."""

_Uses = tuple[tuple[int, ...], dict[int, list[int]], tuple[int, ...]]
"""What a literal is good for: groups that it fills alone, steps behind each parent, and first parts."""


class Patterns:
    """Groups of phrases, found together. Build with `add`, then `freeze`, then only `find`.

    Phrases that begin alike share their first steps, and literals that stand in the same steps share their uses: some
    thousand of each serve hundreds of thousands of literals.
    """

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self._known: dict[tuple[object, ...], int] = {}
        self._literals: dict[str, int] = {}  # each with the number of its set of steps
        self._sets: dict[int, tuple[int, ...]] = {0: ()}
        self._uses: dict[int, _Uses] = {}  # filled as literals turn up
        self._longest_gap = 0
        self._stride = 1
        self._automaton = ahocorasick.Automaton(ahocorasick.STORE_INTS)

    def add(self, group: int, phrase: Phrase) -> None:
        """Make `phrase`, whose literals must be folded, one way to fill `group`."""
        at = _BEGINNING
        if len(phrase.parts) == 1:
            at = self._known.setdefault((group,), len(self._steps))
            if at == len(self._steps):
                self._steps.append(_Step(_BEGINNING, 0))
            self._join(at, phrase.parts[0])
        else:
            self._longest_gap = max(self._longest_gap, *phrase.gaps)
            for gap, literals in zip(phrase.gaps, phrase.parts, strict=True):
                parent, at = at, self._known.setdefault((at, gap, literals), len(self._steps))
                if at == len(self._steps):
                    self._steps.append(_Step(parent, gap))
                    self._join(at, literals)
                if parent != _BEGINNING:
                    self._steps[parent].goes_on = True
        step = self._steps[at]
        if group not in step.groups:
            step.groups += (group,)

    def _join(self, step: int, literals: Iterable[str]) -> None:
        """Add `step` to the sets of the literals: those who shared one share the next."""
        known, joined = self._literals, {}  # type: ignore[var-annotated]
        for literal in literals:
            before = known.get(literal, 0)
            after = joined.get(before)
            if after is None:
                after = joined[before] = len(self._sets)
                self._sets[after] = (*self._sets[before], step)
            known[literal] = after

    def freeze(self) -> None:
        """Build the automaton."""
        self._stride = max(map(len, self._literals), default=0) + 1
        for literal, number in self._literals.items():  # numbers alone: half a million objects less
            self._automaton.add_word(literal, number * self._stride + len(literal))
        self._sets = {number: self._sets[number] for number in set(self._literals.values())}
        self._known, self._literals = {}, {}
        if len(self._automaton):
            self._automaton.make_automaton()

    def _uses_of(self, steps: Iterable[int]) -> _Uses:
        alone: list[int] = []
        behind: dict[int, list[int]] = {}
        first: list[int] = []
        for number in dict.fromkeys(steps):
            step = self._steps[number]
            if step.parent != _BEGINNING:
                behind.setdefault(step.parent, []).append(number)
            elif step.goes_on:
                first.append(number)
            else:
                alone += step.groups
        return tuple(alone), behind, tuple(first)

    def find(self, text: str) -> dict[int, list[Span]]:
        """The spans of every group that occurs in the folded `text`, in the order in which they end."""
        found: dict[int, list[Span]] = {}
        if not len(self._automaton):
            return found
        chains: dict[int, list[Span]] = {}  # of each step where it was reached: the last few ways there
        size = len(text)
        for last, value in self._automaton.iter(text):
            number, length = divmod(value, self._stride)
            uses = self._uses.get(number)
            if uses is None:
                uses = self._uses[number] = self._uses_of(self._sets[number])
            groups, behind, first = uses
            span = start, end = last - length + 1, last + 1
            if start and is_word(text[start]) and is_word(text[start - 1]):
                continue
            if end < size and is_word(text[last]) and is_word(text[end]):
                continue
            for group in groups:
                found.setdefault(group, []).append(span)
            if behind:
                # The later ones first, so that one literal cannot be two neighbouring parts of a phrase.
                for parent in sorted(behind.keys() & chains.keys(), reverse=True):
                    before = chains[parent]
                    if start - before[-1][1] <= self._longest_gap:
                        for number in behind[parent]:
                            self._go(number, text, before, span, chains, found)
            for number in first:
                if number in chains:
                    chains[number] = [*chains[number][1 - _REMEMBERED :], span]
                else:
                    chains[number] = [span]
        return found

    def _go(
        self,
        number: int,
        text: str,
        before: list[Span],
        here: Span,
        chains: dict[int, list[Span]],
        found: dict[int, list[Span]],
    ) -> None:
        """Take the step of that number, from the ways `before` that lead to its parent, where that can be."""
        step = self._steps[number]
        if spans := _chained(text, before, here, step.gap):
            for group in step.groups:
                found.setdefault(group, []).extend(spans)
            if step.goes_on:
                chains[number] = [*chains.get(number, ()), *spans][-_REMEMBERED:]


def _chained(text: str, before: list[Span], here: Span, gap: int) -> list[Span]:
    """The spans of a chain that goes on `here`, one for every beginning of the part that ends nearest before it: a
    phrase may or may not begin with the 我 of (我|)."""
    start, end = here
    # Only the latest few can be near enough; overlapping ones are why it is not just the last.
    for _, nearest in reversed(before):
        if nearest <= start:
            if start - nearest > gap or _SENTENCE_END.search(text, nearest, start):
                return []
            return [(begin, end) for begin, last in before if last == nearest]
    return []

"""Spans of a text, and which of them lie before, after, inside or around another."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

Span = tuple[int, int]
"""Where something begins and ends in a text, in characters; the end is not part of it."""


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

    def explains(self, span: Span, *, tail: bool = True) -> bool:
        """Whether one of the spans covers `span`, or overlaps it and reaches past its start or its end.

        With `tail`, one that lies inside `span` and ends with it explains it, too.
        """
        start, end = span
        before = bisect_left(self._starts, start)
        if before and self._reach[before - 1] > start:
            return True
        at = bisect_left(self._starts, end)
        if not at or self._reach[at - 1] < end:
            return False
        return tail or self._reach[at - 1] > end or self.contains(span)

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

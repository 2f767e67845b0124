"""One text with what the lexicon's phrases find in it: which spans count, and what a rule says of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from psylite_pipeline.decision import Kind, Risk
from psylite_pipeline.risk.normalise import CLAUSE_ENDS, SENTENCE_ENDS
from psylite_pipeline.risk.reading import Finding
from psylite_pipeline.risk.rules.cover import Cover, Span
from psylite_pipeline.risk.rules.patterns import Patterns
from psylite_pipeline.risk.rules.rulebook import Frame, Rule

#: Of a pasted wall of repetitions the beginning and the end tell enough: so many spans of each.
KEPT_SPANS = 400

#: Characters to either side of a span in which its sentence is looked for.
_SENTENCE_SIDE = 500

_NOWHERE = Cover(())


class Matches:
    """The folded `text`, with what is found in it. Lives as long as one reading."""

    def __init__(self, text: str, patterns: Patterns, groups: Mapping[str, int]) -> None:
        self.text = text
        self._patterns = patterns
        self._groups = groups
        self._covers: dict[str, Cover] = {}

    @cached_property
    def found(self) -> Mapping[int, list[Span]]:
        """The spans of every group that occurs."""
        return self._patterns.find(self.text)

    def cover(self, name: str) -> Cover:
        """The spans of a group, without those of a marker that its exceptions mask."""
        known = self._covers.get(name)
        if known is None:
            spans = self.found.get(self._groups.get(name, -1))
            if not spans:
                return _NOWHERE
            if name.startswith("marker "):
                masks = self.cover(f"unless {name}")
                spans = [span for span in spans if not masks.contains(span)]
            known = self._covers[name] = Cover(spans)
        return known

    def judge(self, rule: Rule, number: int, frames: tuple[Frame, ...]) -> Finding | None:
        """The gravest thing `rule` says about the text, or None when every phrase it found is explained."""
        masks = self.cover(f"unless rule {rule.id}")
        idioms = self.cover("idioms") if rule.masked_by_idioms else _NOWHERE
        others = self.cover(f"not_with rule {rule.id}")
        best: Finding | None = None
        spans = self.found[number]
        if len(spans) > 2 * KEPT_SPANS:
            spans = spans[:KEPT_SPANS] + spans[-KEPT_SPANS:]
        for span in spans:
            if masks.explains(span) or idioms.explains(span, tail=False):  # 我不该死 is more than its idiom 该死
                continue
            if others and others.within(*self.sentence(*span)):
                continue
            finding = self._meant(rule, span, frames)
            if finding is None:
                continue
            if best is None or finding.level > best.level or (best.kind != rule.kind and finding.level == best.level):
                best = finding
            if best.level == rule.level and best.kind == rule.kind:
                break
        return best

    def _meant(self, rule: Rule, span: Span, frames: tuple[Frame, ...]) -> Finding | None:
        level, kind = rule.level, rule.kind
        for frame in frames:
            if not frame.applies(rule) or not self._holds(frame, span):
                continue
            if frame.effect == "drop":
                return None
            if frame.effect == "concern":
                level = min(level, Risk.CONCERN)
            else:
                kind = Kind.SOMEONE_ELSE
                if level < Risk.IMMINENT:
                    level = min(level, Risk.CONCERN)
        return Finding(rule.id, level, kind, rule.sign, softened=level < rule.level, sure=rule.sure, tells=rule.tells)

    def _holds(self, frame: Frame, span: Span) -> bool:
        cues = self.cover(f"marker {frame.cue}")
        if not cues or not all(self.cover(f"marker {one}") for one in frame.needs):
            return False
        if any(self.cover(f"marker {one}") for one in frame.never):
            return False
        start, end = span
        ends = CLAUSE_ENDS if frame.scope == "clause" else SENTENCE_ENDS if frame.scope == "sentence" else ""
        near = cues.before(start) if frame.where == "before" else cues.after(end)
        for cue_start, cue_end in near:
            first, last = (cue_end, start) if frame.where == "before" else (end, cue_start)
            if last < first or last - first > frame.reach or any(mark in self.text[first:last] for mark in ends):
                continue
            stop_from, stop_to = (cue_end, end) if frame.where == "before" else (start, cue_start)
            if not any(self.cover(f"marker {stop}").within(stop_from, stop_to) for stop in frame.stops):
                return True
        return False

    def sentence(self, start: int, end: int) -> Span:
        """Where the sentence around a span begins and ends."""
        low = max(0, start - _SENTENCE_SIDE)
        first = max(self.text.rfind(mark, low, start) for mark in SENTENCE_ENDS) + 1
        lasts = [at for mark in SENTENCE_ENDS if (at := self.text.find(mark, end, end + _SENTENCE_SIDE)) >= 0]
        return max(first, low), min(lasts, default=min(len(self.text), end + _SENTENCE_SIDE))

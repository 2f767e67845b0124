"""The rule judge: reads a turn against the phrases under knowledge/risk/lexicon and says what it found, and why.

It needs no model and no network, so it decides when everything else is broken. A rule finds phrases; idioms and the
rule's own exceptions mask some of them; frames (negation, past, somebody else, fiction) change what the rest mean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.errors import KnowledgeError
from psylite_pipeline.risk.cover import Cover, Span
from psylite_pipeline.risk.normalise import CLAUSE_ENDS, SENTENCE_ENDS, Folder, Spellings, default_folder
from psylite_pipeline.risk.patterns import Patterns
from psylite_pipeline.risk.rule_files import read_rulebook
from psylite_pipeline.risk.rulebook import Frame, Rule, Rulebook

MAX_ANSWER = 60
"""Longer turns (folded characters) are no short answers."""

MAX_ERRAND = 24
"""Longer turns (folded characters) may say more than that."""

MARKERS = frozenset({
    "answers nothing", "asked call", "asked of either", "asked of harm", "asked of you", "asked_danger", "denial",
    "denial opens", "doubted", "everyday request", "harm in it", "more than an errand", "oneself", "plain errand",
    "question", "somebody else", "tells of another", "tells of oneself", "told explained", "told not", "told over",
    "urged call",
})  # fmt: skip
"""The markers that are asked for below, besides those of each thing told. Without one of them a yes to the direct
question, or a denial, would silently count for nothing."""

_CLAUSE = re.compile(f"[^{CLAUSE_ENDS}]+")
_SENTENCE = re.compile(f"[^{SENTENCE_ENDS}]+")
_KEPT_SPANS = 400
_NOWHERE = Cover(())
_QUESTION_SIDE = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that spoke. `sign` names a mood or move of the talk; it is empty for rules about danger. `softened`:
    plain words, brought down to concern by what stands around them (somebody else's, long ago). `sure`, `tells`: see
    Rule."""

    rule: str
    level: Risk
    kind: Kind | None
    sign: str
    softened: bool = False
    sure: bool = False
    tells: Told | None = None


class Lexicon:
    """All rules, frozen into one automaton. Safe to share between threads once built."""

    def __init__(self, book: Rulebook, spellings: Spellings, folder: Folder | None = None) -> None:
        self._book = book
        self._spellings = spellings
        self._folder = folder or default_folder()
        self._patterns = Patterns()
        self._groups: dict[str, int] = {}
        for name, phrases in book.groups():
            number = self._groups.setdefault(name, len(self._groups))
            for phrase in phrases:
                self._patterns.add(number, phrase)
        self._patterns.freeze()
        self._rules = [(rule, self._groups.get(f"rule {rule.id}", -1)) for rule in book.rules]
        self._kept: dict[str, _Matches] | None = None

    @classmethod
    def load(cls, folder: Path) -> Lexicon:
        """The lexicon in the TOML files of `folder`. Raises KnowledgeError naming the file, the rule and the field."""
        book, spellings = read_rulebook(folder)
        if amiss := book.amiss(MARKERS):
            raise KnowledgeError(f"{folder}: {amiss}")
        return cls(book, spellings)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule, in the order of the files."""
        return self._book.rules

    def for_one_judgement(self) -> Lexicon:
        """The same rules, which read a text once, however much is asked of it. They keep it: let them go with it."""
        once = copy(self)
        once._kept = {}
        return once

    def fold(self, text: str) -> str:
        """`text` as the rules see it: folded, with disguised words written plainly."""
        return self._spellings.apply(self._folder.fold(text))

    def read(self, text: str) -> tuple[Finding, ...]:
        """What the rules say about a person's turn, most serious first; one finding a rule. Never raises."""
        matches = self._matches(text)
        findings = []
        for rule, number in self._rules:
            if number in matches.found:
                finding = matches.judge(rule, number, self._book.frames)
                if finding is not None:
                    findings.append(finding)
        findings.sort(key=lambda finding: -finding.level)
        return tuple(findings)

    def asks_about_danger(self, assistant_text: str) -> bool:
        """Whether the assistant asked directly about suicide, self-harm or wanting to die."""
        matches = self._matches(assistant_text)
        folded = matches.text
        asked = matches.cover("marker asked_danger")
        questions = matches.cover("marker question")
        for start, end in asked.after(0, most=_KEPT_SPANS):
            first, last = matches.sentence(start, end)
            if last < len(folded) and folded[last] == "?":
                return True
            if folded[last + 1 :].lstrip(SENTENCE_ENDS + " ").startswith(self._book.asks_back):
                return True
            if questions.within(max(first, start - _QUESTION_SIDE), min(last, end + _QUESTION_SIDE)):
                return True
        return False

    def says_yes(self, text: str) -> bool:
        """Whether a short turn says yes to what was asked, also beside a no."""
        folded = self._matches(text).text
        if len(folded) > MAX_ANSWER:
            return False
        return any(clause.strip() in self._book.yes for clause in _CLAUSE.findall(folded))

    def answers_nothing(self, text: str) -> bool:
        """Whether a short turn asks back, or says what else was meant or that it is over, where it was asked about
        danger."""
        matches = self._matches(text)
        markers = ("marker answers nothing", "marker told explained", "marker told over")
        return len(matches.text) <= MAX_ANSWER and any(map(matches.cover, markers))

    def asks_everyday(self, text: str) -> bool:
        """Whether a turn asks for an everyday thing (a card, a recipe), with no word of harm in it."""
        matches = self._matches(text)
        return bool(matches.cover("marker everyday request")) and not matches.cover("marker harm in it")

    def runs_errand(self, text: str) -> bool:
        """Whether a short turn is about a plain errand, or staying with somebody, with no word that may mean more."""
        matches = self._matches(text)
        short = len(matches.text) <= MAX_ERRAND
        return short and bool(matches.cover("marker plain errand")) and not matches.cover("marker more than an errand")

    def whose(self, asked: str, answer: str) -> Kind | None:
        """What kind of danger a yes to a direct question is about: None where it was asked about somebody else, whom
        the talk is about already."""
        sentences = [one for one in _SENTENCE.findall(self.fold(asked)) if one.strip()]
        question, said = self._matches(sentences[-1] if sentences else ""), self._matches(answer)
        if question.cover("marker asked of either"):
            another = said.cover("marker somebody else") and not said.cover("marker oneself")
            return Kind.SOMEONE_ELSE if another or self.of_another(answer) else Kind.SELF_HARM
        if question.cover("marker asked of harm"):
            return Kind.HARM_TO_OTHERS
        another = question.cover("marker somebody else") and not question.cover("marker asked of you")
        return None if another else Kind.SELF_HARM

    def of_another(self, text: str) -> bool:
        """Whether a turn tells of somebody else alone: of the person no more than what they saw, asked or fear."""
        matches = self._matches(text)
        return bool(matches.cover("marker tells of another")) and not matches.cover("marker tells of oneself")

    def told(self, text: str, asked: str = "") -> frozenset[Told]:
        """What a person in danger tells, or asks, beside what they were asked; of a call, as `asked`."""
        matches = self._matches(text)
        missing = matches.cover("marker told not")
        clauses = [clause.start() for clause in _CLAUSE.finditer(matches.text)]

        def here(span: Span) -> bool:
            return not missing.within(max((at for at in clauses if at <= span[0]), default=0), span[0])

        found = {one for one in Told if any(map(here, matches.cover(f"marker told {one}").after(0, most=_KEPT_SPANS)))}
        found |= {Told.MEANS} if Told.BRINK in found else set()
        if asks := {one for one in Told if matches.cover(f"marker asks {one}")}:
            found = asks | found - {Told.HELP, Told.ALONE}  # "nobody answered" is no word of who is there
        answer = matches.text.strip(SENTENCE_ENDS + " ,")
        if asked and self._called(answer, asked):
            found.add(Told.HELP)
        return frozenset(found | {one for one in Told if answer in self._book.whole.get(one, ())})

    def _called(self, answer: str, asked: str) -> bool:
        """Whether a few words say that the call is made: 打了 where it was urged, a yes where it was asked about."""
        if len(answer) > MAX_ANSWER:
            return False
        if answer in self._book.whole.get("called", ()):
            return bool(self._matches(asked).cover("marker urged call")) and not self.asks_about_danger(asked)
        return self.says_yes(answer) and bool(self._matches(asked[-_QUESTION_SIDE:]).cover("marker asked call"))

    def undenied(self, text: str) -> str:
        """What is left of an answer that begins with a no: the clauses that deny nothing, folded. `text` itself where
        it begins otherwise."""
        matches = self._matches(text)
        folded = matches.text
        clauses = [(clause.group().strip(), *clause.span()) for clause in _CLAUSE.finditer(folded)]
        if not clauses:
            return text
        first, at, _ = clauses[0]
        begin = folded.index(first, at)
        opens = [span for span in matches.cover("marker denial opens").after(begin) if span[0] == begin]
        if first not in self._book.no and not opens:
            return text
        if (begin, begin + len(first)) in opens:
            clauses = clauses[1:]
        denials, doubts = matches.cover("marker denial"), matches.cover("marker doubted")
        left = [text for text, *span in clauses if doubts.within(*span) or not denials.within(*span)]
        return ",".join(clause for clause in left if clause not in self._book.no)

    def _matches(self, text: str) -> _Matches:
        if self._kept is not None and text in self._kept:
            return self._kept[text]
        matches = _Matches(self.fold(text), self._patterns, self._groups)
        if self._kept is not None:
            self._kept[text] = matches
        return matches


class _Matches:
    """One text with what is found in it, looked for when it is asked for: the length alone may tell enough."""

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
        if len(spans) > 2 * _KEPT_SPANS:  # a pasted wall of repetitions: its beginning and end tell enough
            spans = spans[:_KEPT_SPANS] + spans[-_KEPT_SPANS:]
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
        """Where the sentence around a span begins and ends (500 characters to either side are searched)."""
        low = max(0, start - 500)
        first = max(self.text.rfind(mark, low, start) for mark in SENTENCE_ENDS) + 1
        lasts = [at for mark in SENTENCE_ENDS if (at := self.text.find(mark, end, end + 500)) >= 0]
        return max(first, low), min(lasts, default=min(len(self.text), end + 500))

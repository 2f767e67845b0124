"""The small phrase language of the lexicon, and one automaton that finds every phrase in one pass.

A phrase is plain text with three extras: `(想|要|)` chooses between pieces, `<药>` stands for a word list, and
` … ` allows a gap inside one sentence (`…12` sets its greatest length in characters).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import ahocorasick

from psylite_pipeline.risk.cover import Span
from psylite_pipeline.risk.normalise import SENTENCE_ENDS, is_word

MAX_LITERALS = 60_000
"""Most literals one part of a phrase may stand for: more is a mistake in a data file."""

WRITTEN_OUT = 60
"""Most literals a part is multiplied out to; beyond that it becomes two parts that must touch (unless that parts a
word). What is found is the same either way."""

_REMEMBERED = 8
_PART = re.compile(r"\s*…(\d*)\s*")
_TOKENS = re.compile(r"[()|]|<[^<>]*>|[^()|<]+|<")
_PIECES = re.compile(r"[()|]|<[^<>]*>|…[0-9]*|[^()|<…]+|<")
_PLAIN = re.compile(r"[()|<]")
_SENTENCE_END = re.compile(f"[{SENTENCE_ENDS}]")
_BRACKETS = re.compile(r"[()]")


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
    parts: list[tuple[str, ...]] = []
    gaps: list[int] = []
    for at, piece in enumerate(pieces[::2]):
        number = pieces[2 * at - 1] if at else "0"
        runs = _runs(_choices(piece, lists))
        parts += runs
        gaps += [int(number) if number else gap, *[0] * (len(runs) - 1)]
    return Phrase(tuple(parts), tuple(gaps))


def expand(text: str, lists: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Every literal that `text`, a phrase without gaps, stands for. Raises PhraseError."""
    found = _runs(_choices(text, lists), MAX_LITERALS)
    if len(found) != 1:
        raise PhraseError(f"stands for more than {MAX_LITERALS} literals")
    return found[0]


def _choices(text: str, lists: Mapping[str, Sequence[str]]) -> list[Sequence[str]]:
    """What may stand at each place of a phrase without gaps."""
    text = text.strip()
    choices: list[Sequence[str]] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char in ")|":
            raise PhraseError(f"{char!r} stands outside brackets")
        if char == "(":
            end = _closing(text, at)
            choices.append(_alternatives(text[at + 1 : end], lists))
        elif char == "<" and (end := text.find(">", at)) > 0:
            if text[at + 1 : end] not in lists:
                raise PhraseError(f"there is no word list {text[at : end + 1]}")
            choices.append(lists[text[at + 1 : end]])
        else:
            found = _PLAIN.search(text, at + 1)
            end = (found.start() if found else len(text)) - 1
            choices.append((text[at : end + 1],))
        at = end + 1
    return choices


def _closing(text: str, opened: int) -> int:
    """Where the bracket opened at `opened` is closed."""
    depth = 0
    for found in _BRACKETS.finditer(text, opened):
        depth += 1 if found.group() == "(" else -1
        if not depth:
            return found.start()
    raise PhraseError("a bracket is not closed")


def _alternatives(inside: str, lists: Mapping[str, Sequence[str]]) -> list[str]:
    """Every literal that the inside of a bracket stands for; one space at either end of a branch is kept."""
    if "(" not in inside and "<" not in inside:
        return inside.split("|")
    depth, branch = 0, ""
    branches: list[str] = []
    for piece in _TOKENS.findall(inside):
        depth += (piece == "(") - (piece == ")")
        if piece == "|" and not depth:
            branches.append(branch)
            branch = ""
        else:
            branch += piece
    return [word for branch in [*branches, branch] for word in _product(branch, lists)]


def _product(branch: str, lists: Mapping[str, Sequence[str]]) -> list[str]:
    if "(" not in branch and "<" not in branch:
        return [branch]
    words = [""]
    for choice in _choices(branch, lists):
        words = [before + after for before in words for after in choice]
        if len(words) > MAX_LITERALS:
            raise PhraseError(f"stands for more than {MAX_LITERALS} literals")
    before, after = " " * branch.startswith(" "), " " * branch.endswith(" ")
    return [f"{before}{word}{after}" for word in words]


def _runs(choices: list[Sequence[str]], most: int = WRITTEN_OUT) -> list[tuple[str, ...]]:
    """The choices multiplied out, cut into neighbouring parts where that would give more than `most` literals."""
    runs: list[tuple[str, ...]] = []
    here: dict[str, None] = {"": None}
    for at, choice in enumerate(choices):
        if len(here) * len(choice) > most and "" not in here and not _parts_a_word(here, choices[at:]):
            rest_may_be_empty = all("" in later for later in choices[at:])
            if rest_may_be_empty:  # nothing after this is needed for a match
                break
            if "" not in choice or not all("" in later for later in choices[at + 1 :]):
                runs.append(tuple(here))
                here = {"": None}
        here = {before + after: None for before in here for after in choice}
        if len(here) > MAX_LITERALS:
            raise PhraseError(f"stands for more than {MAX_LITERALS} literals")
    runs.append(tuple(here))
    runs[0] = tuple(dict.fromkeys(word.lstrip() for word in runs[0]))
    runs[-1] = tuple(dict.fromkeys(word.rstrip() for word in runs[-1]))
    if any("" in run for run in runs):
        raise PhraseError("a part of the phrase is or may be empty")
    return runs


def _parts_a_word(before: Iterable[str], later: Sequence[Sequence[str]]) -> bool:
    """Whether a cut here would fall inside a word: each part must stand at the edge of one (friend|s suicide)."""
    if not any(is_word(literal[-1]) for literal in before):
        return False
    for choice in later:
        if any(is_word(literal[0]) for literal in choice if literal):
            return True
        if "" not in choice:
            return False
    return False


def split(phrase: str) -> list[str]:
    """`phrase` as plain pieces and signs, which joined give it back."""
    return _PIECES.findall(phrase)


def _part(step: tuple[int, int]) -> int:
    return step[1]


class Patterns:
    """Groups of phrases, found together. Build with `add`, then `freeze`, then only `find`."""

    def __init__(self) -> None:
        self._alone: dict[str, list[int]] = {}
        self._steps: dict[str, list[tuple[int, int]]] = {}
        self._phrases: list[tuple[int, Phrase]] = []
        self._longest_gap = 0
        self._automaton = ahocorasick.Automaton()

    def add(self, group: int, phrase: Phrase) -> None:
        """Make `phrase`, whose literals must be folded, one way to fill `group`."""
        if len(phrase.parts) == 1:
            for literal in phrase.parts[0]:
                groups = self._alone.setdefault(literal, [])
                if group not in groups:
                    groups.append(group)
            return
        number = len(self._phrases)
        self._longest_gap = max(self._longest_gap, *phrase.gaps)
        self._phrases.append((group, phrase))
        for part, literals in enumerate(phrase.parts):
            step = (number, part)
            for literal in literals:
                self._steps.setdefault(literal, []).append(step)

    def freeze(self) -> None:
        """Build the automaton."""
        add, alone, shared = self._automaton.add_word, self._alone, {}  # type: ignore[var-annotated]
        for literal, groups in alone.items():
            if literal not in self._steps:
                found = (len(literal), is_word(literal[0]), is_word(literal[-1]), tuple(groups), ())
                add(literal, shared.setdefault(found, found))
        for literal, steps in self._steps.items():
            if len(steps) > 1:  # later parts first, so that one literal cannot be two neighbouring parts of a phrase
                steps.sort(key=_part, reverse=True)
            add(
                literal,
                (len(literal), is_word(literal[0]), is_word(literal[-1]), tuple(alone.get(literal, ())), tuple(steps)),
            )
        self._alone, self._steps = {}, {}
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
                if not part:
                    spans = [(start, end)]
                else:
                    before = chains.get((number, part - 1))
                    if before is None or start - before[-1][1] > self._longest_gap:
                        continue
                    group, phrase = self._phrases[number]
                    spans = _chained(text, before, (start, end), phrase.gaps[part])
                    if not spans:
                        continue
                    if part == len(phrase.parts) - 1:
                        found.setdefault(group, []).extend(spans)
                        continue
                chain = chains.get((number, part))
                if chain is None:
                    chains[number, part] = spans
                else:
                    chain += spans
                    if len(chain) > _REMEMBERED:
                        del chain[: len(chain) - _REMEMBERED]
        return found


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

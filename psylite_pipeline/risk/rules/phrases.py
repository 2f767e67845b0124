"""The small phrase language of the lexicon.

A phrase is plain text with three extras: `(想|要|)` chooses between pieces, `<药>` stands for a word list, and
` … ` allows a gap inside one sentence (`…12` sets its greatest length in characters). A comma stands for whatever
parts clauses in the turn; a gap may hold one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from psylite_pipeline.risk.normalise import CLAUSE_ENDS, is_word, one_end

MAX_LITERALS = 60_000
"""Most literals one part of a phrase may stand for: more is a mistake in a data file."""

WRITTEN_OUT = 60
"""Most literals a part is multiplied out to; beyond that it becomes two parts that must touch (unless that parts a
word). What is found is the same either way."""

_PART = re.compile(r"\s*…(\d*)\s*")
_TOKENS = re.compile(r"[()|]|<[^<>]*>|[^()|<]+|<")
_PIECES = re.compile(r"[()|]|<[^<>]*>|…[0-9]*|[^()|<…]+|<")
_PLAIN = re.compile(r"[()|<]")
_BRACKETS = re.compile(r"[()]")
_END = re.compile(f"[{CLAUSE_ENDS}]")


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
    if "…" in text:
        raise PhraseError("a gap stands where there can be none: in a list, or in a whole answer")
    found = _runs(_choices(text, lists), MAX_LITERALS, whole=True)
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


def _runs(choices: list[Sequence[str]], most: int = WRITTEN_OUT, *, whole: bool = False) -> list[tuple[str, ...]]:
    """The choices multiplied out, cut into neighbouring parts where that would give more than `most` literals. Unless
    it is `whole`, what is searched for leaves out an ending that need not be there."""
    runs: list[tuple[str, ...]] = []
    here: dict[str, None] = {"": None}
    if prod(map(len, choices)) <= most:
        here, choices = dict.fromkeys(map("".join, product(*choices))), []
    for at, choice in enumerate(choices):
        if len(here) * len(choice) > most and "" not in here and not _parts_a_word(here, choices[at:]):
            if not whole and all("" in later for later in choices[at:]):  # nothing after this is needed for a match
                break
            if "" not in choice or not all("" in later for later in choices[at + 1 :]):
                runs.append(tuple(here))
                here = {"": None}
        here = {before + after: None for before in here for after in choice}
        if len(here) > MAX_LITERALS:
            raise PhraseError(f"stands for more than {MAX_LITERALS} literals")
    runs.append(tuple(here))
    runs = [tuple(dict.fromkeys(map(one_end, run))) if _END.search("".join(run)) else run for run in runs]
    runs[0] = tuple(dict.fromkeys(map(str.lstrip, runs[0])))
    runs[-1] = tuple(dict.fromkeys(map(str.rstrip, runs[-1])))
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


def is_sign(piece: str) -> bool:
    """Whether a piece that `split` gave is no plain text: brackets, the name of a list, a gap, blanks alone."""
    return piece[0] in "()|<…" or piece.isspace()

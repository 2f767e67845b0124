"""A long turn in passages, each judged by itself, too: few grave words amid many others are lost on the whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from psylite_pipeline import embedding
from psylite_pipeline.risk.turn_assessment import Probabilities
from psylite_pipeline.text import amount_said, ends_of

#: How much a turn says (`text.amount_said`) from which its passages are judged, too.
LONG = 24

#: A passage says at least this much, or is joined to those after it: less means too little by itself.
LEAST = 8

#: A sentence that says more is cut at its commas.
WIDE = 40

#: Passages of one turn at most, and the characters that they are made of, of a longer turn its ends: as many as the
#: encoder reads in so many passages. So the time is bounded.
MOST = 24
READ = MOST * embedding.MAX_CHARACTERS

#: From here on a passage of three counts; of more passages one must be surer, as one of many is wrong by chance.
#: docs/judgement.md has what that finds between calm sentences, and what it costs.
SURE = 0.6

#: Below this in all that a passage may raise, by its words alone, it needs no closer look: 120 passages that were found
#: to be in danger by their vectors all have .2 or more, and three of four of calm turns less than this.
QUIET = 0.15

#: What a passage may raise. Whether a joke fits, and whether a turn says yes, is a matter of all of it.
_RAISED = ("concern", "high", "harmful", "heavy", "emergency")

_SENTENCES = re.compile(r"(?<=[。！？!?…；;\n])|(?<=\.)(?=\s)")
_CLAUSES = re.compile(r"(?<=[，,、：:])|(?<=\s)")


def passages_of(text: str) -> tuple[str, ...]:
    """The sentences of `text`, or what comes near to them, in order; none if it is short or has but one."""
    text = ends_of(text, READ)
    said = amount_said(text)
    if said < LONG:
        return ()
    least = max(LEAST, said / MOST)
    found: list[str] = []
    for sentence in _joined(_SENTENCES.split(text), least):
        wide = amount_said(sentence) > WIDE
        found += _joined(_CLAUSES.split(sentence), max(least, WIDE / 2)) if wide else [sentence]
    if len(found) < 2:
        return ()
    # A few words at the end belong to what stands before them, which is read without them, too: behind a short sentence
    # 84 of 94 grave Chinese turns are a crisis, 78 without that, and care comes to one more of 276 calm ones.
    *before, end = [one for one in _SENTENCES.split(found[-1]) if one.strip()] or [""]
    if before and amount_said(end) < LEAST:
        found.append("".join(before).strip())
    return tuple(found)


def quiet(passage: Probabilities) -> bool:
    """Whether there is nothing in a passage that could raise a turn, by its words alone."""
    return max(getattr(passage, name) for name in _RAISED) < QUIET


def read_whole(text: str, passages: Iterable[str]) -> bool:
    """Whether the encoder, which reads only so many characters of what it is given, saw all of `text`."""
    longest = max(map(len, passages), default=len(text))
    return len(text) <= READ and longest <= embedding.MAX_CHARACTERS


def with_passages(whole: Probabilities, passages: Mapping[str, Probabilities]) -> Probabilities:
    """The probabilities of a turn, raised to those of its surest passage where that is sure enough."""
    twice = sum(one.startswith(again) for one, again in pairwise(passages))
    limit = 1 - (1 - SURE) * 3 / max(3, len(passages) - twice)
    raised = {name: max((getattr(one, name) for one in passages.values()), default=0.0) for name in _RAISED}
    return replace(
        whole, **{name: max(value, getattr(whole, name)) for name, value in raised.items() if value >= limit}
    )


def _joined(pieces: Sequence[str], least: float) -> list[str]:
    """The pieces, each with those after it until it says at least `least`."""
    joined: list[str] = []
    said = least
    for piece in pieces:
        if said >= least:
            joined.append("")
            said = 0
        joined[-1] += piece
        said += amount_said(piece)
    if said < least and len(joined) > 1:
        last = joined.pop()
        joined[-1] += last
    return [piece.strip() for piece in joined]

"""The lexicon's files as values: rules, frames, markers, idioms, and the words of short answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.risk.rules.phrases import Phrase

#: In the order of the classifier's features.
SIGNS = ("grief", "illness", "anger", "fear", "trauma", "joke_request", "retraction", "calm")

#: Those that rule humour out.
HEAVY_SIGNS = frozenset({"grief", "illness", "anger", "fear", "trauma"})


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `unless` phrases mask hits inside them; a `not_with` phrase in the same sentence silences the rule.
    `frames` names the frames that may change its meaning (None: all that suit its kind). `sure`: the classifier may not
    doubt it; of a harmful request, that it is for somebody else. `tells`: what a hit tells the staged talk, beside the
    danger itself."""

    id: str
    level: Risk
    kind: Kind | None
    sign: str
    sure: bool
    tells: Told | None
    match: tuple[Phrase, ...]
    unless: tuple[Phrase, ...]
    not_with: tuple[Phrase, ...]
    frames: tuple[str, ...] | None
    examples: tuple[str, ...]
    counterexamples: tuple[str, ...]

    @property
    def masked_by_idioms(self) -> bool:
        """Signs are not: 气死我了 is a figure of speech and still anger."""
        return not self.sign


@dataclass(frozen=True, slots=True)
class Frame:
    """What a word near a finding does to it. `cue`, `stops`, `needs` and `never` name markers: a stop between cue and
    finding undoes it; all that it `needs`, and none of what there must `never` be, stand anywhere in the turn. `reach`
    is the greatest distance in characters. Frames may share a name: a rule that names it gets them all."""

    name: str
    cue: str
    stops: tuple[str, ...]
    needs: tuple[str, ...]
    never: tuple[str, ...]
    where: Literal["before", "after"]
    scope: Literal["clause", "sentence", "text"]
    reach: int
    kinds: frozenset[Kind]
    effect: Literal["drop", "concern", "other"]

    def applies(self, rule: Rule) -> bool:
        """Whether this frame may change what `rule` says."""
        if rule.sign:
            return False
        return rule.kind in self.kinds if rule.frames is None else self.name in rule.frames


@dataclass(frozen=True, slots=True)
class Marker:
    """A named set of phrases that frames and the code refer to."""

    name: str
    match: tuple[Phrase, ...]
    unless: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Everything the lexicon's files say, apart from spellings."""

    rules: tuple[Rule, ...]
    frames: tuple[Frame, ...]
    markers: tuple[Marker, ...]
    idioms: tuple[Phrase, ...]
    yes: frozenset[str]
    no: frozenset[str]
    whole: Mapping[str, frozenset[str]]
    asks_back: tuple[str, ...]

    def amiss(self, asked: frozenset[str]) -> str:
        """What is wrong with the names of markers, `""` where nothing is: each that is `asked` for is there, and each
        that is there is asked for, by a frame or as something told, so that a misspelt name shows."""
        there = {marker.name for marker in self.markers}
        if missing := sorted(asked - there):
            return f"there is no marker {missing[0]!r}"
        used = {name for frame in self.frames for name in (frame.cue, *frame.stops, *frame.needs, *frame.never)}
        told = {f"{word} {one}" for one in Told for word in ("told", "asks", "asked", "named")}
        idle = sorted(there - asked - used - told)
        return f"nothing asks for the marker {idle[0]!r}" if idle else ""

    def groups(self) -> Iterator[tuple[str, tuple[Phrase, ...]]]:
        """Every set of phrases that is looked for, with its name."""
        yield "idioms", self.idioms
        for marker in self.markers:
            yield f"marker {marker.name}", marker.match
            yield f"unless marker {marker.name}", marker.unless
        for rule in self.rules:
            yield f"rule {rule.id}", rule.match
            yield f"unless rule {rule.id}", rule.unless
            yield f"not_with rule {rule.id}", rule.not_with

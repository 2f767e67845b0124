"""The triage level of a turn, from the words of the whole talk and nothing else. Keeps no state.

Each of the person's turns is heard (listener.py) and assessed by itself (verdict.py); walk.py then carries risk through
the talk. The assistant's words never raise a level; they only say what a short answer answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import pairwise
from typing import NamedTuple

from psylite_pipeline.conversation import Conversation, shows_snippet
from psylite_pipeline.decision import Risk, Told
from psylite_pipeline.risk.listener import Listener
from psylite_pipeline.risk.memory import CAPACITY, ScoreCache
from psylite_pipeline.risk.parts import Classifier, Encode, Rules
from psylite_pipeline.risk.reading import Finding, gravest
from psylite_pipeline.risk.talk import REACH, RHYTHM
from psylite_pipeline.risk.turn_assessment import Evidence, Thresholds, TurnAssessment
from psylite_pipeline.risk.verdict import assessed
from psylite_pipeline.risk.walk import STOOD, Assessment, walk
from psylite_pipeline.text import amount_said

#: Characters of a turn that only says "and then?", or "just kidding".
SHORT = 12

#: How much half a sentence says at most (`text.amount_said`). In the 1,079 pairs of turns of so little in our talks and
#: evaluations, the rules hear in two what they hear in neither: where nobody is in danger never.
HALF = 6
HALF_CHARACTERS = 30  # nor is it longer, which is told without reading it

#: Who thanks, leaves or scolds after a refusal does not go on with what was refused.
_NO_REQUEST = frozenset({Told.BYE, Told.THANKS, Told.LEAVE, Told.UNHEARD, Told.HUMAN, Told.COST, Told.SECRET})

# What is known of what was told before any danger, and just before it.
_BEFORE = frozenset({Told.YOUNG})
_JUST_BEFORE = frozenset({Told.YOUNG, Told.BRINK})


class Assessor:
    """Lexicon and classifier together. Safe to share between threads."""

    def __init__(self, lexicon: Rules, classifier: Classifier | None) -> None:
        self._lexicon = lexicon
        self._classifier = classifier
        self._limits = classifier.thresholds if classifier else Thresholds()
        self._listener = Listener(lexicon, classifier)
        self._levels: ScoreCache[Risk] = ScoreCache()
        self._assessed = lru_cache(CAPACITY)(partial(assessed, limits=self._limits))

    def findings(self, text: str) -> tuple[Finding, ...]:
        """What the lexicon alone says of a text."""
        return self._lexicon.findings(text)

    def worst(self, texts: Iterable[str]) -> Risk:
        """The highest level that the lexicon gives any of the texts."""
        return max((self._levels.get(text, partial(self._level, text)) for text in texts), default=Risk.NONE)

    def _level(self, text: str) -> Risk:
        return gravest(self.findings(text))

    def assess(
        self, conversation: Conversation, encode: Encode = lambda _: None, *, sensitive: bool = False
    ) -> Assessment:
        """Judge the last turn of `conversation`. Earlier turns are read as they were when they were the last."""
        exchanges = _exchanges(conversation)
        exchanges = exchanges[max(0, len(exchanges) - REACH) // RHYTHM * RHYTHM :]
        texts = [one.text for one in exchanges]
        heard = [self._listener.hear(one.asked, one.text, encode) for one in exchanges]
        heard = _amid_another(self._across(_after_jokes(heard, exchanges), texts))
        turns = [self._assessed(one, sensitive=sensitive) for one in heard[:-1]]
        if heard:
            last = self._in_pieces(texts, heard[-1], turns)
            turns.append(assessed(last, self._limits, sensitive=sensitive, last=True))
        return walk(_with_told(_errands_let_be(turns), heard), self._limits.humour)

    def _across(self, heard: Sequence[Evidence], texts: Sequence[str]) -> list[Evidence]:
        """The turns with what the rules hear in half a sentence together with the half before it. The classifier has
        not read the two as one, so it doubts nothing."""
        found = list(heard)
        for n, (before, text) in enumerate(pairwise(texts), 1):
            if max(len(before), len(text)) > HALF_CHARACTERS or max(amount_said(before), amount_said(text)) > HALF:
                continue
            joined = f"{before}{' ' if heard[n].english else ''}{text}"
            level = self._levels.get(joined, partial(self._level, joined))
            if level >= Risk.HIGH and level > gravest((*heard[n - 1].said.findings, *heard[n].said.findings)):
                said = replace(heard[n].said, findings=self.findings(joined))
                found[n] = replace(heard[n], said=said, closely=False)
        return found

    def _in_pieces(self, texts: Sequence[str], last: Evidence, turns: Sequence[TurnAssessment]) -> Evidence:
        """The last of the turns, where it ends a harmful request that those before it began."""
        if not (self._classifier and last.scores) or last.scores.harmful >= self._limits.harmful or last.said.everyday:
            return last
        before = self._pieces(texts[:-1], turns, len(texts[-1]))
        harmful = self._classifier.in_pieces(texts[-1], before, last.said.findings)
        only_takes_back = last.length <= SHORT and last.has("retraction")
        if harmful >= self._limits.harmful and (
            only_takes_back
            or last.said.told & _NO_REQUEST
            or self._lexicon.read("\n".join((*before, texts[-1]))).everyday
        ):
            return last
        return replace(last, scores=replace(last.scores, harmful=max(harmful, last.scores.harmful)))

    def _pieces(self, texts: Sequence[str], turns: Sequence[TurnAssessment], length: int) -> list[str]:
        """Which of the last two turns a last one of `length` characters may go on with: one that was declined itself
        must not taint what comes after it, unless all that came since is too short to ask for something else."""
        pieces: list[str] = []
        for text, turn in list(zip(texts, turns, strict=True))[:-3:-1]:
            declined = turn.harmful or (turn.scores is not None and turn.scores.harmful >= self._limits.harmful)
            if not declined or length <= SHORT:
                pieces.insert(0, text)
            length = max(length, len(text))
        return pieces


class _Exchange(NamedTuple):
    """One of the person's turns, the assistant's words that it comes after, and, where they stand just before it, that
    answer with all that it showed."""

    asked: str
    text: str
    answer: str | None


def _exchanges(conversation: Conversation) -> list[_Exchange]:
    exchanges: list[_Exchange] = []
    asked, answer = "", None
    for turn in conversation.turns:
        if turn.speaker == "assistant":
            asked, answer = turn.text, turn.raw
        else:
            exchanges.append(_Exchange(asked, turn.text, answer))
            answer = None
    return exchanges


def _amid_another(heard: Sequence[Evidence]) -> list[Evidence]:
    """The turns, each of which knows whether what the person said just before it was about somebody else."""
    found = list(heard)
    for n, (before, one) in enumerate(pairwise(heard), 1):
        if one.asked.of_danger and before.said.about_another:
            found[n] = replace(one, asked=replace(one.asked, amid_another=True))
    return found


def _after_jokes(heard: Sequence[Evidence], exchanges: Sequence[_Exchange]) -> list[Evidence]:
    """The turns, each knowing whether it comes after a snippet, with nothing but words about that in between."""
    found: list[Evidence] = []
    for one, exchange in zip(heard, exchanges, strict=True):
        still = bool(found) and found[-1].after_joke and found[-1].idle
        after = exchange.answer is not None and (still or shows_snippet(exchange.answer))
        found.append(replace(one, after_joke=True) if after else one)
    return found


def _errands_let_be(turns: Sequence[TurnAssessment]) -> list[TurnAssessment]:
    """The turns, without what the classifier alone reads into errands before anything was wrong."""
    danger = next((n for n, turn in enumerate(turns) if turn.level > Risk.NONE and not turn.errand), len(turns))
    calm = {"level": Risk.NONE, "rules": (), "firm": False, "share": 0.0}
    return [replace(turn, **calm) if turn.errand and n < danger else turn for n, turn in enumerate(turns)]


def _with_told(turns: Sequence[TurnAssessment], heard: Sequence[Evidence]) -> list[TurnAssessment]:
    """The turns with what is told in them: from the first danger or loss on all of it; before that whether they are a
    child, and just before it where they stood."""
    dangers = (n for n, turn in enumerate(turns) if turn.level > Risk.NONE or Told.LOSS in turn.told)
    danger = next(dangers, len(turns))

    def told(n: int) -> frozenset[Told]:
        said = heard[n].said.told
        return said if n >= danger else said & (_JUST_BEFORE if n >= danger - STOOD else _BEFORE)

    return [replace(turn, told=turn.told | told(n)) if told(n) else turn for n, turn in enumerate(turns)]

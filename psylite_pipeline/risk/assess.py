"""The triage level of a turn, from the words of the whole talk and nothing else. Keeps no state.

Each of the person's turns gets a level of its own from the rules and the classifier; walk.py then carries risk through
the talk. The assistant's words never raise a level; they only say what a short answer answers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.language import language_of
from psylite_pipeline.risk import verdict
from psylite_pipeline.risk.lexicon import Finding
from psylite_pipeline.risk.memory import ScoreCache
from psylite_pipeline.risk.parts import Classifier, Encode, Rules
from psylite_pipeline.risk.passages import passages_of, quiet, read_whole, with_passages
from psylite_pipeline.risk.turn_assessment import Probabilities, Thresholds, TurnAssessment
from psylite_pipeline.risk.walk import RHYTHM, STOOD, WINDOW, Assessment, walk
from psylite_pipeline.text import amount_said

#: Characters of a turn that only says "and then?".
SHORT = 12

#: How much a turn says that is more than an answer in a few words (`text.amount_said`).
SPEAKS = 12

#: Signs in the lexicon that a person in danger is answered to.
_TOLD_BY_SIGN = {"joke_request": Told.JOKE, "calm": Told.BETTER, "retraction": Told.JOKING}

#: What was meant is said in the same breath, or words of death are said of a trifle.
_NOT_MEANT = frozenset({Told.EXPLAINED, Told.FIGURE})

#: Who thanks, leaves or scolds after a refusal does not go on with what was refused.
_NO_REQUEST = frozenset({Told.BYE, Told.THANKS, Told.UNHEARD, Told.HUMAN, Told.COST, Told.SECRET})


@dataclass(frozen=True, slots=True)
class _Classified:
    """What the classifier makes of a turn. `seen`: the most concern in all of it or in a passage, however unsure.
    `closely`: with vectors of all of it. `kept`: false where the encoder failed, for the next time may know more.
    `denied`: it denies the danger it was asked about."""

    scores: Probabilities | None = None
    seen: float = 0.0
    closely: bool = False
    kept: bool = True
    denied: bool = False

    @property
    def blurred(self) -> bool:
        """Whether it takes more: there is no vector, or only what is left of a denial."""
        return self.denied or not self.kept


class Assessor:
    """Lexicon and classifier together. Safe to share between threads."""

    def __init__(self, lexicon: Rules, classifier: Classifier | None) -> None:
        self._lexicon = lexicon
        self._classifier = classifier
        self._findings: ScoreCache[tuple[Finding, ...]] = ScoreCache()
        self._classified: ScoreCache[_Classified] = ScoreCache()
        self._earlier: ScoreCache[tuple[TurnAssessment, bool]] = ScoreCache()
        self._told: ScoreCache[frozenset[Told]] = ScoreCache()

    def findings(self, text: str) -> tuple[Finding, ...]:
        """What the lexicon alone says of a text."""
        return self._lexicon.read(text)

    def worst(self, texts: Sequence[str]) -> Risk:
        """The highest level that the lexicon gives any of the texts."""
        levels = (finding.level for text in texts for finding in self._found(text))
        return max(levels, default=Risk.NONE)

    def assess(
        self, conversation: Conversation, encode: Encode = lambda _: None, *, sensitive: bool = False
    ) -> Assessment:
        """Judge the last turn of `conversation`. Earlier turns are read as they were when they were the last."""
        once = copy(self)
        once._lexicon = self._lexicon.for_one_judgement()
        return once._judge(conversation, encode, sensitive=sensitive)

    def _judge(self, conversation: Conversation, encode: Encode, *, sensitive: bool) -> Assessment:
        exchanges = _exchanges(conversation)
        exchanges = exchanges[max(0, len(exchanges) - WINDOW) // RHYTHM * RHYTHM :]
        turns = [self._before(asked, text, encode, sensitive=sensitive) for asked, text in exchanges[:-1]]
        if exchanges:
            asked, text = exchanges[-1]
            classified = self._classify(asked, text, encode)
            scores = classified.scores
            if scores and self._classifier and scores.harmful < self._limits.harmful:
                before = self._pieces([earlier for _, earlier in exchanges[:-1]], turns, len(text))
                pieces = self._classifier.in_pieces(text, before, self._found(text))
                if pieces >= self._limits.harmful and (
                    self._lexicon.told(text) & _NO_REQUEST or self._lexicon.asks_everyday("\n".join((*before, text)))
                ):
                    pieces = 0.0
                classified = replace(classified, scores=replace(scores, harmful=max(scores.harmful, pieces)))
            turns.append(self._turn(asked, text, classified, sensitive=sensitive, last=True))
        turns = _errands_let_be(turns)
        danger = next(
            (n for n, turn in enumerate(turns) if turn.level > Risk.NONE or Told.LOSS in turn.told), len(turns)
        )
        # What is told matters from the first danger or loss on; of the turns before it whether they are a child, and of
        # the last of these where they stood.
        for n, (asked, text) in enumerate(exchanges[: len(turns)]):
            told = self._told.get(f"{asked}\0{text}", partial(self._lexicon.told, text, asked))
            if n < danger:
                told &= {Told.BRINK, Told.YOUNG} if n >= danger - STOOD else {Told.YOUNG}
            turns[n] = replace(turns[n], told=turns[n].told | told)
        return walk(turns, self._limits.humour)

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

    @property
    def _limits(self) -> Thresholds:
        return self._classifier.thresholds if self._classifier else Thresholds()

    def _found(self, text: str) -> tuple[Finding, ...]:
        return self._findings.get(text, lambda: self._lexicon.read(text))

    def _before(self, asked: str, text: str, encode: Encode, *, sensitive: bool) -> TurnAssessment:
        def assess() -> tuple[TurnAssessment, bool]:
            found = self._classify(asked, text, encode)
            return self._turn(asked, text, found, sensitive=sensitive), found.kept

        return self._earlier.get(f"{sensitive}\0{asked}\0{text}", assess, keep=lambda found: found[1])[0]

    def _classify(self, asked: str, text: str, encode: Encode) -> _Classified:
        """What the classifier reads of a turn: all, but of a denial of danger only what else it says. Nobody who says
        of themselves that they are not suicidal is asked whether they are."""
        words = self._lexicon.undenied(text)
        asked_of_danger = bool(asked) and self._lexicon.asks_about_danger(asked)
        unasked = not words and Told.EXPLAINED in self._lexicon.told(text)  # "not suicidal or anything"
        denied = words != text and (asked_of_danger or unasked)
        words = words if denied else text
        if not self._classifier or not words.strip():
            return _Classified(denied=denied)
        classifier = self._classifier

        def classify() -> _Classified:
            vectors = encode((words,))
            known = vectors is not None
            scores = classifier.read(words, vectors[0] if known else None, self._found(text))
            passages = self._passages(classifier, words, encode) if known else {}
            return _Classified(
                with_passages(scores, list(passages.values())),
                seen=max(one.concern for one in (scores, *passages.values())),
                closely=known and read_whole(words, passages),
                kept=known,
            )

        found = self._classified.get(f"{words}\0{text}", classify, keep=lambda found: found.kept)
        if denied and found.scores:  # who denied has not said yes, and what is left must speak more clearly
            return replace(found, scores=replace(found.scores, affirms=0.0), closely=False, denied=True)
        return found

    def _passages(self, classifier: Classifier, text: str, encode: Encode) -> dict[str, Probabilities]:
        """The passages of a long text as the classifier reads them: by their words, and by their vectors, too, where
        the words are not plainly quiet."""
        read = {part: classifier.read(part, None, self._found(part)) for part in passages_of(text)}
        uneasy = [part for part, scores in read.items() if not quiet(scores)]
        vectors = encode(uneasy) if uneasy else None
        for part, vector in zip(uneasy, vectors if vectors is not None else (), strict=False):
            read[part] = classifier.read(part, vector, self._found(part))
        return read

    def _turn(
        self,
        asked: str,
        text: str,
        classified: _Classified,
        *,
        sensitive: bool,
        last: bool = False,
    ) -> TurnAssessment:
        """The level of a turn by itself, as verdict.py says. Only the last turn can be a harmful request."""
        findings, limits, scores, errand = self._found(text), self._limits, classified.scores, False
        factor = limits.sensitive if sensitive else 1.0
        concern, high = (
            factor * limit
            for limit in limits.danger(english=language_of(text) == "en", without_vector=classified.blurred)
        )
        share = scores.concern / concern if scores else 0.0
        judged = verdict.by_rules(findings)
        if scores and classified.closely:
            judged = verdict.doubted(judged, findings, classified.seen / concern, text)
        if answered := self._answered(asked, text, scores):
            judged = verdict.answering(judged, answered, self._lexicon.whose(asked, text))
        if scores:
            if scores.high >= high and self._lexicon.told(text) & _NOT_MEANT:
                high = math.inf  # care, unless a rule says more
            heard = judged.level > Risk.NONE
            judged = verdict.by_scores(judged, scores, concern, high, factor * verdict.ALONE_HIGH)
            errand = not heard and judged.level > Risk.NONE and self._lexicon.runs_errand(text)
            if judged.level is Risk.HIGH and judged.kind is None and self._lexicon.of_another(text):
                judged = replace(judged, kind=Kind.SOMEONE_ELSE)  # nobody who found a child's blades is asked to live
            judged = verdict.by_emergency(judged, scores, limits.emergency)
            if last and not self._lexicon.asks_everyday(text):
                judged = verdict.by_request(judged, findings, scores, limits.harmful, concern)
            judged = verdict.weighed(judged, findings, scores, limits.heavy, concern)
        signs = {finding.sign for finding in findings}
        return TurnAssessment(
            findings,
            scores,
            judged.level,
            judged.kind,
            judged.rules,
            judged.harmful,
            judged.heavy,
            moot=classified.denied or not text.strip() or "retraction" in signs,
            speaks=amount_said(text) >= SPEAKS,
            closely=classified.closely,
            share=share,
            firm=judged.firm,
            errand=errand and judged.level < Risk.IMMINENT,
            told=frozenset(told for sign, told in _TOLD_BY_SIGN.items() if sign in signs)
            | ({Told.DENIAL} if classified.denied else set())
            | {finding.tells for finding in findings if finding.tells},
        )

    def _answered(self, asked: str, text: str, scores: Probabilities | None) -> Risk:
        """The level of a turn as the answer to a direct question about danger; none where it is no such answer."""
        affirms = scores.affirms if scores else 0.0
        sure = self._limits.affirms
        if self._lexicon.says_yes(text) or (affirms >= sure and not self._lexicon.answers_nothing(text)):
            level = Risk.HIGH
        elif affirms >= verdict.UNCLEAR * sure and Told.EXPLAINED not in self._lexicon.told(text):
            level = Risk.CONCERN
        else:
            return Risk.NONE
        if not asked or not self._lexicon.asks_about_danger(asked):
            return Risk.NONE
        if self._lexicon.says_yes(text) or self._lexicon.whose(asked, text) is not Kind.SELF_HARM:
            return level
        return Risk.NONE if self._lexicon.of_another(text) else level  # "she's in Canada" is no word of oneself


def _errands_let_be(turns: Sequence[TurnAssessment]) -> list[TurnAssessment]:
    """The turns, without what the classifier alone reads into errands before anything was wrong."""
    danger = next((n for n, turn in enumerate(turns) if turn.level > Risk.NONE and not turn.errand), len(turns))
    calm = {"level": Risk.NONE, "rules": (), "firm": False, "share": 0.0}
    return [replace(turn, **calm) if turn.errand and n < danger else turn for n, turn in enumerate(turns)]


def _exchanges(conversation: Conversation) -> list[tuple[str, str]]:
    """Each of the person's turns with what the assistant said just before it."""
    exchanges: list[tuple[str, str]] = []
    asked = ""
    for turn in conversation.turns:
        if turn.speaker == "assistant":
            asked = turn.text
        else:
            exchanges.append((asked, turn.text))
    return exchanges

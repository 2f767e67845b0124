"""The triage level of a turn, from the words of the whole talk and nothing else. Keeps no state.

Each of the person's turns gets a level of its own from the rules and the classifier; walk.py then carries risk through
the talk. The assistant's words never raise a level; they only say what a short answer answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.embedding import Vectors
from psylite_pipeline.language import language_of
from psylite_pipeline.risk import verdict
from psylite_pipeline.risk.lexicon import Finding
from psylite_pipeline.risk.memory import ScoreCache
from psylite_pipeline.risk.readings import Reading, Thresholds, TurnReading
from psylite_pipeline.risk.walk import RHYTHM, WINDOW, Assessment, walk

#: Signs in the lexicon that a person in danger is answered to.
_TOLD_BY_SIGN = {"joke_request": Told.JOKE, "calm": Told.BETTER, "retraction": Told.JOKING}

#: Who thanks, leaves or scolds after a refusal does not go on with what was refused.
_NO_REQUEST = frozenset({Told.BYE, Told.UNHEARD, Told.HUMAN, Told.COST, Told.SECRET})


class Rules(Protocol):
    """What is asked of a lexicon; it must always answer."""

    def read(self, text: str) -> tuple[Finding, ...]:
        """The rules that speak of a person's turn."""
        ...

    def asks_about_danger(self, assistant_text: str) -> bool:
        """Whether the assistant asked directly about suicide or harm."""
        ...

    def says_yes(self, text: str) -> bool:
        """Whether a short turn says yes to what was asked."""
        ...

    def whose(self, asked: str, answer: str) -> Kind | None:
        """Whose danger a yes to a direct question is about; None: of whom the talk is about already."""
        ...

    def told(self, text: str) -> frozenset[Told]:
        """What a person in danger tells of what the staged talk asks for."""
        ...

    def undenied(self, text: str) -> str:
        """What is left of an answer that begins with a no: the clauses that deny nothing. Else `text` itself."""
        ...


class Classifier(Protocol):
    """Scores turns. Its absence or failure leaves the lexicon to decide."""

    @property
    def thresholds(self) -> Thresholds:
        """Where a reading starts to count."""
        ...

    def read(self, text: str, vector: Vectors | None, findings: Sequence[Finding]) -> Reading:
        """One turn by itself, with its vector (None: there is no encoder, or it failed)."""
        ...

    def in_pieces(self, text: str, before: Sequence[str], findings: Sequence[Finding]) -> float:
        """The probability that a turn ends a harmful request whose first pieces stand in the turns `before`."""
        ...


Encode = Callable[[str], "Vectors | None"]
"""The vector of a text; None when the encoder fails."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What the classifier reads. `closely`: with a vector and as a whole; else it takes more. `kept`: false where the
    encoder failed, for the next time may know more. `denied`: the turn denies the danger it was asked about."""

    reading: Reading | None = None
    closely: bool = False
    kept: bool = True
    denied: bool = False


class Assessor:
    """Lexicon and classifier together. Safe to share between threads."""

    def __init__(self, lexicon: Rules, classifier: Classifier | None) -> None:
        self._lexicon = lexicon
        self._classifier = classifier
        self._findings: ScoreCache[tuple[Finding, ...]] = ScoreCache()
        self._readings: ScoreCache[_Read] = ScoreCache()
        self._earlier: ScoreCache[tuple[TurnReading, bool]] = ScoreCache()

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
        exchanges = _exchanges(conversation)
        exchanges = exchanges[max(0, len(exchanges) - WINDOW) // RHYTHM * RHYTHM :]
        readings = [self._before(asked, text, encode, sensitive=sensitive) for asked, text in exchanges[:-1]]
        if exchanges:
            asked, text = exchanges[-1]
            read = self._read(asked, text, encode)
            if read.reading and self._classifier and read.reading.harmful < self._limits.harmful:
                pieces = self._classifier.in_pieces(text, [earlier for _, earlier in exchanges[:-1]], self._found(text))
                if pieces >= self._limits.harmful and self._lexicon.told(text) & _NO_REQUEST:
                    pieces = 0.0
                read = replace(read, reading=replace(read.reading, harmful=max(read.reading.harmful, pieces)))
            readings.append(self._turn(asked, text, read, sensitive=sensitive, last=True))
        danger = next((n for n, reading in enumerate(readings) if reading.level > Risk.NONE), len(readings))
        for n in range(danger, len(readings)):  # what is told matters from the first danger on
            readings[n] = replace(readings[n], told=readings[n].told | self._lexicon.told(exchanges[n][1]))
        return walk(readings, self._limits.humour)

    @property
    def _limits(self) -> Thresholds:
        return self._classifier.thresholds if self._classifier else Thresholds()

    def _found(self, text: str) -> tuple[Finding, ...]:
        return self._findings.get(text, lambda: self._lexicon.read(text))

    def _before(self, asked: str, text: str, encode: Encode, *, sensitive: bool) -> TurnReading:
        def read() -> tuple[TurnReading, bool]:
            found = self._read(asked, text, encode)
            return self._turn(asked, text, found, sensitive=sensitive), found.kept

        return self._earlier.get(f"{sensitive}\0{asked}\0{text}", read, keep=lambda found: found[1])[0]

    def _read(self, asked: str, text: str, encode: Encode) -> _Read:
        """What the classifier reads of a turn: all, but of a denial of danger only what else it says."""
        words = self._lexicon.undenied(text)
        denied = words != text and bool(asked) and self._lexicon.asks_about_danger(asked)
        words = words if denied else text
        if not self._classifier or not words.strip():
            return _Read(denied=denied)
        classifier = self._classifier

        def read() -> _Read:
            vector = encode(words)
            known = vector is not None
            return _Read(classifier.read(words, vector, self._found(text)), closely=known, kept=known)

        found = self._readings.get(f"{words}\0{text}", read, keep=lambda found: found.kept)
        if denied and found.reading:  # who denied has not said yes, and what is left must speak more clearly
            return replace(found, reading=replace(found.reading, affirms=0.0), closely=False, denied=True)
        return found

    def _turn(
        self,
        asked: str,
        text: str,
        read: _Read,
        *,
        sensitive: bool,
        last: bool = False,
    ) -> TurnReading:
        """The level of a turn by itself, as verdict.py says. Only the last turn can be a harmful request."""
        findings, limits, reading = self._found(text), self._limits, read.reading
        factor = limits.sensitive if sensitive else 1.0
        concern, high = (
            factor * limit for limit in limits.danger(english=language_of(text) == "en", glance=not read.closely)
        )
        share = reading.concern / concern if reading else 0.0
        judged = verdict.by_rules(findings)
        if reading and read.closely:
            judged = verdict.doubted(judged, findings, share, text)
        if answered := self._answered(asked, text, reading):
            judged = verdict.answering(judged, answered, self._lexicon.whose(asked, text))
        if reading:
            judged = verdict.by_reading(judged, reading, concern, high, factor * verdict.ALONE_HIGH)
            if last:
                judged = verdict.by_request(judged, findings, reading, limits.harmful, concern)
            judged = verdict.weighed(judged, findings, reading, limits.heavy, concern)
        signs = {finding.sign for finding in findings}
        return TurnReading(
            findings,
            reading,
            judged.level,
            judged.kind,
            judged.rules,
            judged.harmful,
            judged.heavy,
            moot=read.denied or not text.strip() or "retraction" in signs,
            share=share,
            firm=judged.firm,
            told=frozenset(told for sign, told in _TOLD_BY_SIGN.items() if sign in signs)
            | ({Told.DENIAL} if read.denied else set()),
        )

    def _answered(self, asked: str, text: str, reading: Reading | None) -> Risk:
        """The level of a turn as the answer to a direct question about danger; none where it is no such answer."""
        affirms = reading.affirms if reading else 0.0
        sure = self._limits.affirms
        if affirms >= sure or self._lexicon.says_yes(text):
            level = Risk.HIGH
        elif affirms >= verdict.UNCLEAR * sure:
            level = Risk.CONCERN
        else:
            return Risk.NONE
        return level if asked and self._lexicon.asks_about_danger(asked) else Risk.NONE


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

"""The triage level of a turn, from the words of the whole talk and nothing else. Keeps no state.

Each of the person's turns gets a level of its own; `assess` then walks them in order, as the talk went, and carries
risk forward: a crisis stays open until its questions are asked, and worry fades only after several calm turns. A
retraction is no calm turn, and the assistant's words never raise a level; they only say what a short answer answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from psylite_pipeline.conversation import Conversation
from psylite_pipeline.decision import Kind, Risk
from psylite_pipeline.embedding import Vectors
from psylite_pipeline.risk.lexicon import Answer, Finding
from psylite_pipeline.risk.memory import ScoreCache

#: The person's turns that are read again. DESIGN: about 20; older danger is kept in the prompt's one-line memory.
WINDOW = 20

#: Turns of a staged crisis talk: the opening, then means, company and time, one question each.
STAGES = 4

#: Calm turns after which worry is released: after concern, and after a crisis whose questions were asked.
CALM_AFTER_CONCERN = 3
CALM_AFTER_CRISIS = 6

#: The classifier alone, where no rule speaks, calls a turn high from here on; below it the turn gets care, not the
#: staged talk. On 445 rows written without sight of the training turns: 2 of 262 harmless fewer, 1 of 103 in danger.
ALONE_HIGH = 0.6

#: What a probability becomes with each calm turn that worry is carried over.
DECAY = 0.85

#: The probabilities that each level spans in `scores.risk`: at least concern begins at one half.
_BANDS = {
    Risk.NONE: (0.0, 0.5),
    Risk.CONCERN: (0.5, 0.75),
    Risk.HIGH: (0.75, 0.95),
    Risk.IMMINENT: (0.95, 1.0),
}

#: Signs in the lexicon that rule humour out.
HEAVY_SIGNS = frozenset({"grief", "illness", "anger", "fear", "trauma"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What the classifier makes of one turn; probabilities in [0, 1].

    `concern`: at least concern; `high`: at least high; `harmful`: a harmful request; `humour`: a joke would fit;
    `heavy`: grief, fear, anger, illness or trauma.
    """

    concern: float = 0.0
    high: float = 0.0
    harmful: float = 0.0
    humour: float = 0.0
    heavy: float = 0.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Probabilities from which a reading counts. They belong to the classifier's weights and travel with them."""

    concern: float = 0.5
    high: float = 0.5
    harmful: float = 0.5
    humour: float = 0.5
    heavy: float = 0.5
    glance_concern: float = 0.5
    glance_high: float = 0.5
    sensitive: float = 0.7
    """Factor on `concern` and `high` when the sensitivity valve is high."""


class Rules(Protocol):
    """What is asked of a lexicon; it must always answer."""

    def read(self, text: str) -> tuple[Finding, ...]:
        """The rules that speak of a person's turn."""
        ...

    def asks_about_danger(self, assistant_text: str) -> bool:
        """Whether the assistant asked directly about suicide or harm."""
        ...

    def answer(self, text: str) -> Answer:
        """Whether a short turn says yes or no."""
        ...


class Classifier(Protocol):
    """Scores turns. Its absence or failure leaves the lexicon to decide."""

    @property
    def thresholds(self) -> Thresholds:
        """Where a reading starts to count."""
        ...

    def read(self, text: str, vector: Vectors | None, before: Sequence[str], findings: Sequence[Finding]) -> Reading:
        """The last turn, with its vector (None: the encoder failed) and the person's turns before it."""
        ...

    def glance(self, text: str, findings: Sequence[Finding]) -> Reading:
        """An earlier turn, without an encoder."""
        ...


@dataclass(frozen=True, slots=True)
class TurnReading:
    """One of the person's turns by itself."""

    findings: tuple[Finding, ...]
    reading: Reading | None
    level: Risk
    kind: Kind | None
    rules: tuple[str, ...]
    harmful: bool
    heavy: bool
    silent: bool = False

    def has(self, sign: str) -> bool:
        """Whether the lexicon saw this sign."""
        return any(finding.sign == sign for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Assessment:
    """The last turn in the light of the talk.

    `level` is what the turn is treated as, `own` what its words alone say, `lexicon` what the rules alone say of it.
    `staged` is true while the crisis talk's questions are open. `episode` counts turns since risk began (None: no
    risk). `calm` counts the calm turns since the last heavy or risky one (WINDOW if there was none).
    """

    level: Risk
    own: Risk
    lexicon: Risk
    kind: Kind | None
    staged: bool
    episode: int | None
    calm: int
    harmful: bool
    risk: float
    harmful_request: float
    humour_threshold: float
    last: TurnReading


class Assessor:
    """Lexicon and classifier together. Safe to share between threads."""

    def __init__(self, lexicon: Rules, classifier: Classifier | None) -> None:
        self._lexicon = lexicon
        self._classifier = classifier
        self._memory: ScoreCache[tuple[Finding, ...]] = ScoreCache()
        self._glances: ScoreCache[Reading] = ScoreCache()
        self._answers: ScoreCache[Answer] = ScoreCache()

    def findings(self, text: str) -> tuple[Finding, ...]:
        """What the lexicon alone says of a text."""
        return self._lexicon.read(text)

    def worst(self, texts: Sequence[str]) -> Risk:
        """The highest level that the lexicon gives any of the texts."""
        levels = (
            finding.level for text in texts for finding in self._memory.get(text, partial(self._lexicon.read, text))
        )
        return max(levels, default=Risk.NONE)

    def assess(self, conversation: Conversation, vector: Vectors | None, *, sensitive: bool = False) -> Assessment:
        """Judge the last turn of `conversation`; `vector` is that turn encoded (None: no encoder)."""
        exchanges = _exchanges(conversation)
        # In steps of four: the count of an episode then keeps its rhythm (answers.py) when the window slides.
        exchanges = exchanges[max(0, len(exchanges) - WINDOW) // 4 * 4 :]
        texts = [text for _, text in exchanges]
        readings = [
            self._turn(text, asked, vector, texts[:number], last=number == len(exchanges) - 1, sensitive=sensitive)
            for number, (asked, text) in enumerate(exchanges)
        ]
        limits = self._classifier.thresholds if self._classifier else Thresholds()
        return _walk(readings, limits.humour)

    def _turn(
        self, text: str, asked: str, vector: Vectors | None, before: Sequence[str], *, last: bool, sensitive: bool
    ) -> TurnReading:
        findings = self._memory.get(text, lambda: self._lexicon.read(text))
        level = max((finding.level for finding in findings), default=Risk.NONE)
        kind = next((f.kind for f in findings if f.level == level and level > Risk.NONE), None)
        rules = [finding.rule for finding in findings]
        if (
            asked
            and level < Risk.HIGH
            and self._answers.get(text, lambda: self._lexicon.answer(text)) == "yes"
            and self._lexicon.asks_about_danger(asked)
        ):
            level, kind = Risk.HIGH, kind or Kind.SELF_HARM
            rules.append("context.yes-to-direct-question")
        harmful = any(finding.kind is Kind.HARMFUL_REQUEST for finding in findings)
        heavy = any(finding.sign in HEAVY_SIGNS for finding in findings)
        reading = None
        if self._classifier and text.strip():
            glance = self._classifier.glance
            limits = self._classifier.thresholds
            factor = limits.sensitive if sensitive else 1.0
            if last:
                reading = self._classifier.read(text, vector, before, findings)
                concern, high = limits.concern * factor, limits.high * factor
            else:
                reading = self._glances.get(text, lambda: glance(text, findings))
                concern, high = limits.glance_concern * factor, limits.glance_high * factor
            high = high if level > Risk.NONE else max(high, ALONE_HIGH * factor)
            said = Risk.HIGH if reading.high >= high else Risk.CONCERN if reading.concern >= concern else Risk.NONE
            if said > level:
                level, kind = said, kind or Kind.SELF_HARM
                rules.append(f"classifier.{said.label}")
            if last and not harmful and reading.harmful >= limits.harmful:
                # Words about one's own harm resemble a harmful request: in doubt they get care, not a refusal.
                own_harm = level is Risk.NONE and reading.concern >= max(limits.concern / 2, reading.harmful)
                level, kind = (Risk.CONCERN, Kind.SELF_HARM) if own_harm else (level, kind)
                harmful = not own_harm
                rules.append("classifier.doubt" if own_harm else "classifier.harmful_request")
            heavy = heavy or reading.heavy >= limits.heavy
        return TurnReading(findings, reading, level, kind, tuple(rules), harmful, heavy, silent=not text.strip())


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


def _walk(readings: Sequence[TurnReading], humour_threshold: float) -> Assessment:
    """Carry risk through the talk. The order of the lines is the order of the rules in the module's docstring."""
    stages = 0  # turns of the open crisis talk; 0: none is open
    level = Risk.NONE
    kind: Kind | None = None
    calm_risk = calm = WINDOW
    episode: int | None = None
    carried = 0.0
    staged = False
    for reading in readings:
        own = reading.level
        calm_needed = CALM_AFTER_CRISIS if stages else CALM_AFTER_CONCERN
        in_episode = episode is not None and calm_risk < calm_needed
        stages, kind = (stages, kind) if in_episode else (0, None)
        if own >= Risk.HIGH or (own is Risk.CONCERN and kind is None):
            kind = reading.kind or kind
        if own >= Risk.HIGH:
            stages = stages + 1 if in_episode and stages else 1
            staged, level = True, own
        elif stages and in_episode and stages < STAGES:
            stages, staged, level = stages + 1, True, Risk.HIGH
        elif own is Risk.CONCERN or in_episode:
            staged, level = False, Risk.CONCERN
        else:
            stages, staged, level, kind = 0, False, Risk.NONE, None
        quiet = own is Risk.NONE and not staged and not reading.silent and not reading.has("retraction")
        calm_risk = calm_risk + 1 if quiet else 0 if own > Risk.NONE or staged else calm_risk
        episode = None if level is Risk.NONE else (episode + 1 if in_episode and episode is not None else 0)
        calm = 0 if level > Risk.NONE or reading.heavy else calm + 1
        carried = max(_own_risk(reading), 0.0 if level is Risk.NONE else carried * DECAY)
    last = readings[-1] if readings else TurnReading((), None, Risk.NONE, None, (), False, False)
    harm = last.reading.harmful if last.reading else 0.0
    return Assessment(
        level=level,
        own=last.level,
        lexicon=max((finding.level for finding in last.findings), default=Risk.NONE),
        kind=kind,
        staged=staged,
        episode=episode,
        calm=calm,
        harmful=last.harmful,
        risk=max(carried, risk_floor(level)),
        harmful_request=max(harm, 0.9) if last.harmful else harm,
        humour_threshold=humour_threshold,
        last=last,
    )


def risk_floor(level: Risk) -> float:
    """The least probability of risk that goes with a level."""
    return _BANDS[level][0]


def _own_risk(reading: TurnReading) -> float:
    """One number for ordering turns by risk: the classifier's, lifted into the band that the level spans."""
    score = reading.reading.concern if reading.reading else 0.0
    high = reading.reading.high if reading.reading else 0.0
    return banded(reading.level, score, high)


def banded(level: Risk, concern: float, high: float) -> float:
    """A number in the band of `level`: ranking by level first and then by both probabilities beats either alone."""
    low, top = _BANDS[level]
    return low + (top - low) * (0.5 * concern + 0.5 * high)

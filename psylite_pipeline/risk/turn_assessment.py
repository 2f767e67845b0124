"""One turn by itself, as values: the evidence in it, and the level that it amounts to. No words."""

from __future__ import annotations

from dataclasses import dataclass

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.risk.reading import Finding, Question, Reading, shows

#: Below this `humour`, a turn is nothing to joke about later either. Of the 35 turns that a joking turn of
#: evals/retrieval leans on, one lies below it; a sleepless week of stress lies at .04.
LIGHT = 0.1


@dataclass(frozen=True, slots=True)
class Probabilities:
    """What the classifier makes of one turn; probabilities in [0, 1].

    `concern`: at least concern; `high`: at least high; `harmful`: a harmful request; `humour`: a joke would fit;
    `heavy`: grief, fear, anger, illness or trauma; `affirms`: as an answer to a direct question about danger it is a
    yes; `emergency`: sudden illness, an injury, fire or gas, which nobody means and which needs help now.
    """

    concern: float = 0.0
    high: float = 0.0
    harmful: float = 0.0
    humour: float = 0.0
    heavy: float = 0.0
    affirms: float = 0.0
    emergency: float = 0.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where a probability counts. They belong to the classifier's weights and travel with them.

    Danger has its own in English: what was learnt from is noisier there. `words_…` go with turns that are read
    without a vector.
    """

    concern: float = 0.5
    high: float = 0.5
    concern_en: float = 0.5
    high_en: float = 0.5
    words_concern: float = 0.5
    words_high: float = 0.5
    words_concern_en: float = 0.5
    words_high_en: float = 0.5
    harmful: float = 0.5
    humour: float = 0.5
    heavy: float = 0.5
    affirms: float = 0.5
    emergency: float = 0.5
    sensitive: float = 0.7
    """Factor on those of danger when the sensitivity valve is high."""

    def danger(self, *, english: bool, without_vector: bool) -> tuple[float, float]:
        """From where the classifier says at least concern, and at least high."""
        if without_vector:
            return (self.words_concern_en, self.words_high_en) if english else (self.words_concern, self.words_high)
        return (self.concern_en, self.high_en) if english else (self.concern, self.high)


@dataclass(frozen=True, slots=True, eq=False)  # by identity, so that what it amounts to is quickly found again
class Evidence:
    """What rules and classifier make of one of the person's turns, before anything is concluded from it.

    `said`: the turn as the rules read it; `asked`: what it answers, as far as it may be an answer. `denied`: it denies
    the danger that it was asked about, and `scores` are those of what else it says; None where nobody read them.
    `seen`: the most concern in all of it or in a passage, however unsure. `closely`: the classifier read it with
    vectors and as a whole, so that what it does not see counts, too. `by_words`: it read it without any. `kept`: false
    where the encoder failed, for all of it or for a passage: the next time may know more. `length` in characters;
    `speaks`: it says something of its own, more than a few words of answer; `quoted`: words stand in quotation marks.
    `laughs`: it is laughter and nothing else. `after_joke`: a snippet was told just before it, or only words about it
    were said since.
    """

    said: Reading
    asked: Question
    denied: bool = False
    scores: Probabilities | None = None
    seen: float = 0.0
    closely: bool = False
    kept: bool = True
    by_words: bool = False
    english: bool = False
    length: int = 0
    speaks: bool = False
    quoted: bool = False
    laughs: bool = False
    after_joke: bool = False

    @property
    def idle(self) -> bool:
        """Whether it only laughs, or says of a joke that was just told what people say of one."""
        return self.laughs or (self.after_joke and self.said.of_a_joke)

    @property
    def blurred(self) -> bool:
        """Whether it takes more to find danger: there is no vector, or only what is left of a denial."""
        return self.denied or self.by_words

    def has(self, sign: str) -> bool:
        """Whether the lexicon saw this sign."""
        return shows(self.said.findings, sign)


@dataclass(frozen=True, slots=True)
class TurnAssessment:
    """One of the person's turns by itself.

    `share`: the classifier's concern as a share of its threshold. `firm`: the level rests on more than that, on a rule,
    on an answer to a direct question, or on the classifier's high. `moot`: it says nothing, denies or takes back, and
    makes no worry less. `speaks`: it says something of its own, more than a few words of answer. `closely`: the
    classifier read it with a vector and as a whole, so that what it does not see counts, too. `errand`: the classifier
    alone reads danger into what sounds like a plain errand. `passing`: where it is heavy, it is so by a
    mood that passes. `idle`, `after_joke`: see Evidence; an idle turn is neither
    heavy nor calm.
    """

    findings: tuple[Finding, ...]
    scores: Probabilities | None
    level: Risk
    kind: Kind | None
    rules: tuple[str, ...]
    harmful: bool
    heavy: bool
    moot: bool = False
    speaks: bool = False
    closely: bool = False
    share: float = 0.0
    firm: bool = False
    errand: bool = False
    passing: bool = False
    idle: bool = False
    after_joke: bool = False
    told: frozenset[Told] = frozenset()

    @property
    def light(self) -> bool:
        """Whether a joke may be about what was said here, now or later in the talk."""
        weighs = self.heavy or self.harmful or self.level > Risk.NONE
        return not weighs and (self.scores is None or self.scores.humour >= LIGHT)

    def has(self, sign: str) -> bool:
        """Whether the lexicon saw this sign."""
        return shows(self.findings, sign)

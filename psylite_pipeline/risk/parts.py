"""What the assessor needs of a lexicon, a classifier and an encoder. `tests/` hand in their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from psylite_pipeline.decision import Kind, Told
from psylite_pipeline.embedding import Vectors
from psylite_pipeline.risk.lexicon import Finding
from psylite_pipeline.risk.turn_assessment import Probabilities, Thresholds


class Rules(Protocol):
    """What is asked of a lexicon; it must always answer."""

    def for_one_judgement(self) -> Rules:
        """The same rules; as long as they are held, they may keep what they found in a text."""
        ...

    def read(self, text: str) -> tuple[Finding, ...]:
        """The rules that speak of a person's turn."""
        ...

    def asks_about_danger(self, assistant_text: str) -> bool:
        """Whether the assistant asked directly about suicide or harm."""
        ...

    def says_yes(self, text: str) -> bool:
        """Whether a short turn says yes to what was asked."""
        ...

    def answers_nothing(self, text: str) -> bool:
        """Whether a turn asks back, or says what else was meant."""
        ...

    def asks_everyday(self, text: str) -> bool:
        """Whether a turn asks for an everyday thing (a card, a recipe), with no word of harm in it."""
        ...

    def runs_errand(self, text: str) -> bool:
        """Whether a short turn is about a plain errand, or staying with somebody, with no word that may mean more."""
        ...

    def whose(self, asked: str, answer: str) -> Kind | None:
        """Whose danger a yes to a direct question is about; None: of whom the talk is about already."""
        ...

    def of_another(self, text: str) -> bool:
        """Whether a turn tells of somebody else alone."""
        ...

    def told(self, text: str, asked: str = "") -> frozenset[Told]:
        """What a person in danger tells of what the staged talk asks for, `asked` the last time."""
        ...

    def undenied(self, text: str) -> str:
        """What is left of an answer that begins with a no: the clauses that deny nothing. Else `text` itself."""
        ...


class Classifier(Protocol):
    """Scores turns. Its absence or failure leaves the lexicon to decide."""

    @property
    def thresholds(self) -> Thresholds:
        """Where a probability starts to count."""
        ...

    def read(self, text: str, vector: Vectors | None, findings: Sequence[Finding]) -> Probabilities:
        """One turn by itself, with its vector (None: there is no encoder, or it failed)."""
        ...

    def in_pieces(self, text: str, before: Sequence[str], findings: Sequence[Finding]) -> float:
        """The probability that a turn ends a harmful request whose first pieces stand in the turns `before`."""
        ...


Encode = Callable[[Sequence[str]], "Vectors | None"]
"""The vectors of texts, a row each; None when the encoder fails."""

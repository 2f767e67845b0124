"""What the assessor needs of a lexicon, a classifier and an encoder. `tests/` hand in their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from psylite_pipeline.embedding import Vectors
from psylite_pipeline.risk.reading import Finding, Question, Reading
from psylite_pipeline.risk.turn_assessment import Probabilities, Thresholds


class Rules(Protocol):
    """What is asked of a lexicon; it must always answer."""

    def findings(self, text: str) -> tuple[Finding, ...]:
        """The rules that speak of a text, most serious first."""
        ...

    def read(self, text: str) -> Reading:
        """All that the rules make of a turn of the person."""
        ...

    def question(self, text: str) -> Question:
        """What of the assistant's words matters to the answer."""
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

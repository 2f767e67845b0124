"""One number for ordering turns by risk: the classifier's probabilities, lifted into the band of the level."""

from __future__ import annotations

from psylite_pipeline.decision import Risk
from psylite_pipeline.risk.turn_assessment import TurnAssessment

#: The numbers that each level spans: at least concern begins at one half.
_BANDS = {
    Risk.NONE: (0.0, 0.5),
    Risk.CONCERN: (0.5, 0.75),
    Risk.HIGH: (0.75, 0.95),
    Risk.IMMINENT: (0.95, 1.0),
}


def risk_floor(level: Risk) -> float:
    """The least number that goes with a level."""
    return _BANDS[level][0]


def banded(level: Risk, concern: float, high: float) -> float:
    """A number in the band of `level`: ranking by level first and then by both probabilities beats either alone."""
    low, top = _BANDS[level]
    return low + (top - low) * (0.5 * concern + 0.5 * high)


def risk_of(turn: TurnAssessment, level: Risk) -> float:
    """The number of a turn that is of `level`."""
    scores = turn.scores
    return banded(level, scores.concern, scores.high) if scores else banded(level, 0.0, 0.0)

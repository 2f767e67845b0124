"""When the classifier's concern, added up over a talk, is reason enough for care."""

from __future__ import annotations

from psylite_pipeline.decision import Told
from psylite_pipeline.risk.turn_assessment import TurnAssessment

#: Of the worry so much is left at the next turn, which adds its share of the threshold for concern, at most so much.
#: From WORRIED on the classifier alone is reason enough for care. At least WORRIED - 1 is always there, so that a turn
#: that reaches the threshold by itself is heard whenever it comes.
#: In 1,395 turns of 127 talks that taught nothing: of 606 turns of talks without danger 36 % get care (33 % where after
#: calm turns it took nearly twice the threshold), of 217 turns of concern 95 % (92 %), of 227 in more danger all.
WORRY_LEFT = 0.7
WORRY_AT_MOST = 2.2
WORRIED = 1.9


def worry_after(worry: float, turn: TurnAssessment) -> float:
    """What `worry` becomes with one more turn. Who tells what harmless thing was meant takes the worry before it
    away."""
    left = 0.0 if Told.EXPLAINED in turn.told and not turn.moot else WORRY_LEFT * worry
    added = max(left, WORRIED - 1) + min(turn.share, WORRY_AT_MOST)
    return max(added, worry) if turn.moot else added

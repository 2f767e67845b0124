"""Why a turn is graver than its words: each reason by name, in a talk where it holds and in one where it does not."""

from __future__ import annotations

import pytest

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.risk.meaning import REASONS
from psylite_pipeline.risk.reading import Finding
from psylite_pipeline.risk.turn_assessment import TurnAssessment
from psylite_pipeline.risk.walk import Assessment, walk

NONE, CONCERN, HIGH, IMMINENT = Risk


def turn(*told: Told, level: Risk = NONE, kind: Kind | None = None) -> TurnAssessment:
    """A turn in which one rule says `level`, or none does, and the classifier sees nothing."""
    findings = (Finding("t.rule", level, kind, ""),) if level else ()
    return TurnAssessment(findings, None, level, kind, (), False, False, firm=level > NONE, told=frozenset(told))


def after(*turns: TurnAssessment) -> Assessment:
    return walk(turns, 0.5)


OPEN = turn(level=HIGH, kind=Kind.SELF_HARM)
WORRY = turn(level=CONCERN, kind=Kind.SELF_HARM)
FRIEND = turn(level=HIGH, kind=Kind.SOMEONE_ELSE)
BEATEN = turn(level=HIGH, kind=Kind.ABUSE)
ILL = turn(level=IMMINENT, kind=Kind.EMERGENCY)
TO_HARM = turn(level=HIGH, kind=Kind.HARM_TO_OTHERS)

#: The reason; the turns before it and the turn itself; a talk in which the same turn, or what took its place, is less.
CASES = [
    ("talk.would-follow", [turn(Told.LOSS), turn(Told.FOLLOW)], [turn(Told.FOLLOW)]),
    (
        "talk.hurt-the-baby",
        [TO_HARM, turn(Told.BABY, Told.ACT, level=CONCERN, kind=Kind.HARM_TO_OTHERS)],
        [turn(Told.ACT, level=CONCERN, kind=Kind.HARM_TO_OTHERS)],
    ),
    ("talk.no-answer", [FRIEND, turn(Told.SILENT)], [turn(level=CONCERN, kind=Kind.SOMEONE_ELSE), turn(Told.SILENT)]),
    ("talk.not-waking", [ILL, turn(Told.UNWOKEN)], [ILL, turn(Told.UNWOKEN, Told.HELP)]),
    ("talk.leaves", [WORRY, turn(Told.OFF)], [turn(Told.OFF)]),
    ("talk.leaves", [turn(level=CONCERN), turn(Told.OFF, Told.THANKS)], [turn(level=CONCERN), turn(Told.THANKS)]),
    ("talk.says-goodbye", [OPEN, turn(Told.BYE)], [OPEN, turn(Told.BYE, Told.COMPANY)]),
    ("talk.acts", [OPEN, turn(Told.ACT)], [turn(Told.ACT)]),
    ("talk.acts", [OPEN, turn(Told.EDGE)], [WORRY, turn(Told.EDGE)]),
    ("talk.means-and-time", [OPEN, turn(Told.MEANS), turn(Told.SOON)], [OPEN, turn(Told.SOON)]),
    ("talk.it-works", [OPEN, turn(Told.ACT), turn(Told.HELP), turn(Told.FADING)], [OPEN, turn(Told.FADING)]),
    ("talk.out-of-reach", [FRIEND, turn(Told.MEANS), turn(Told.CUT_OFF)], [FRIEND, turn(Told.CUT_OFF)]),
    ("talk.presses", [OPEN, turn(Told.MEANS)], [WORRY, turn(Told.MEANS)]),
    ("talk.back-again", [OPEN, turn(Told.EDGE), turn(Told.SAFE), turn(Told.BRINK)], [OPEN, turn(Told.BRINK)]),
    ("talk.back-again", [ILL, turn(Told.CLEARED), turn(Told.WORSE)], [turn(Told.WORSE)]),
    ("talk.stands-high-up", [WORRY, turn(Told.BRINK)], [turn(Told.BRINK)]),
    ("talk.stands-high-up", [turn(Told.BRINK), WORRY], [WORRY]),
    ("talk.threatened", [BEATEN, turn(Told.THREAT)], [OPEN, turn(Told.THREAT)]),
]


@pytest.mark.parametrize(("name", "talk", "less"), CASES, ids=[name for name, *_ in CASES])
def test_a_reason_raises_the_turn_and_is_named(name, talk, less):
    found, other = after(*talk), after(*less)
    assert name in found.rules
    assert found.own in {reason.level for reason in REASONS if reason.name == name}
    assert name not in other.rules
    assert other.own < found.own


def test_every_reason_has_a_talk_here():
    assert {reason.name for reason in REASONS} == {name for name, *_ in CASES}


def test_what_goes_on_is_named_too():
    assert after(OPEN, turn()).rules == ("talk.questions-open",)
    assert after(WORRY, turn()).rules == ("talk.not-yet-calm",)
    assert after(turn()).rules == ()
    uneasy = TurnAssessment((), None, NONE, None, (), False, False, share=0.9)
    assert after(uneasy, uneasy, uneasy).rules == ("talk.unease",)

"""How the staged crisis talk opens, goes on, is cut short and ends. `after` tells one turn of it."""

from __future__ import annotations

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.risk.talk import Stretch
from psylite_pipeline.risk.turn_assessment import TurnAssessment
from psylite_pipeline.risk.verdict import BY_CLASSIFIER

#: Turns of a staged crisis talk: the opening, then means, company and time, one question each.
STAGES = 4

#: The same while means are at hand, and at least so many while a life is in danger this minute and nobody is on the
#: way. Chosen: there is more to ask, and to ask again, than in four turns; no talk was found that tells how much.
STAGES_ARMED = 6
STAGES_URGENT = 8

#: Turns in a row about something quiet, besides short ones, after which what seemed urgent was none, or is past: the
#: crisis talk begins anew, at high. Chosen: who waits for tablets to work may speak of other things, and a helpline too
#: many is the lesser harm; in none of 606 turns of our talks without danger was anything taken for urgent.
QUIET_TURNS = 4

#: An opening that rules alone heard, of which the classifier sees less than BACKED of what it needs for concern, is cut
#: short by a turn that speaks of its own accord, in no danger itself, of which it sees less than QUIET: one question
#: more, then care. What it read without the encoder is no reason. In 2,764 turns of our own talks: of 65 staged turns
#: where nobody is in danger 9 fewer, of 285 where somebody is none.
BACKED = 0.5
QUIET = 0.25

#: What no explanation takes back.
HOLDS = frozenset({Told.ACT, Told.EDGE, Told.MEANS, Told.BRINK, Told.SOON, Told.WORSE, Told.INJURY})
# What is nothing quiet, however little the classifier sees in it.
_UNEASY = frozenset({Told.WORSE, Told.FADING})
# With what nothing is under way any more.
_EASES = frozenset({Told.HELP, Told.SAFE})


def after(stretch: Stretch, turn: TurnAssessment, own: Risk) -> tuple[bool, Stretch]:
    """Whether the crisis talk's questions are open at a turn that is `own`, and how far they have come after it."""
    grave = own >= Risk.HIGH
    stretch = _graver(stretch, turn) if grave else _cut_short(stretch, turn)
    stretch = _pressed(stretch, turn, own)
    most = STAGES_ARMED if Told.MEANS in stretch.told else STAGES
    open_ = grave or stretch.urgent or 0 < stretch.stage < most
    return open_, stretch.having(stage=_next(stretch, own)) if open_ else stretch


def _graver(stretch: Stretch, turn: TurnAssessment) -> Stretch:
    """One grave turn more, which the classifier bears out or not."""
    backed = turn.share >= BACKED or not turn.closely
    return stretch.having(grave=stretch.grave + 1, backed=stretch.backed or backed)


def _cut_short(stretch: Stretch, turn: TurnAssessment) -> Stretch:
    """Asked less where whoever said one grave thing tells what harmless one was meant, or goes on about something quiet
    after words that rules alone took for grave, or where what was done to them is over. Care goes on."""
    if not stretch.stage or stretch.urgent:
        return stretch
    over = stretch.kind is Kind.ABUSE and Told.OVER in turn.told
    if not over and (stretch.grave > 1 or stretch.told & HOLDS):
        return stretch
    if over or Told.EXPLAINED in turn.told:
        return stretch.having(stage=STAGES_URGENT)  # past every question
    if not stretch.backed and turn.closely and turn.speaks and not turn.moot and turn.share < QUIET:
        return stretch.having(stage=max(stretch.stage, STAGES - 1))  # this turn's question is the last
    return stretch


def _pressed(stretch: Stretch, turn: TurnAssessment, own: Risk) -> Stretch:
    """What is under way stays urgent, whatever is talked of, until help is on its way, or until it was none or is past,
    as far as their words tell. Of an emergency that is over, this turn's question is the last; of one that was none
    nothing is asked."""
    urgent, stage, quiet = stretch.urgent, stretch.stage, _quiet(stretch, turn, own)
    if urgent and stretch.told & _EASES:
        urgent, stage = False, min(stage, STAGES - 2)
    elif urgent and stage >= STAGES_URGENT and quiet >= QUIET_TURNS:
        urgent, stage = False, 1
    if stretch.kind is Kind.EMERGENCY and Told.SAFE in stretch.told:
        stage = STAGES_URGENT if Told.WELL in stretch.told else max(stage, STAGES - 1)
    coming = Told.HELP in turn.told and BY_CLASSIFIER in turn.rules  # "the ambulance is coming": no new emergency
    urgent = urgent or (own is Risk.IMMINENT and not coming)
    return stretch.having(urgent=urgent, stage=stage, quiet=quiet if urgent else 0)


def _quiet(stretch: Stretch, turn: TurnAssessment, own: Risk) -> int:
    """How many turns in a row have spoken of something quiet with this one, few words aside."""
    if own or turn.told & _UNEASY:
        return 0
    explained = Told.EXPLAINED in turn.told and not stretch.told & HOLDS
    if Told.OVER in turn.told if stretch.kind is Kind.ABUSE else explained:
        return QUIET_TURNS
    if turn.closely and turn.share >= QUIET:
        return 0
    return stretch.quiet + (turn.closely and turn.speaks and not turn.moot)


def _next(stretch: Stretch, own: Risk) -> int:
    """The stage after this turn, whose question is asked."""
    if own is Risk.IMMINENT or not stretch.stage:
        return 1  # an act is met with questions of its own, so the talk about it begins anew
    if own is Risk.HIGH:
        return min(stretch.stage + 1, STAGES - 2)  # open for two turns more at least
    return stretch.stage + (2 if Told.DENIAL in stretch.told and not stretch.urgent else 1)  # asked less, not nothing

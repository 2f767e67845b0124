"""Carries risk through a talk, turn by turn: how a crisis opens, goes on and fades. Keeps no state.

A crisis stays open until its questions are asked, and what rules or answers said is let go only after several calm
turns. A retraction is no calm turn. What the classifier alone makes of each turn adds up (worry.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.risk.meaning import before, learnt, weighed
from psylite_pipeline.risk.reading import gravest
from psylite_pipeline.risk.talk import Stretch, Talk
from psylite_pipeline.risk.turn_assessment import TurnAssessment
from psylite_pipeline.risk.verdict import ANSWERED_YES, BY_CLASSIFIER, PERHAPS_YES
from psylite_pipeline.risk.worry import worries

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

#: Calm turns after which care is released: after concern, and after a crisis whose questions were asked. Chosen, on the
#: side of care: "several" of the design, and twice as many after the graver.
CALM_AFTER_CONCERN = 3
CALM_AFTER_CRISIS = 6

#: An opening that rules alone heard, of which the classifier sees less than BACKED of what it needs for concern, is cut
#: short by a turn that speaks of its own accord, in no danger itself, of which it sees less than QUIET: one question
#: more, then care. What it read without the encoder is no reason. In 2,764 turns of our own talks: of 65 staged turns
#: where nobody is in danger 9 fewer, of 285 where somebody is none.
BACKED = 0.5
QUIET = 0.25

#: Turns of a stretch of risk within which the harmless thing that veiled words meant may be named and end it. Chosen:
#: the answer to the first question, or to the one after it.
VEILED = 2

#: Turns for which "I'm on the roof" is remembered, where danger is only said after it. Chosen.
STOOD = 2

#: What a probability becomes with each calm turn that worry is carried over. Chosen: it orders turns, and a judge is
#: asked or not by it.
DECAY = 0.85

# What matters to whoever is in no danger, too: which line is theirs, what they need not be asked.
_MATTERS_IN_CARE = frozenset({Told.YOUNG, Told.OVER, Told.EXPLAINED})
# What beside a rule is a sign of its own.
_SIGNS = frozenset({"classifier.concern", PERHAPS_YES})
# Where veiled words may have meant a harmless thing.
_VEILED = frozenset({None, Kind.SELF_HARM})
# What is nothing quiet, however little the classifier sees in it.
_UNEASY = frozenset({Told.WORSE, Told.FADING})
# What no explanation takes back.
_HOLDS = frozenset({Told.ACT, Told.EDGE, Told.MEANS, Told.BRINK, Told.SOON, Told.WORSE, Told.INJURY})
# With what nothing is under way any more.
_EASES = frozenset({Told.HELP, Told.SAFE})

#: The probabilities that each level spans in `scores.risk`: at least concern begins at one half.
_BANDS = {
    Risk.NONE: (0.0, 0.5),
    Risk.CONCERN: (0.5, 0.75),
    Risk.HIGH: (0.75, 0.95),
    Risk.IMMINENT: (0.95, 1.0),
}


@dataclass(frozen=True, slots=True)
class Assessment:
    """The last turn in the light of the talk.

    `level` is what the turn is treated as, `own` what its words alone say, `lexicon` what the rules alone say of it.
    `staged` is true while the crisis talk's questions are open. `episode` counts turns since risk began (None: no
    risk). `calm` counts the calm turns since the last heavy or risky one (WINDOW if there was none), `calm_for_asking`
    since one that was more than a passing mood. `light` counts the
    last turns in a row that a joke may be about; the present one always counts. `told`, `anew`: see Decision.
    """

    level: Risk
    own: Risk
    lexicon: Risk
    kind: Kind | None
    staged: bool
    episode: int | None
    calm: int
    calm_for_asking: int
    light: int
    harmful: bool
    risk: float
    harmful_request: float
    humour_threshold: float
    last: TurnAssessment
    told: frozenset[Told] = frozenset()
    anew: int | None = None


def walk(turns: Sequence[TurnAssessment], humour_threshold: float) -> Assessment:
    """Carry risk through the talk and say what its last turn is treated as."""
    talk = Talk()
    for turn, worried in zip(turns, worries(turns), strict=True):
        talk = step(talk, turn, worried)
    last = turns[-1] if turns else TurnAssessment((), None, Risk.NONE, None, (), False, False)
    harm = last.scores.harmful if last.scores else 0.0
    told = talk.stretch.told
    return Assessment(
        level=talk.level,
        own=talk.own,
        lexicon=gravest(last.findings),
        kind=talk.stretch.kind,
        staged=talk.staged,
        episode=talk.episode,
        calm=talk.calm,
        calm_for_asking=talk.calm_for_asking,
        light=max(talk.light, 1),
        harmful=last.harmful,
        risk=max(talk.risk, risk_floor(talk.level)),
        harmful_request=max(harm, 0.9) if last.harmful else harm,
        humour_threshold=humour_threshold,
        last=last,
        told=told if talk.level >= Risk.HIGH else told & _MATTERS_IN_CARE,
        anew=talk.stretch.anew,
    )


def step(talk: Talk, turn: TurnAssessment, worried: bool) -> Talk:
    """The talk after one more turn of the person. `worried`: the classifier alone is reason enough for care."""
    stretch = talk.stretch
    needed = CALM_AFTER_CRISIS if stretch.stage else CALM_AFTER_CONCERN
    # What answers the direct question, with which an episode begins, is met with care. Of 606 turns of our talks
    # without danger 9 get it for that; 43, were the classifier's word let go as slowly as a rule's.
    goes_on = talk.episode is not None and (talk.calm_risk < needed or worried or not talk.episode)
    # What is known, and how grave that makes the turn.
    stretch = learnt(stretch if goes_on else Stretch(), turn, before(talk, turn))
    own, stretch = weighed(talk, stretch, turn, turn.level if turn.firm or worried else Risk.NONE)
    # What follows for the crisis talk.
    stretch = _pressed(_eased(stretch, turn, own), turn, own)
    careful = worried or (goes_on and not _cleared(talk, stretch, turn, own))
    staged, stretch = _staged(_signs(stretch, turn, own), own)
    if staged:
        level = max(own, Risk.IMMINENT if stretch.urgent else Risk.HIGH)
    elif own is Risk.CONCERN or careful:
        level = Risk.CONCERN
    else:
        level, stretch = Risk.NONE, replace(stretch, kind=None, stage=0) if stretch.kind or stretch.stage else stretch
    # How long risk has gone on, and how long it has been calm.
    plain = own >= Risk.HIGH and any(one.level for one in turn.findings) and turn.share >= BACKED
    plain = plain or ANSWERED_YES in turn.rules or level is Risk.IMMINENT
    risky, fails = level > Risk.NONE, turn.firm or staged
    again = 0 if talk.episode is None or not goes_on else talk.episode + 1
    return Talk(
        level,
        own,
        staged,
        risk=max(_own_risk(turn, own), risk_floor(own), talk.risk * DECAY if risky else 0.0),
        episode=again if risky else None,
        stretch=replace(stretch, plain=True) if plain and not stretch.plain else stretch,
        before=before(talk, turn),
        stood=STOOD if Told.BRINK in turn.told else talk.stood - 1,
        calm=0 if risky or turn.heavy else talk.calm + (not turn.idle),
        calm_for_asking=0
        if risky or (turn.heavy and not turn.passing)
        else talk.calm_for_asking + (not turn.heavy and not turn.idle),
        calm_risk=0 if fails else talk.calm_risk + (own is Risk.NONE and not turn.moot),
        light=talk.light + 1 if turn.light else 0,
    )


def _pressed(stretch: Stretch, turn: TurnAssessment, own: Risk) -> Stretch:
    """What is under way stays urgent, whatever is talked of, until help is on its way, or until it was none or is past,
    as far as their words tell. Of an emergency that is over, this turn's question is the last."""
    urgent, stage, quiet = stretch.urgent, stretch.stage, _quiet(stretch, turn, own)
    if urgent and stretch.told & _EASES:
        urgent, stage = False, min(stage, STAGES - 2)
    elif urgent and stage >= STAGES_URGENT and quiet >= QUIET_TURNS:
        urgent, stage = False, 1
    if stretch.kind is Kind.EMERGENCY and Told.SAFE in stretch.told:
        stage = max(stage, STAGES - 1)
    coming = Told.HELP in turn.told and BY_CLASSIFIER in turn.rules  # "the ambulance is coming": no new emergency
    urgent = urgent or (own is Risk.IMMINENT and not coming)
    quiet = quiet if urgent else 0
    if (urgent, stage, quiet) == (stretch.urgent, stretch.stage, stretch.quiet):
        return stretch
    return replace(stretch, urgent=urgent, stage=stage, quiet=quiet)


def _quiet(stretch: Stretch, turn: TurnAssessment, own: Risk) -> int:
    """How many turns in a row have spoken of something quiet with this one, few words aside."""
    if own or turn.told & _UNEASY:
        return 0
    explained = Told.EXPLAINED in turn.told and not stretch.told & _HOLDS
    if Told.OVER in turn.told if stretch.kind is Kind.ABUSE else explained:
        return QUIET_TURNS
    if turn.closely and turn.share >= QUIET:
        return 0
    return stretch.quiet + (turn.closely and turn.speaks and not turn.moot)


def _eased(stretch: Stretch, turn: TurnAssessment, own: Risk) -> Stretch:
    """The crisis talk is cut short where whoever said one grave thing tells what harmless one was meant, or goes on
    about something quiet after words that rules alone took for grave, or where what was done to them is over. Care
    goes on."""
    if own >= Risk.HIGH:
        backed = turn.share >= BACKED or not turn.closely
        return replace(stretch, grave=stretch.grave + 1, backed=stretch.backed or backed)
    over = stretch.kind is Kind.ABUSE and Told.OVER in turn.told
    if not stretch.stage or stretch.urgent or (not over and (stretch.grave > 1 or stretch.told & _HOLDS)):
        return stretch
    if over or Told.EXPLAINED in turn.told:
        return replace(stretch, stage=STAGES_URGENT)  # past every question
    if not stretch.backed and turn.closely and turn.speaks and not turn.moot and turn.share < QUIET:
        return replace(stretch, stage=max(stretch.stage, STAGES - 1))  # this turn's question is the last
    return stretch


def _signs(stretch: Stretch, turn: TurnAssessment, own: Risk) -> Stretch:
    """With the rules that speak of danger in this turn, and how long ago one did so for the first time. Worry of the
    classifier that only comes back, after care had ended, is nothing new."""
    spoke = frozenset(finding.rule for finding in turn.findings if finding.level) | _SIGNS & frozenset(turn.rules)
    new = own > Risk.NONE and not spoke <= (stretch.signs or _SIGNS)
    anew = 0 if new else None if stretch.anew is None else stretch.anew + 1
    settled = turn.told & {Told.DENIAL, Told.EXPLAINED} or stretch.stage or own > Risk.CONCERN
    return replace(stretch, signs=stretch.signs | spoke if own else stretch.signs, anew=None if settled else anew)


def _cleared(talk: Talk, stretch: Stretch, turn: TurnAssessment, own: Risk) -> bool:
    """Whether a turn tells what harmless thing was meant by words that were never more than a worry, or that were
    veiled, just before, where the classifier sees little in it."""
    if Told.EXPLAINED not in turn.told or turn.moot or stretch.told & _HOLDS:
        return False
    lately = talk.episode is not None and talk.episode < VEILED
    veiled = not stretch.plain and lately and stretch.kind in _VEILED
    return not stretch.grave or (veiled and not own and turn.closely and turn.share < BACKED)


def _staged(stretch: Stretch, own: Risk) -> tuple[bool, Stretch]:
    """Whether the crisis talk's questions are open, and how far they have come after this turn."""
    most = STAGES_ARMED if Told.MEANS in stretch.told else STAGES
    stage, open_ = stretch.stage, stretch.urgent or 0 < stretch.stage < most
    if own is Risk.IMMINENT or (own is Risk.HIGH and not stage):
        stage = 1  # an act is met with questions of its own, so the talk about it begins anew
    elif own is Risk.HIGH:
        stage = min(stage + 1, STAGES - 2)  # open for two turns more at least
    elif open_:
        stage += 2 if Told.DENIAL in stretch.told and not stretch.urgent else 1  # asked less, not nothing
    return own >= Risk.HIGH or open_, stretch if stage == stretch.stage else replace(stretch, stage=stage)


def risk_at(assessment: Assessment, level: Risk) -> float:
    """The probability of risk of the last turn once another judge raised or lowered it to `level`."""
    lowered = level < assessment.level
    return _own_risk(assessment.last, level) if lowered else max(assessment.risk, risk_floor(level))


def risk_floor(level: Risk) -> float:
    """The least probability of risk that goes with a level."""
    return _BANDS[level][0]


def _own_risk(turn: TurnAssessment, own: Risk) -> float:
    """One number for ordering turns by risk: the classifier's, lifted into the band that the level spans."""
    score = turn.scores.concern if turn.scores else 0.0
    high = turn.scores.high if turn.scores else 0.0
    return banded(own, score, high)


def banded(level: Risk, concern: float, high: float) -> float:
    """A number in the band of `level`: ranking by level first and then by both probabilities beats either alone."""
    low, top = _BANDS[level]
    return low + (top - low) * (0.5 * concern + 0.5 * high)

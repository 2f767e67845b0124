"""Carries risk through a talk, turn by turn: how a crisis opens, goes on and fades. Keeps no state.

A crisis stays open until its questions are asked, and what rules or answers said is let go only after several calm
turns. A retraction is no calm turn. What the classifier alone makes of each turn adds up (worry.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.risk.turn_assessment import TurnAssessment
from psylite_pipeline.risk.verdict import ANSWERED_YES, BY_CLASSIFIER
from psylite_pipeline.risk.worry import worries

#: The person's turns that are read again, and in what steps the window slides: 20 to 23 are read. Older danger is kept
#: in the prompt's one-line memory. What comes back every RHYTHM turns of an episode keeps its beat when it slides.
WINDOW, RHYTHM = 20, 4

#: Turns of a staged crisis talk: the opening, then means, company and time, one question each.
STAGES = 4

#: The same while means are at hand, and while a life is in danger this minute and nobody is on the way.
STAGES_ARMED = 6
STAGES_URGENT = 8

#: Calm turns after which care is released: after concern, and after a crisis whose questions were asked.
CALM_AFTER_CONCERN = 3
CALM_AFTER_CRISIS = 6

#: An opening that rules alone heard, of which the classifier sees less than BACKED of what it needs for concern, is cut
#: short by a turn that speaks of its own accord, in no danger itself, of which it sees less than QUIET: one question
#: more, then care. What it read without the encoder is no reason. In 2,764 turns of our own talks: of 65 staged turns
#: where nobody is in danger 9 fewer, of 285 where somebody is none.
BACKED = 0.5
QUIET = 0.25

#: Turns of a stretch of risk within which the harmless thing that veiled words meant may be named and end it.
VEILED = 2

#: Turns for which "I'm on the roof" is remembered, where danger is only said after it.
STOOD = 2

#: What a probability becomes with each calm turn that worry is carried over.
DECAY = 0.85

# What holds beyond the turn in which it was told, and what holds until the other is told.
_STAYS = frozenset(
    {Told.ACT, Told.MEANS, Told.BRINK, Told.CUT_OFF, Told.COMPANY, Told.ALONE, Told.HE, Told.SHE}
    | {Told.INJURY, Told.YOUNG, Told.BABY, Told.TOUCHED, Told.BREATH, Told.ILL, Told.FIRE, Told.SWALLOWED, Told.SOON}
)
_WITH_WHOM = frozenset({Told.COMPANY, Told.ALONE})
_OF_WHOM = frozenset({Told.HE, Told.SHE})
# What was told while nothing was wrong yet, and matters once something is.
_FROM_BEFORE = frozenset({Told.LOSS, Told.BABY, Told.YOUNG})
# What matters to whoever is in no danger, too: which line is theirs, what they need not be asked.
_MATTERS_IN_CARE = frozenset({Told.YOUNG, Told.OVER, Told.EXPLAINED})

# What is grave once a talk is about this, though alone it might mean anything.
_GRAVER: dict[Kind | None, Told] = {
    Kind.SELF_HARM: Told.OFF,
    Kind.ABUSE: Told.TOUCHED,
    Kind.SOMEONE_ELSE: Told.CUT_OFF,
}
# What is a farewell where nothing more than worry is known.
_LEAVING = frozenset({Told.OFF, Told.THANKS})
# Whoever wishes for death or harm and stands there is in danger, though no crisis is open.
_MEANT = frozenset({Kind.SELF_HARM, Kind.HARM_TO_OTHERS})
# Where veiled words may have meant a harmless thing.
_VEILED = frozenset({None, Kind.SELF_HARM})
# Whom nobody gets to, with the means.
_OUT_OF_REACH = frozenset({Told.MEANS, Told.CUT_OFF})
# What "it's over, I live alone now" says only of a danger that goes on.
_GOES_ON = frozenset({Told.ACT, Told.ALONE})
# What no explanation takes back.
_HOLDS = frozenset({Told.ACT, Told.MEANS, Told.BRINK, Told.SOON, Told.WORSE, Told.INJURY})

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
    risk). `calm` counts the calm turns since the last heavy or risky one (WINDOW if there was none). `light` counts the
    last turns in a row that a joke may be about; the present one always counts. `told`: see Decision.
    """

    level: Risk
    own: Risk
    lexicon: Risk
    kind: Kind | None
    staged: bool
    episode: int | None
    calm: int
    light: int
    harmful: bool
    risk: float
    harmful_request: float
    humour_threshold: float
    last: TurnAssessment
    told: frozenset[Told] = frozenset()


def walk(turns: Sequence[TurnAssessment], humour_threshold: float) -> Assessment:
    """Carry risk through the talk and say what its last turn is treated as."""
    talk = _Talk()
    for turn, worried in zip(turns, worries(turns), strict=True):
        talk.hear(turn, worried)
    last = turns[-1] if turns else TurnAssessment((), None, Risk.NONE, None, (), False, False)
    harm = last.scores.harmful if last.scores else 0.0
    return Assessment(
        level=talk.level,
        own=talk.own,
        lexicon=max((finding.level for finding in last.findings), default=Risk.NONE),
        kind=talk.kind,
        staged=talk.staged,
        episode=talk.episode,
        calm=talk.calm,
        light=max(talk.light, 1),
        harmful=last.harmful,
        risk=max(talk.risk, risk_floor(talk.level)),
        harmful_request=max(harm, 0.9) if last.harmful else harm,
        humour_threshold=humour_threshold,
        last=last,
        told=talk.told if talk.level >= Risk.HIGH else talk.told & _MATTERS_IN_CARE,
    )


class _Talk:
    """A talk as far as it has been walked through. Lives for one walk."""

    def __init__(self) -> None:
        self.level = self.own = Risk.NONE
        self.episode: int | None = None
        self.staged = False
        self.risk = 0.0
        self.calm, self.light = WINDOW, 0
        self._calm_risk = WINDOW  # calm turns since the last that was risky, as `calm` since the last that was heavy
        self._stood = 0  # turns for which it is remembered that they stood high up, said before any danger
        self._before: frozenset[Told] = frozenset()  # what has been told of _FROM_BEFORE, in all of the talk
        self._let_go()

    def _let_go(self) -> None:
        """Forget what belongs to one stretch of risk alone."""
        self.kind: Kind | None = None
        self.told: frozenset[Told] = frozenset()
        self._stages = 0  # turns of the open crisis talk; 0: none is open
        self._urgent = False  # something is under way and no help yet
        self._beaten = False  # somebody hurts them, whatever else was said since
        self._grave = 0  # turns that were high by themselves
        self._backed = False  # the classifier saw danger in one of them, too, or could not read it closely
        self._plain = False  # rules and classifier agreed that one was, or it was a yes

    def hear(self, turn: TurnAssessment, worried: bool) -> None:
        """Take one turn of the person in: what is known, how grave it is, then what follows for the crisis talk."""
        needed = CALM_AFTER_CRISIS if self._stages else CALM_AFTER_CONCERN
        goes_on = self.episode is not None and (self._calm_risk < needed or worried)
        if not goes_on:
            self._let_go()
        self._learn(turn)
        self._weigh(turn, turn.level if turn.firm or worried else Risk.NONE)
        self._press(turn)
        self._ease(turn)
        self._treat(careful=worried or (goes_on and not self._cleared(turn)))
        self._count(turn, goes_on)

    def _learn(self, turn: TurnAssessment) -> None:
        """What is known once the turn is heard."""
        now = turn.told if self._stages == 1 else turn.told - {Told.DENIAL}  # later questions have harmless noes
        if self.kind is Kind.ABUSE and Told.OVER in now:
            now -= _GOES_ON
        self._before |= turn.told & _FROM_BEFORE
        self.told = _told(self.told | (self._before - {Told.LOSS}), now)

    def _weigh(self, turn: TurnAssessment, own: Risk) -> None:
        """How grave the turn is in this talk, and whose danger it is about."""
        own, whose = self._meant(turn, own)
        others = whose is Kind.SOMEONE_ELSE
        if self._stages or (others and own >= Risk.HIGH):
            own = max(own, _in_crisis(turn.told, self.told, others=others))
        if self._stands(turn, own, whose):
            own = max(own, Risk.HIGH)
        if own >= Risk.HIGH or (own is Risk.CONCERN and self.kind is None):
            self.kind = whose or (Kind.SELF_HARM if own >= Risk.HIGH else None)
        self._beaten = self._beaten or self.kind is Kind.ABUSE
        if self._beaten and Told.THREAT in turn.told:
            open_talk = self._stages or own >= Risk.HIGH
            own, self.kind = Risk.IMMINENT if open_talk else Risk.HIGH, Kind.ABUSE
            self.told -= {Told.COMPANY, Told.HELP}  # he is neither
        self.own = own

    def _meant(self, turn: TurnAssessment, own: Risk) -> tuple[Risk, Kind | None]:
        """How grave the turn is beside what was told before, though no crisis is open, and whose danger it is about."""
        whose = self._whose(turn)
        if Told.LOSS in self._before and Told.FOLLOW in turn.told:
            own, whose = max(own, Risk.HIGH), Kind.SELF_HARM  # they would die, too
        if self.episode is not None and (_GRAVER.get(whose) in turn.told or (whose is None and turn.told >= _LEAVING)):
            own = max(own, Risk.HIGH)
        if whose is Kind.HARM_TO_OTHERS and own and Told.BABY in self._before and Told.ACT in turn.told:
            own, whose = Risk.IMMINENT, Kind.EMERGENCY  # it is hurt, whatever can be seen
        return own, whose

    def _whose(self, turn: TurnAssessment) -> Kind | None:
        """Whose danger the talk is about from this turn on. In an open talk about somebody else an emergency that only
        the classifier reads ("she won't answer") is theirs. Where somebody is violent, he is spoken of: what no rule
        takes for anybody else's danger ("he's outside the door", "he's drinking") is part of it. What lies at hand is
        for whom the talk is about."""
        by_rule = any(finding.kind is turn.kind for finding in turn.findings)
        if self.kind is Kind.ABUSE and turn.kind in (Kind.SOMEONE_ELSE, Kind.EMERGENCY) and not by_rule:
            return self.kind
        dangers = [finding for finding in turn.findings if finding.level > Risk.NONE]
        at_hand = dangers and all(finding.tells is Told.MEANS for finding in dangers)
        theirs = self._stages and (at_hand or (self.kind is Kind.SOMEONE_ELSE and BY_CLASSIFIER in turn.rules))
        return self.kind if theirs else turn.kind or self.kind

    def _stands(self, turn: TurnAssessment, own: Risk, whose: Kind | None) -> bool:
        """Whether somebody who worries us stands high up or has a weapon out, also where they said so just before."""
        if Told.BRINK in turn.told:
            return whose in _MEANT or (whose is None and self.level > Risk.NONE)
        return bool(own) and whose in _MEANT and (Told.BRINK in self.told or self._stood > 0)

    def _press(self, turn: TurnAssessment) -> None:
        """Until help is on its way, what is under way stays urgent, whatever is talked of."""
        if self._urgent and Told.HELP in self.told:
            self._urgent, self._stages = False, min(self._stages, STAGES - 2)
        coming = Told.HELP in turn.told and BY_CLASSIFIER in turn.rules  # "the ambulance is coming": no new emergency
        self._urgent = self._urgent or (self.own is Risk.IMMINENT and not coming)

    def _ease(self, turn: TurnAssessment) -> None:
        """Cut the crisis talk short where whoever said one grave thing tells what harmless one was meant, or goes on
        about something quiet after words that rules alone took for grave, or where what was done to them is over. Care
        goes on."""
        grave = self.own >= Risk.HIGH
        self._grave += grave
        self._backed = self._backed or (grave and (turn.share >= BACKED or not turn.closely))
        over = self.kind is Kind.ABUSE and Told.OVER in turn.told
        if grave or not self._stages or self._urgent or (not over and (self._grave > 1 or self.told & _HOLDS)):
            return
        if over or Told.EXPLAINED in turn.told:
            self._stages = STAGES_URGENT  # past every question
        elif not self._backed and turn.closely and turn.speaks and not turn.moot and turn.share < QUIET:
            self._stages = max(self._stages, STAGES - 1)  # this turn's question is the last

    def _cleared(self, turn: TurnAssessment) -> bool:
        """Whether a turn tells what harmless thing was meant by words that were never more than a worry, or that were
        veiled, just before, where the classifier sees little in it."""
        if Told.EXPLAINED not in turn.told or turn.moot or self.told & _HOLDS:
            return False
        veiled = not self._plain and self.episode is not None and self.episode < VEILED and self.kind in _VEILED
        return not self._grave or (veiled and not self.own and turn.closely and turn.share < BACKED)

    def _treat(self, *, careful: bool) -> None:
        """What the turn is treated as, and whether its crisis talk is open."""
        most = STAGES_URGENT if self._urgent else STAGES_ARMED if Told.MEANS in self.told else STAGES
        staging = 0 < self._stages < most
        self.staged = self.own >= Risk.HIGH or staging
        if self.own is Risk.IMMINENT or (self.own is Risk.HIGH and not self._stages):
            self._stages = 1  # an act is met with questions of its own, so the talk about it begins anew
        elif self.own is Risk.HIGH:
            self._stages = min(self._stages + 1, STAGES - 2)  # open for two turns more at least
        elif staging:
            self._stages += 2 if Told.DENIAL in self.told and not self._urgent else 1  # asked less, not nothing
        if self.staged:
            self.level = max(self.own, Risk.IMMINENT if self._urgent else Risk.HIGH)
        elif self.own is Risk.CONCERN or careful:
            self.level = Risk.CONCERN
        else:
            self.level, self.kind, self._stages = Risk.NONE, None, 0

    def _count(self, turn: TurnAssessment, goes_on: bool) -> None:
        """How long risk has gone on, and how long it has been calm."""
        if turn.firm or self.staged:
            self._calm_risk = 0
        elif self.own is Risk.NONE and not turn.moot:
            self._calm_risk += 1
        risky = self.level > Risk.NONE
        plain = self.own >= Risk.HIGH and any(one.level for one in turn.findings) and turn.share >= BACKED
        self._plain = self._plain or plain or ANSWERED_YES in turn.rules or self.level is Risk.IMMINENT
        self.episode = (self.episode + 1 if goes_on and self.episode is not None else 0) if risky else None
        self.calm = 0 if risky or turn.heavy else self.calm + 1
        self.light = self.light + 1 if turn.light else 0
        self._stood = STOOD if Told.BRINK in turn.told else self._stood - 1
        self.risk = max(_own_risk(turn, self.own), risk_floor(self.own), self.risk * DECAY if risky else 0.0)


def _told(before: frozenset[Told], now: frozenset[Told]) -> frozenset[Told]:
    """What is known once a turn tells `now`: with whom they are may change, of whom they spoke first may not."""
    if now & _WITH_WHOM:
        before -= _WITH_WHOM
    if before & _OF_WHOM or now >= _OF_WHOM:
        now -= _OF_WHOM
    return before & _STAYS | now


def _in_crisis(now: frozenset[Told], told: frozenset[Told], *, others: bool) -> Risk:
    """What a few words mean in an open crisis, though elsewhere they might mean anything ("tonight", "I took them").
    `others`: the danger is somebody else's, who may be alone with the means where nobody gets to them."""
    if Told.ACT in now or (now & {Told.SOON, Told.MEANS} and {Told.SOON, Told.MEANS} <= told):
        return Risk.IMMINENT
    if others and now & _OUT_OF_REACH and told >= _OUT_OF_REACH:
        return Risk.IMMINENT
    return Risk.HIGH if now & {Told.MEANS, Told.SOON, Told.WORSE} else Risk.NONE


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

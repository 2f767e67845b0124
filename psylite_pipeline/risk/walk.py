"""Carries risk through a talk, turn by turn: how a crisis opens, goes on and fades. Keeps no state.

A crisis stays open until its questions are asked, and what rules or answers said is let go only after several calm
turns. A retraction is no calm turn. What the classifier alone makes of each turn adds up: one worrying turn fades soon,
several uneasy ones in a row are worry, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.risk.turn_assessment import TurnAssessment
from psylite_pipeline.risk.verdict import BY_CLASSIFIER

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

#: Of the worry so much is left at the next turn, which adds its share of the threshold for concern, at most so much.
#: From WORRIED on the classifier alone is reason enough for care. At least WORRIED - 1 is always there, so that a turn
#: that reaches the threshold by itself is heard whenever it comes.
#: In 1,395 turns of 127 talks that taught nothing: of 606 turns of talks without danger 36 % get care (33 % where after
#: calm turns it took nearly twice the threshold), of 217 turns of concern 95 % (92 %), of 227 in more danger all.
WORRY_LEFT = 0.7
WORRY_AT_MOST = 2.2
WORRIED = 1.9

#: An opening that rules alone heard, of which the classifier sees less than BACKED of what it needs for concern, is cut
#: short by a turn that speaks of its own accord, in no danger itself, of which it sees less than QUIET: one question
#: more, then care. In 2,764 turns of our own talks: of 65 staged turns where nobody is in danger 9 fewer, of 285 where
#: somebody is none.
BACKED = 0.5
QUIET = 0.25

#: What holds beyond the turn in which it was told, and what holds until the other is told.
_STAYS = frozenset(
    {Told.ACT, Told.MEANS, Told.BRINK, Told.CUT_OFF, Told.COMPANY, Told.ALONE, Told.HE, Told.SHE}
    | {Told.INJURY, Told.YOUNG, Told.BABY, Told.TOUCHED, Told.BREATH, Told.ILL, Told.FIRE, Told.SWALLOWED, Told.SOON}
)
# What matters to whoever is in no danger, too: which line is theirs.
_MATTERS_IN_CARE = frozenset({Told.YOUNG})
_WITH_WHOM = frozenset({Told.COMPANY, Told.ALONE})
_OF_WHOM = frozenset({Told.HE, Told.SHE})
#: Turns for which "I'm on the roof" is remembered, where danger is only said after it.
STOOD = 2

# Whoever wishes for death or harm and stands there is in danger, though no crisis is open.
_MEANT = frozenset({Kind.SELF_HARM, Kind.HARM_TO_OTHERS})
# What no explanation takes back.
_HOLDS = frozenset({Told.ACT, Told.MEANS, Told.BRINK, Told.SOON, Told.WORSE, Told.INJURY})
_OUT_OF_REACH = frozenset({Told.MEANS, Told.CUT_OFF})

# What is grave once a talk is about this, though alone it might mean anything.
_GRAVER: dict[Kind | None, Told] = {
    Kind.SELF_HARM: Told.OFF,
    Kind.ABUSE: Told.TOUCHED,
    Kind.SOMEONE_ELSE: Told.CUT_OFF,
}
# What is a farewell where nothing more than worry is known.
_LEAVING = frozenset({Told.OFF, Told.THANKS})
# What was told while nothing was wrong yet, and matters once something is.
_FROM_BEFORE = frozenset({Told.LOSS, Told.BABY})

#: What a probability becomes with each calm turn that worry is carried over.
DECAY = 0.85

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
        self.kind: Kind | None = None
        self.told: frozenset[Told] = frozenset()
        self.episode: int | None = None
        self.staged = False
        self.risk = 0.0
        self.calm, self.light = WINDOW, 0
        self._stages = 0  # turns of the open crisis talk; 0: none is open
        self._urgent = False  # something is under way and no help yet
        self._stood = 0  # turns for which it is remembered that they stood high up, said before any danger
        self._grave = 0  # turns of the episode that were high by themselves
        self._backed = False  # the classifier saw danger in one of them, too
        self._beaten = False  # somebody hurts them, whatever else was said since
        self._before: frozenset[Told] = frozenset()  # what has been told of _FROM_BEFORE, in all of the talk
        self._calm_risk = WINDOW  # calm turns since the last that was risky, as `calm` since the last that was heavy

    def hear(self, turn: TurnAssessment, worried: bool) -> None:
        """Take one turn of the person in."""
        needed = CALM_AFTER_CRISIS if self._stages else CALM_AFTER_CONCERN
        goes_on = self.episode is not None and (self._calm_risk < needed or worried)
        if not goes_on:
            self._stages, self.kind, self.told = 0, None, frozenset()
            self._urgent = self._beaten = False
            self._grave, self._backed = 0, False
        now = turn.told if self._stages == 1 else turn.told - {Told.DENIAL}  # later questions have harmless noes
        self._before |= turn.told & _FROM_BEFORE
        self.told = _told(self.told | self._before - {Told.LOSS}, now)
        self._weigh(turn, turn.level if turn.firm or worried else Risk.NONE)
        self._press(turn)
        self._ease(turn)
        self._treat(turn, goes_on or worried)
        self._count(turn, goes_on)
        self._stood = STOOD if Told.BRINK in turn.told else self._stood - 1

    def _weigh(self, turn: TurnAssessment, own: Risk) -> None:
        """How grave the turn is in this talk, and whose danger it is about."""
        whose = self._whose(turn)
        others = whose is Kind.SOMEONE_ELSE
        if Told.LOSS in self._before and Told.FOLLOW in turn.told:
            own, whose, others = max(own, Risk.HIGH), Kind.SELF_HARM, False
        if self.episode is not None and (_GRAVER.get(whose) in turn.told or (whose is None and turn.told >= _LEAVING)):
            own = max(own, Risk.HIGH)
        if whose is Kind.HARM_TO_OTHERS and own and Told.BABY in self._before and Told.ACT in turn.told:
            own, whose = Risk.IMMINENT, Kind.EMERGENCY  # it is hurt, whatever can be seen
        known = self._stages or (others and own >= Risk.HIGH)
        self.own = max(own, _in_crisis(turn.told, self.told, others=others)) if known else own
        if self._stands(turn, own, whose):
            self.own = max(self.own, Risk.HIGH)
        if self.own >= Risk.HIGH or (self.own is Risk.CONCERN and self.kind is None):
            self.kind = whose or (Kind.SELF_HARM if self.own >= Risk.HIGH else None)
        self._beaten = self._beaten or self.kind is Kind.ABUSE
        if self._beaten and Told.THREAT in turn.told:
            open_talk = self._stages or self.own >= Risk.HIGH
            self.own, self.kind = Risk.IMMINENT if open_talk else Risk.HIGH, Kind.ABUSE
            self.told -= {Told.COMPANY, Told.HELP}  # he is neither

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
        about something quiet after words that rules alone took for grave. Care goes on."""
        grave = self.own >= Risk.HIGH
        self._grave += grave
        self._backed = self._backed or (grave and (turn.share >= BACKED or turn.scores is None))
        if grave or not self._stages or self._grave > 1 or self._urgent or self.told & _HOLDS:
            return
        if Told.EXPLAINED in turn.told:
            self._stages = STAGES_URGENT
        elif not self._backed and turn.scores and turn.speaks and not turn.moot and turn.share < QUIET:
            self._stages = max(self._stages, STAGES - 1)

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

    def _treat(self, turn: TurnAssessment, careful: bool) -> None:
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
        self.episode = (self.episode + 1 if goes_on and self.episode is not None else 0) if risky else None
        self.calm = 0 if risky or turn.heavy else self.calm + 1
        self.light = self.light + 1 if turn.light else 0
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


def worries(turns: Sequence[TurnAssessment]) -> list[bool]:
    """For each turn of a talk whether the classifier's concern, added up over the talk, is reason enough for care."""
    worry = 0.0
    found: list[bool] = []
    for turn in turns:
        added = max(WORRY_LEFT * worry, WORRIED - 1) + min(turn.share, WORRY_AT_MOST)
        worry = max(added, worry) if turn.moot else added
        found.append(worry >= WORRIED)
    return found


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

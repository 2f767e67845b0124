"""Carries risk through a talk, turn by turn: how it rises, goes on and fades. Keeps no state; `step` is the story.

A crisis stays open until its questions are asked (stages.py), and what rules or answers said is let go only after
several calm turns. A retraction is no calm turn. What the classifier alone makes of each turn adds up (worry.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.risk import stages
from psylite_pipeline.risk.known import before, learnt, understood
from psylite_pipeline.risk.meaning import weighed
from psylite_pipeline.risk.reading import gravest
from psylite_pipeline.risk.score import risk_floor, risk_of
from psylite_pipeline.risk.talk import Stretch, Talk
from psylite_pipeline.risk.turn_assessment import TurnAssessment
from psylite_pipeline.risk.verdict import ANSWERED_YES, VOICES
from psylite_pipeline.risk.worry import WORRIED, worry_after

#: Calm turns after which care is released: after concern, and after a crisis whose questions were asked. Chosen, on the
#: side of care: "several" of the design, and twice as many after the graver.
CALM_AFTER_CONCERN = 3
CALM_AFTER_CRISIS = 6

#: Turns of a stretch of risk within which the harmless thing that veiled words meant may be named and end it. Chosen:
#: the answer to the first question, or to the one after it.
VEILED = 2

#: Turns for which "I'm on the roof" is remembered, where danger is only said after it. Chosen.
STOOD = 2

#: What a probability becomes with each calm turn that worry is carried over. Chosen: it orders turns, and a judge is
#: asked or not by it.
DECAY = 0.85

#: Why a turn is treated as graver than it is: the crisis talk's questions are open, the classifier's concern has added
#: up, or not enough turns were calm.
QUESTIONS_OPEN, UNEASE, NOT_YET_CALM = "talk.questions-open", "talk.unease", "talk.not-yet-calm"

# What matters to whoever is in no danger, too: which line is theirs, what they need not be asked.
_MATTERS_IN_CARE = frozenset({Told.YOUNG, Told.OVER, Told.EXPLAINED})
# Where veiled words may have meant a harmless thing.
_VEILED = frozenset({None, Kind.SELF_HARM})


@dataclass(frozen=True, slots=True)
class Assessment:
    """The last turn in the light of the talk.

    `level` is what the turn is treated as, `own` what its words alone say, `lexicon` what the rules alone say of it.
    `rules` names what says so: rules, classifier, and what raised the turn in its talk. `staged` is true while the
    crisis talk's questions are open. `episode` counts turns since risk began (None: no
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
    rules: tuple[str, ...] = ()
    told: frozenset[Told] = frozenset()
    anew: int | None = None

    def risk_at(self, level: Risk) -> float:
        """`risk` once another judge raised or lowered the turn to `level`."""
        return risk_of(self.last, level) if level < self.level else max(self.risk, risk_floor(level))


def walk(turns: Sequence[TurnAssessment], humour_threshold: float) -> Assessment:
    """Carry risk through the talk and say what its last turn is treated as."""
    talk = reduce(step, turns, Talk())
    last = turns[-1] if turns else TurnAssessment((), None, Risk.NONE, None, (), False, False)
    harm = last.scores.harmful if last.scores else 0.0
    told = talk.stretch.told
    return Assessment(
        level=talk.level,
        own=talk.own,
        lexicon=gravest(last.findings),
        kind=talk.stretch.kind,
        rules=(*last.rules, *talk.reasons),
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


def step(talk: Talk, turn: TurnAssessment) -> Talk:
    """The talk after one more turn of the person."""
    worry = worry_after(talk.worry, turn)
    worried = worry >= WORRIED
    goes_on = _goes_on(talk, worried=worried)
    earlier = before(talk, turn)

    # What is known, how grave that makes the turn, and whose danger it is about.
    stretch = learnt(talk.stretch if goes_on else Stretch(), turn, earlier)
    scene = weighed(talk, stretch, turn, earlier, turn.level if turn.firm or worried else Risk.NONE)
    own, stretch = understood(stretch.having(kind=scene.kind, beaten=scene.beaten), turn, scene.own)

    # What follows for the crisis talk, and for the level.
    staged, stretch = stages.after(stretch, turn, own)
    careful = worried or (goes_on and not _cleared(talk, stretch, turn, own))
    if staged:
        level = max(own, Risk.IMMINENT if stretch.urgent else Risk.HIGH)
    else:
        level = Risk.CONCERN if own or careful else Risk.NONE
    stretch = _signed(stretch, turn, own, level) if level else Stretch(told=stretch.told)

    carried = (QUESTIONS_OPEN if staged else UNEASE if worried else NOT_YET_CALM,) if level > own else ()

    # How long risk has gone on, and how long it has been calm.
    risky, episode = level > Risk.NONE, talk.episode if goes_on else None
    weighs = turn.heavy and not turn.passing
    return Talk(
        level,
        own,
        (*scene.reasons, *carried),
        staged,
        risk=max(risk_of(turn, own), risk_floor(own), talk.risk * DECAY if risky else 0.0),
        episode=(0 if episode is None else episode + 1) if risky else None,
        stretch=stretch,
        worry=worry,
        before=earlier,
        stood=STOOD if Told.BRINK in turn.told else talk.stood - 1,
        calm=0 if risky or turn.heavy else talk.calm + (not turn.idle),
        calm_for_asking=0 if risky or weighs else talk.calm_for_asking + (not turn.heavy and not turn.idle),
        calm_risk=0 if turn.firm or staged else talk.calm_risk + (own is Risk.NONE and not turn.moot),
        light=talk.light + 1 if turn.light else 0,
    )


def _goes_on(talk: Talk, *, worried: bool) -> bool:
    """Whether the stretch of risk lasts. `worried`: the classifier alone is reason enough for care. What answers the
    direct question, with which a stretch begins, is met with care, too: of 606 turns of our talks without danger 9 get
    it for that; 43, were the classifier's word let go as slowly as a rule's."""
    needed = CALM_AFTER_CRISIS if talk.stretch.stage else CALM_AFTER_CONCERN
    return talk.episode is not None and (talk.calm_risk < needed or worried or not talk.episode)


def _cleared(talk: Talk, stretch: Stretch, turn: TurnAssessment, own: Risk) -> bool:
    """Whether a turn tells what harmless thing was meant by words that were never more than a worry, or that were
    veiled, just before, where the classifier sees little in it."""
    if Told.EXPLAINED not in turn.told or turn.moot or stretch.told & stages.HOLDS:
        return False
    lately = talk.episode is not None and talk.episode < VEILED
    veiled = not stretch.plain and lately and stretch.kind in _VEILED
    return not stretch.grave or (veiled and not own and turn.closely and turn.share < stages.BACKED)


def _signed(stretch: Stretch, turn: TurnAssessment, own: Risk, level: Risk) -> Stretch:
    """With the rules that speak of danger in this turn, how long ago one did so for the first time, and whether it was
    plain. Worry of the classifier that only comes back, after care had ended, is nothing new."""
    spoke = frozenset(finding.rule for finding in turn.findings if finding.level) | VOICES & frozenset(turn.rules)
    new = own > Risk.NONE and not spoke <= (stretch.signs or VOICES)
    anew = 0 if new else None if stretch.anew is None else stretch.anew + 1
    settled = turn.told & {Told.DENIAL, Told.EXPLAINED} or stretch.stage or own > Risk.CONCERN
    agreed = own >= Risk.HIGH and any(one.level for one in turn.findings) and turn.share >= stages.BACKED
    return stretch.having(
        signs=stretch.signs | spoke if own else stretch.signs,
        anew=None if settled else anew,
        plain=stretch.plain or agreed or ANSWERED_YES in turn.rules or level is Risk.IMMINENT,
    )

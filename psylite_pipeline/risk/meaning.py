"""What a turn means in its talk: the same few words are nothing, a worry or an act under way beside what was told.

`REASONS` is the whole of it, one name each; a turn's decision names those that raised it, beside its rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.risk.known import LEFT
from psylite_pipeline.risk.talk import Stretch, Talk
from psylite_pipeline.risk.turn_assessment import TurnAssessment
from psylite_pipeline.risk.verdict import BY_CLASSIFIER, MEANT

#: Calm turns after the last of a crisis within which a goodbye is one more sign of it. Chosen, on the side of care.
PARTING = 2

# Out of reach where one's own life is in danger, being touched where somebody is violent, a locked door before somebody
# else: grave once a talk is about this, though alone each might mean anything.
_GRAVER: dict[Kind | None, Told] = {
    Kind.SELF_HARM: Told.OFF,
    Kind.ABUSE: Told.TOUCHED,
    Kind.SOMEONE_ELSE: Told.CUT_OFF,
}
# What is a farewell where nothing more than worry is known.
_LEAVING = frozenset({Told.OFF, Told.THANKS})
# Who is told of as better off than that, or is with somebody, may say goodbye.
_LOOKED_AFTER = frozenset({Told.DENIAL, Told.BETTER, Told.COMPANY, Told.HELP, Told.FETCHED, Told.EXPLAINED, Told.OVER})
# Whom nobody gets to, with the means or after a farewell.
_OUT_OF_REACH = (frozenset({Told.MEANS, Told.CUT_OFF}), frozenset({Told.OFF, Told.CUT_OFF}))
_MEANS_AND_TIME = frozenset({Told.MEANS, Told.SOON})
# What says after an act that it works.
_AFTER_AN_ACT = frozenset({Told.WORSE, Told.FADING})


@dataclass(frozen=True, slots=True)
class Scene:
    """A turn of the talk, with what is known once it is heard. `talk` is as it was before it, `before` what it told of
    what matters once something is wrong; `own` how grave the turn is, and `whose` danger it is about, as far as either
    is known; `reasons` what raised it."""

    talk: Talk
    stretch: Stretch
    turn: TurnAssessment
    before: frozenset[Told]
    own: Risk
    whose: Kind | None
    reasons: tuple[str, ...] = ()

    @property
    def now(self) -> frozenset[Told]:
        """What this turn tells."""
        return self.turn.told

    @property
    def told(self) -> frozenset[Told]:
        """What is known, this turn included."""
        return self.stretch.told

    @property
    def open(self) -> bool:
        """Whether few words are read as those of a crisis: its questions have begun, or somebody else's danger is
        grave at this turn."""
        return self.stretch.stage > 0 or (self.whose is Kind.SOMEONE_ELSE and self.own >= Risk.HIGH)

    @property
    def kind(self) -> Kind | None:
        """Whose danger the stretch is about from this turn on: what is grave decides it, a worry only where nothing
        did."""
        if self.own >= Risk.HIGH:
            return self.whose or Kind.SELF_HARM
        return self.whose if self.own and self.stretch.kind is None else self.stretch.kind

    @property
    def beaten(self) -> bool:
        """Whether somebody hurts them, or did."""
        return self.stretch.beaten or self.kind is Kind.ABUSE


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a turn is graver than its words: `level`, at least, where `holds`; `whose`: then it is about this danger."""

    name: str
    level: Risk
    holds: Callable[[Scene], bool]
    whose: Kind | None = None


def _would_follow(scene: Scene) -> bool:
    """Somebody near them is dying, and they speak of going along."""
    return Told.LOSS in scene.before and Told.FOLLOW in scene.now


def _hurt_the_baby(scene: Scene) -> bool:
    """They hurt a small child: it needs help, whatever can be seen."""
    meant = scene.whose is Kind.HARM_TO_OTHERS and scene.own > Risk.NONE
    return meant and Told.BABY in scene.before and Told.ACT in scene.now


def _no_answer(scene: Scene) -> bool:
    """Nothing comes back any more from somebody else who said goodbye, left a note or threatened it."""
    grave = scene.stretch.backed or scene.own >= Risk.HIGH
    return scene.whose is Kind.SOMEONE_ELSE and Told.SILENT in scene.now and grave


def _not_waking(scene: Scene) -> bool:
    """Whoever is suddenly ill cannot be woken, and nobody is there yet."""
    waking = Told.HELP in scene.now or Told.SAFE in scene.told
    ill = scene.whose is Kind.EMERGENCY and scene.stretch.stage > 0
    return ill and Told.UNWOKEN in scene.now and not waking


def _leaves(scene: Scene) -> bool:
    """Where there is worry, they, or somebody else, go where nobody reaches them."""
    farewell = scene.whose is None and scene.now >= _LEAVING
    return scene.talk.episode is not None and (farewell or _GRAVER.get(scene.whose) in scene.now)


def _says_goodbye(scene: Scene) -> bool:
    """They say goodbye soon after a crisis in which they denied nothing and nobody came."""
    soon = scene.talk.episode is not None and scene.stretch.grave > 0 and scene.talk.calm_risk < PARTING
    theirs = scene.whose is Kind.SELF_HARM and Told.BYE in scene.now
    return soon and theirs and not _LOOKED_AFTER & (scene.told | scene.now)


def _acts(scene: Scene) -> bool:
    """ "I took them", "I'm over the rail": elsewhere it might mean anything."""
    return scene.open and not scene.now.isdisjoint({Told.ACT, Told.EDGE})


def _means_and_time(scene: Scene) -> bool:
    """The means are at hand, and it is to be soon; one of both is told now."""
    return scene.open and not scene.now.isdisjoint(_MEANS_AND_TIME) and scene.told >= _MEANS_AND_TIME


def _it_works(scene: Scene) -> bool:
    """After an act it gets worse, or their body gives in."""
    return scene.open and not scene.now.isdisjoint(_AFTER_AN_ACT) and Told.ACT in scene.told


def _out_of_reach(scene: Scene) -> bool:
    """Nobody gets to somebody else, who has the means or said goodbye."""
    theirs = scene.open and scene.whose is Kind.SOMEONE_ELSE
    return theirs and any(scene.now & both and scene.told >= both for both in _OUT_OF_REACH)


def _presses(scene: Scene) -> bool:
    """Something is at hand, it is to be soon, or it gets worse."""
    return scene.open and not scene.now.isdisjoint({Told.MEANS, Told.SOON, Told.WORSE})


def _back_again(scene: Scene) -> bool:
    """What was behind them is not: up there again, taken out again, or ill again."""
    if Told.SAFE not in scene.told or not scene.stretch.stage:
        return False
    if scene.whose is Kind.EMERGENCY:
        return not scene.now.isdisjoint({Told.WORSE, Told.BREATH})
    return scene.whose in MEANT and not scene.now.isdisjoint(LEFT)


def _stands(scene: Scene) -> bool:
    """Somebody who worries us stands high up or has a weapon out, also where they said so just before."""
    if Told.BRINK in scene.now:
        return scene.whose in MEANT or (scene.whose is None and scene.talk.level > Risk.NONE)
    stood = Told.BRINK in scene.told or scene.talk.stood > 0
    return scene.own > Risk.NONE and scene.whose in MEANT and stood


def _threatened(scene: Scene) -> bool:
    """He whom they fear is back, at the door or coming in."""
    return scene.beaten and Told.THREAT in scene.now


def _threatened_now(scene: Scene) -> bool:
    """The same, where it is grave already."""
    return _threatened(scene) and (scene.stretch.stage > 0 or scene.own >= Risk.HIGH)


#: In this order: each sees what those before it made of the turn, and none makes it less.
REASONS = (
    Reason("talk.would-follow", Risk.HIGH, _would_follow, Kind.SELF_HARM),
    Reason("talk.hurt-the-baby", Risk.IMMINENT, _hurt_the_baby, Kind.EMERGENCY),
    Reason("talk.no-answer", Risk.IMMINENT, _no_answer),
    Reason("talk.not-waking", Risk.IMMINENT, _not_waking),
    Reason("talk.leaves", Risk.HIGH, _leaves),
    Reason("talk.says-goodbye", Risk.HIGH, _says_goodbye),
    Reason("talk.acts", Risk.IMMINENT, _acts),
    Reason("talk.means-and-time", Risk.IMMINENT, _means_and_time),
    Reason("talk.it-works", Risk.IMMINENT, _it_works),
    Reason("talk.out-of-reach", Risk.IMMINENT, _out_of_reach),
    Reason("talk.presses", Risk.HIGH, _presses),
    Reason("talk.back-again", Risk.IMMINENT, _back_again),
    Reason("talk.stands-high-up", Risk.HIGH, _stands),
    Reason("talk.threatened", Risk.IMMINENT, _threatened_now, Kind.ABUSE),
    Reason("talk.threatened", Risk.HIGH, _threatened, Kind.ABUSE),
)


def weighed(talk: Talk, stretch: Stretch, turn: TurnAssessment, before: frozenset[Told], own: Risk) -> Scene:
    """How grave a turn whose words are of the level `own` is after `talk`, and whose danger it is about."""
    scene = Scene(talk, stretch, turn, before, own, _whose(stretch, turn))
    if not (own or turn.told):
        return scene
    for reason in REASONS:
        if (reason.whose or reason.level > scene.own) and reason.holds(scene):
            raised = (*scene.reasons, reason.name) if reason.level > scene.own else scene.reasons
            scene = replace(scene, own=max(scene.own, reason.level), whose=reason.whose or scene.whose, reasons=raised)
    return scene


def _whose(stretch: Stretch, turn: TurnAssessment) -> Kind | None:
    """Whose danger a turn is about, by its words. In an open talk about somebody else an emergency that only
    the classifier reads ("she won't answer") is theirs. Where somebody is violent, he is spoken of: what no rule
    takes for anybody else's danger ("he's outside the door", "he's drinking") is part of it. What lies at hand is
    for whom the talk is about."""
    by_rule = any(finding.kind is turn.kind for finding in turn.findings)
    if stretch.kind is Kind.ABUSE and turn.kind in (Kind.SOMEONE_ELSE, Kind.EMERGENCY) and not by_rule:
        return stretch.kind
    dangers = [finding for finding in turn.findings if finding.level > Risk.NONE]
    at_hand = dangers and all(finding.tells is Told.MEANS for finding in dangers)
    theirs = stretch.stage and (at_hand or (stretch.kind is Kind.SOMEONE_ELSE and BY_CLASSIFIER in turn.rules))
    return stretch.kind if theirs else turn.kind or stretch.kind

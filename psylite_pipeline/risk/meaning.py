"""What a turn means in its talk: the same few words are nothing, a worry or an act under way beside what was told."""

from __future__ import annotations

from dataclasses import replace

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.risk.talk import Stretch, Talk
from psylite_pipeline.risk.turn_assessment import TurnAssessment
from psylite_pipeline.risk.verdict import BY_CLASSIFIER, MEANT

#: Calm turns after the last of a crisis within which a goodbye is one more sign of it. Chosen, on the side of care.
PARTING = 2

# What holds beyond the turn in which it was told, and what holds until the other is told.
_STAYS = frozenset(
    {Told.ACT, Told.EDGE, Told.MEANS, Told.BRINK, Told.CUT_OFF, Told.OFF, Told.COMPANY, Told.ALONE}
    | {Told.INJURY, Told.YOUNG, Told.BABY, Told.TOUCHED, Told.BREATH, Told.ILL, Told.FIRE, Told.GAS, Told.SWALLOWED}
    | {Told.HE, Told.SHE, Told.SOON, Told.SAFE}
)
_WITH_WHOM = frozenset({Told.COMPANY, Told.ALONE})
_OF_WHOM = frozenset({Told.HE, Told.SHE})
# What was told while nothing was wrong yet, and matters once something is.
_FROM_BEFORE = frozenset({Told.LOSS, Told.BABY, Told.YOUNG})
# What is grave once a talk is about this, though alone it might mean anything.
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
# What says, of whom the talk is about, that the danger is behind them; none of it does of violence at home.
_PAST: dict[Kind | None, Told] = {
    Kind.SELF_HARM: Told.SAFE,
    Kind.HARM_TO_OTHERS: Told.SAFE,
    Kind.SOMEONE_ELSE: Told.FOUND,
    Kind.EMERGENCY: Told.CLEARED,
}
# Where they stood or what was in their hand: what a word of coming down, or of throwing it away, can be about.
_LEFT = frozenset({Told.BRINK, Told.EDGE})
_HIGH_UP = frozenset({Told.MEANS, Told.CUT_OFF})  # a roof, a bridge: told as means of their own, and as out of reach
# What undoes such a word.
_BACK = frozenset({Told.BRINK, Told.EDGE, Told.ACT, Told.MEANS, Told.CUT_OFF, Told.WORSE, Told.FADING})
# What says after an act that it works.
_AFTER_AN_ACT = frozenset({Told.WORSE, Told.FADING})
# What "it's over, I live alone now" says only of a danger that goes on.
_GOES_ON = frozenset({Told.ACT, Told.ALONE})


def before(talk: Talk, turn: TurnAssessment) -> frozenset[Told]:
    """What is told, with this turn, of what matters once something is wrong."""
    return talk.before | turn.told & _FROM_BEFORE


def learnt(stretch: Stretch, turn: TurnAssessment, earlier: frozenset[Told]) -> Stretch:
    """With what is known once the turn is heard: with whom they are may change, of whom they spoke first may not."""
    now = turn.told if stretch.stage == 1 else turn.told - {Told.DENIAL}  # later questions have harmless noes
    if stretch.kind is Kind.ABUSE and Told.OVER in now:
        now -= _GOES_ON
    if Told.COMES in now:  # where somebody is beaten it may be he who does it
        helped = stretch.kind is Kind.SELF_HARM and not stretch.beaten
        now = now - {Told.COMES} | ({Told.HELP} if helped else frozenset())
    known = stretch.told | (earlier - {Told.LOSS})
    if now & _WITH_WHOM:
        known -= _WITH_WHOM
    if known & _OF_WHOM or now >= _OF_WHOM:
        now -= _OF_WHOM
    told = known & _STAYS | now
    return stretch if told == stretch.told else replace(stretch, told=told)


def weighed(talk: Talk, stretch: Stretch, turn: TurnAssessment, own: Risk) -> tuple[Risk, Stretch]:
    """How grave a turn of the level `own` is after `talk`, and whose danger the stretch is about from now on."""
    whose = _whose(stretch, turn)
    if Told.LOSS in before(talk, turn) and Told.FOLLOW in turn.told:
        own, whose = max(own, Risk.HIGH), Kind.SELF_HARM  # they would die, too
    said = own
    leaves = _GRAVER.get(whose) in turn.told or (whose is None and turn.told >= _LEAVING)
    if talk.episode is not None and (leaves or (whose is Kind.SELF_HARM and _parts(talk, stretch, turn))):
        own = max(own, Risk.HIGH)
    if whose is Kind.HARM_TO_OTHERS and own and Told.BABY in before(talk, turn) and Told.ACT in turn.told:
        own, whose = Risk.IMMINENT, Kind.EMERGENCY  # it is hurt, whatever can be seen
    others = whose is Kind.SOMEONE_ELSE
    if _lost(stretch, turn, whose, said):
        own = Risk.IMMINENT
    if stretch.stage or (others and own >= Risk.HIGH):
        own = max(own, _in_crisis(turn.told, stretch.told, others=others))
    if stretch.stage and _relapsed(stretch, turn, whose):
        own = Risk.IMMINENT
    if _stands(talk, stretch, turn, own, whose):
        own = max(own, Risk.HIGH)
    kind = stretch.kind
    if own >= Risk.HIGH or (own is Risk.CONCERN and kind is None):
        kind = whose or (Kind.SELF_HARM if own >= Risk.HIGH else None)
    if kind is not stretch.kind or (kind is Kind.ABUSE and not stretch.beaten):
        stretch = replace(stretch, kind=kind, beaten=stretch.beaten or kind is Kind.ABUSE)
    if stretch.beaten and Told.THREAT in turn.told:
        own = Risk.IMMINENT if stretch.stage or own >= Risk.HIGH else Risk.HIGH
        stretch = replace(stretch, kind=Kind.ABUSE, told=stretch.told - {Told.COMPANY, Told.HELP})  # he is neither
    return _behind(_whom(stretch), turn, own)


def _whom(stretch: Stretch) -> Stretch:
    """Whom a call was about: in an emergency who was woken or spoken to may be the one who is ill, and where somebody
    else does not pick up, no helpline was busy."""
    told = stretch.told
    if Told.FETCHED in told:
        told = told - {Told.FETCHED} | (set() if stretch.kind is Kind.EMERGENCY else {Told.HELP})
    if Told.SILENT in told and stretch.kind is Kind.SOMEONE_ELSE:
        told -= {Told.UNANSWERED}
    return stretch if told == stretch.told else replace(stretch, told=told)


def _behind(stretch: Stretch, turn: TurnAssessment, own: Risk) -> tuple[Risk, Stretch]:
    """Whether what was under way is behind them, by their word: not beside new danger that rules hear, and where
    something was done already, not before somebody is there. The talk goes on all the same."""
    told, now = stretch.told, turn.told
    theirs = stretch.kind in MEANT
    away = theirs and Told.AWAY in now and Told.MEANS in told
    past = (away or _PAST.get(stretch.kind) in now) and stretch.stage > 0 and now.isdisjoint(_LEFT | {Told.MEANS})
    past = past and (not theirs or stretch.urgent or away or bool(told & _LEFT) or told >= _HIGH_UP)
    past = past and (own < Risk.IMMINENT or BY_CLASSIFIER in turn.rules)
    past = past and (stretch.kind is Kind.EMERGENCY or Told.ACT not in told or Told.HELP in now)
    if past:
        own, told = min(own, Risk.HIGH), told - _LEFT - {Told.CUT_OFF} | {Told.SAFE}
    elif own is Risk.IMMINENT or Told.SAFE in now or not now.isdisjoint(_BACK):
        told -= {Told.SAFE}
    told -= {Told.FOUND, Told.CLEARED, Told.AWAY}
    return own, stretch if told == stretch.told else replace(stretch, told=told)


def _whose(stretch: Stretch, turn: TurnAssessment) -> Kind | None:
    """Whose danger the talk is about from this turn on. In an open talk about somebody else an emergency that only
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


def _stands(talk: Talk, stretch: Stretch, turn: TurnAssessment, own: Risk, whose: Kind | None) -> bool:
    """Whether somebody who worries us stands high up or has a weapon out, also where they said so just before."""
    if Told.BRINK in turn.told:
        return whose in MEANT or (whose is None and talk.level > Risk.NONE)
    return bool(own) and whose in MEANT and (Told.BRINK in stretch.told or talk.stood > 0)


def _parts(talk: Talk, stretch: Stretch, turn: TurnAssessment) -> bool:
    """Whether somebody says goodbye soon after a crisis in which they denied nothing and nobody came."""
    soon = stretch.grave > 0 and talk.calm_risk < PARTING
    return soon and Told.BYE in turn.told and not _LOOKED_AFTER & (stretch.told | turn.told)


def _lost(stretch: Stretch, turn: TurnAssessment, whose: Kind | None, said: Risk) -> bool:
    """Whether nothing comes back any more: from somebody else who said goodbye, left a note or threatened it, or from
    whoever is suddenly ill and nobody is there yet. `said`: how grave the turn's own words are."""
    if whose is Kind.SOMEONE_ELSE:
        return Told.SILENT in turn.told and (stretch.backed or said >= Risk.HIGH)
    waking = Told.HELP in turn.told or Told.SAFE in stretch.told
    return whose is Kind.EMERGENCY and stretch.stage > 0 and Told.UNWOKEN in turn.told and not waking


def _relapsed(stretch: Stretch, turn: TurnAssessment, whose: Kind | None) -> bool:
    """Whether what was behind them is back: up there again, taken out again, or ill again."""
    again = _LEFT if whose in MEANT else {Told.WORSE, Told.BREATH} if whose is Kind.EMERGENCY else set()
    return Told.SAFE in stretch.told and not turn.told.isdisjoint(again)


def _in_crisis(now: frozenset[Told], told: frozenset[Told], *, others: bool) -> Risk:
    """What a few words mean in an open crisis, though elsewhere they might mean anything ("tonight", "I took them").
    `others`: the danger is somebody else's, who may be alone with the means where nobody gets to them."""
    if now & {Told.ACT, Told.EDGE} or (now & {Told.SOON, Told.MEANS} and {Told.SOON, Told.MEANS} <= told):
        return Risk.IMMINENT
    if now & _AFTER_AN_ACT and Told.ACT in told:
        return Risk.IMMINENT
    if others and any(now & both and told >= both for both in _OUT_OF_REACH):
        return Risk.IMMINENT
    return Risk.HIGH if now & {Told.MEANS, Told.SOON, Told.WORSE} else Risk.NONE

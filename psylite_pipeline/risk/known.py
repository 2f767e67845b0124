"""What is known in a stretch of risk once a turn is heard, and what of it holds beyond that turn."""

from __future__ import annotations

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.risk.talk import Stretch, Talk
from psylite_pipeline.risk.turn_assessment import TurnAssessment
from psylite_pipeline.risk.verdict import BY_CLASSIFIER, MEANT, VOICES, all_well

# What holds beyond the turn in which it was told, and what holds until the other is told.
_STAYS = frozenset(
    {Told.ACT, Told.EDGE, Told.MEANS, Told.BRINK, Told.CUT_OFF, Told.OFF, Told.COMPANY, Told.ALONE}
    | {Told.INJURY, Told.YOUNG, Told.BABY, Told.TOUCHED, Told.BREATH, Told.ILL, Told.FIRE, Told.GAS, Told.SWALLOWED}
    | {Told.FUMES, Told.CHOKING, Told.HE, Told.SHE, Told.SOON, Told.SAFE}
)
_WITH_WHOM = frozenset({Told.COMPANY, Told.ALONE})
_OF_WHOM = frozenset({Told.HE, Told.SHE})
# What was told while nothing was wrong yet, and matters once something is.
_FROM_BEFORE = frozenset({Told.LOSS, Told.BABY, Told.YOUNG})
# What "it's over, I live alone now" says only of a danger that goes on.
_GOES_ON = frozenset({Told.ACT, Told.ALONE})
# What says, of whom the talk is about, that the danger is behind them; none of it does of violence at home.
_PAST: dict[Kind | None, Told] = {
    Kind.SELF_HARM: Told.SAFE,
    Kind.HARM_TO_OTHERS: Told.SAFE,
    Kind.SOMEONE_ELSE: Told.FOUND,
    Kind.EMERGENCY: Told.CLEARED,
}
# Where they stood or what was in their hand: what a word of coming down, or of throwing it away, can be about.
LEFT = frozenset({Told.BRINK, Told.EDGE})
_HIGH_UP = frozenset({Told.MEANS, Told.CUT_OFF})  # a roof, a bridge: told as means of their own, and as out of reach
# What undoes such a word.
_BACK = frozenset({Told.BRINK, Told.EDGE, Told.ACT, Told.MEANS, Told.CUT_OFF, Told.WORSE, Told.FADING})


def before(talk: Talk, turn: TurnAssessment) -> frozenset[Told]:
    """What is told, with this turn, of what matters once something is wrong."""
    return talk.before | turn.told & _FROM_BEFORE


def learnt(stretch: Stretch, turn: TurnAssessment, earlier: frozenset[Told]) -> Stretch:
    """With what the turn tells: with whom they are may change, of whom they spoke first may not."""
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
    return stretch.having(told=known & _STAYS | now)


def understood(stretch: Stretch, turn: TurnAssessment, own: Risk) -> tuple[Risk, Stretch]:
    """With what it means of whoever the stretch is about, now that this is known, and how grave the turn, that was
    `own`, is if it says that what was under way is behind them. The talk goes on all the same."""
    told = _whom(stretch, turn)
    if _behind(stretch, told, turn, own):
        own, told = min(own, Risk.HIGH), told - LEFT - {Told.CUT_OFF} | {Told.SAFE}
    elif own is Risk.IMMINENT or Told.SAFE in turn.told or not turn.told.isdisjoint(_BACK):
        told -= {Told.SAFE}
    return own, stretch.having(told=told - {Told.FOUND, Told.CLEARED, Told.AWAY})


def _whom(stretch: Stretch, turn: TurnAssessment) -> frozenset[Told]:
    """Who is spoken of: whoever threatens them is neither company nor help; in an emergency who was woken or spoken to
    may be the one who is ill; and where somebody else does not pick up, no helpline was busy."""
    told = stretch.told
    if stretch.beaten and Told.THREAT in turn.told:
        told -= {Told.COMPANY, Told.HELP}
    if Told.FETCHED in told:
        told = told - {Told.FETCHED} | (set() if stretch.kind is Kind.EMERGENCY else {Told.HELP})
    if Told.SILENT in told and stretch.kind is Kind.SOMEONE_ELSE:
        told -= {Told.UNANSWERED}
    return told


def _behind(stretch: Stretch, told: frozenset[Told], turn: TurnAssessment, own: Risk) -> bool:
    """Whether what was under way is behind them, by their word: not beside new danger that rules hear, and where
    something was done already, not before somebody is there."""
    now, theirs = turn.told, stretch.kind in MEANT
    away = theirs and Told.AWAY in now and Told.MEANS in told
    past = away or _PAST.get(stretch.kind) in now or _mistaken(stretch, turn)
    if not stretch.stage or not past or not now.isdisjoint(LEFT | {Told.MEANS}):
        return False
    if theirs and not (stretch.urgent or away or told & LEFT or told >= _HIGH_UP):
        return False
    if own is Risk.IMMINENT and BY_CLASSIFIER not in turn.rules:
        return False
    return stretch.kind is Kind.EMERGENCY or Told.ACT not in told or Told.HELP in now


def _mistaken(stretch: Stretch, turn: TurnAssessment) -> bool:
    """Whether what the classifier alone took for an emergency is none, by their word."""
    heard = stretch.signs - VOICES or any(finding.level for finding in turn.findings)
    return stretch.kind is Kind.EMERGENCY and not heard and all_well(stretch.told | turn.told)

"""The values a judgement is made of: Route, Risk, Kind, Decision. Nothing here holds a person's words."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Literal


class Route(StrEnum):
    """Where a turn goes. Exactly one of six."""

    TASK = "task"
    CRISIS = "crisis"
    DECLINE = "decline"
    SUPPORT = "support"
    HUMOUR = "humour"
    PLAIN = "plain"


class Risk(IntEnum):
    """Triage level, after the levels of the C-SSRS screener (docs/judgement.md). Ordered: doubt takes the higher."""

    NONE = 0
    CONCERN = 1
    HIGH = 2
    IMMINENT = 3

    @property
    def label(self) -> str:
        """The lower-case name, as valves, files and `psylite decide` spell it."""
        return self.name.lower()

    @classmethod
    def parse(cls, label: str) -> Risk:
        """The level named `label`. Raises KeyError for any other word."""
        return cls[label.upper()]


class Kind(StrEnum):
    """Whose danger it is, or what is asked for."""

    SELF_HARM = "self_harm"
    HARM_TO_OTHERS = "harm_to_others"
    SOMEONE_ELSE = "someone_else"
    ABUSE = "abuse"
    HARMFUL_REQUEST = "harmful_request"
    EMERGENCY = "emergency"
    """Sudden illness, poisoning by accident, an injury, fire, gas: nobody means harm, and minutes count."""


class Told(StrEnum):
    """What a person in danger tells, or asks, beside what they were asked."""

    # What need not be asked any more, or makes the danger greater.
    ACT = "act"
    """They have harmed themselves, or somebody."""
    EDGE = "edge"
    """They are over the rail, on the sill or on the tracks: about to fall."""
    CHILD = "child"
    """They have a child in their arms or by the hand, where they would die."""
    INJURY = "injury"
    """They hurt themselves, now or again and again, which is not always a wish to die."""
    BABY = "baby"
    """The one they fear to hurt is their baby or a small child."""
    TOUCHED = "touched"
    """Somebody was touched, or pressed, against their will."""
    FIRE = "fire"
    """Fire or smoke where they are: out first, then the call."""
    GAS = "gas"
    """Gas where they are: out, no switch, no flame, no sealed room."""
    FUMES = "fumes"
    """Fumes of coals, a stove or an engine, or gas let in: out, with whoever cannot be woken, the call from there."""
    LOSS = "loss"
    """Somebody near them is dying, or dead."""
    FOLLOW = "follow"
    """They speak of going along with somebody: where that one is dying, it is a wish to die."""
    OFF = "off"
    """They go out of reach: their phone is switched off, nobody shall look for them."""
    CHOKING = "choking"
    """Something is stuck in somebody's throat."""
    BREATH = "breath"
    """Somebody does not breathe, or has no pulse."""
    UNWOKEN = "unwoken"
    """Somebody cannot be woken, or has shut their eyes: whether they breathe comes first."""
    ILL = "ill"
    """Somebody is suddenly ill: an ambulance helps, and nobody else."""
    SWALLOWED = "swallowed"
    """Something was swallowed that should not have been."""
    MEANS = "means"
    BRINK = "brink"
    """They stand high up, on the tracks or at deep water, or have a weapon out: means, whatever was asked."""
    COMPANY = "company"
    ALONE = "alone"
    CUT_OFF = "cut_off"
    """Somebody else is where nobody gets to them: behind a locked door, high up, no longer answering."""
    SILENT = "silent"
    """Somebody else does not pick up, or their phone is off: cut off, whatever was asked."""
    HELP = "help"
    COMES = "comes"
    """Somebody is there, on the phone or on the way: help to whoever wishes to die; who it is shows in the talk."""
    FETCHED = "fetched"
    """They called or fetched somebody near them: help, but in an emergency that may be whom it is about."""
    SAFE = "safe"
    """What endangered them is behind them: they came down, threw it away. In a decision: what the talk is about is."""
    AWAY = "away"
    """What lay at hand is put away, thrown out or with somebody else."""
    FOUND = "found"
    """Somebody else whom they feared for is back, found or held."""
    CLEARED = "cleared"
    """Doctors or a fire brigade say that it is over, or it turns out so."""
    WELL = "well"
    """Nobody is ill: a baby sleeps on them, it was a minute's dizziness. Believed where no rule heard an emergency."""
    THREAT = "threat"
    """He whom they fear is back, at the door or coming in; said where somebody is hurting them."""
    SOON = "soon"
    WORSE = "worse"
    FADING = "fading"
    """Their body gives in (sleepy, numb, eyes that close): grave where an act is known."""
    DENIAL = "denial"
    EXPLAINED = "explained"
    """They say what harmless thing they meant (a game, their phone), or that they mean to live."""
    FIGURE = "figure"
    """Words of death are said of a trifle beside them, or by a song that is asked for."""
    OVER = "over"
    """What was done to them is over, and they say so."""
    HE = "he"
    SHE = "she"
    """Whom they spoke of first."""
    YOUNG = "young"
    """They are a child, or under age."""
    # What wants an answer first.
    TEND = "tend"
    """Whether to give food, drink or medicine, or how to lay somebody."""
    REST = "rest"
    """They would sleep or lie down."""
    FINE = "fine"
    """They feel nothing of what they did."""
    REGRET = "regret"
    """They did it and want to live."""
    CANNOT_CALL = "cannot_call"
    UNANSWERED = "unanswered"
    """Nobody picked up."""
    HOSPITAL = "hospital"
    """They fear or refuse it."""
    SECRET = "secret"
    """Who gets to know of the talk."""
    NUMBER = "number"
    """Which number to call."""
    COST = "cost"
    HUMAN = "human"
    """Whether they talk to a human."""
    UNHEARD = "unheard"
    """They find that nobody listens."""
    JOKE = "joke"
    JOKING = "joking"
    """They take back what they said."""
    BYE = "bye"
    THANKS = "thanks"
    BETTER = "better"
    LEAVE = "leave"
    """They want to be left alone."""
    POLICE = "police"
    """They want no police."""
    BATTERY = "battery"
    """Their phone is about to go out."""
    WHAT_TO_SAY = "what_to_say"
    """What one says on such a call, and what they will ask."""
    TRIED = "tried"
    """They called, and it did not help."""
    REBUFFED = "rebuffed"
    """They turned to somebody near them, who scolded or did not believe them."""
    HOURS = "hours"
    """Whether anybody answers at this hour."""
    CLINIC = "clinic"
    """Where to go in a hospital, and what happens there."""
    RECORD = "record"
    """Whether it will count against them."""
    BLAME = "blame"
    """Whether it is their fault."""
    TAKEN = "taken"
    """Whether their child would be taken away."""
    SORRY = "sorry"
    """They fear to be a bother."""
    STAY = "stay"
    """They ask us not to leave."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Probabilities in [0, 1], after everything that has a say."""

    risk: float = 0.0
    harmful_request: float = 0.0
    humour: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What one turn was judged to be, and which rules and scores said so.

    `episode` counts the person's turns since the present stretch of risk began: 0 is its first turn, None means there
    is none (under SUPPORT: only a judge's verdict was missing). `told`: what they told in it that the staged talk asks
    for; an act and help only as of now. `anew`: turns since a sign of danger spoke for the first time in this stretch,
    with no denial after it (None: there is none). `rules` are rule ids from knowledge/risk, `snippets` ids from
    knowledge/crosstalk. `joke`: they asked for one, or did and get none for what is heavy. `milliseconds` is what the
    judgement cost.
    """

    route: Route
    risk: Risk = Risk.NONE
    kind: Kind | None = None
    snippets: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    scores: Scores = field(default_factory=Scores)
    joke: Literal["", "asked", "refused"] = ""
    episode: int | None = None
    told: frozenset[Told] = frozenset()
    anew: int | None = None
    milliseconds: float = 0.0

"""Carries risk through a talk, turn by turn: how a crisis opens, goes on and fades. Keeps no state.

A crisis stays open until its questions are asked, and what rules or answers said is let go only after several calm
turns. A retraction is no calm turn. What the classifier alone makes of each turn adds up: one uneasy turn fades soon,
several in a row are worry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psylite_pipeline.decision import Kind, Risk, Told
from psylite_pipeline.risk.readings import TurnReading

#: The person's turns that are read again. DESIGN: about 20; older danger is kept in the prompt's one-line memory.
WINDOW = 20

#: Turns of a staged crisis talk: the opening, then means, company and time, one question each.
STAGES = 4

#: The same while a life is in danger this minute and nobody is on the way.
STAGES_URGENT = 8

#: Calm turns after which care is released: after concern, and after a crisis whose questions were asked.
CALM_AFTER_CONCERN = 3
CALM_AFTER_CRISIS = 6

#: Of the worry so much is left at the next turn, which adds its share of the threshold for concern, at most so much.
#: From WORRIED on the classifier alone is reason enough for care. A talk begins with as much as makes its first turn
#: count from the threshold on.
#: In 760 turns of 74 talks that taught nothing: of 304 turns of talks without danger 23 % get care (41 % where one such
#: turn brought care and held it for three calm ones), of 137 turns of concern 94 % (98 %), of 147 in more danger all.
WORRY_LEFT = 0.7
WORRY_AT_MOST = 2.2
WORRIED = 1.9

#: What holds beyond the turn in which it was told, and what holds until the other is told.
_STAYS = frozenset({Told.ACT, Told.MEANS, Told.COMPANY, Told.ALONE, Told.HE, Told.SHE})
_WITH_WHOM = frozenset({Told.COMPANY, Told.ALONE})
_OF_WHOM = frozenset({Told.HE, Told.SHE})

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
    last: TurnReading
    told: frozenset[Told] = frozenset()


def walk(readings: Sequence[TurnReading], humour_threshold: float) -> Assessment:
    """Carry risk through the talk. The order of the lines is the order of the rules in the module's docstring."""
    stages = 0  # turns of the open crisis talk; 0: none is open
    level = Risk.NONE
    kind: Kind | None = None
    calm_risk = calm = WINDOW
    light = 0
    episode: int | None = None
    carried = 0.0
    staged = urgent = False
    told: frozenset[Told] = frozenset()
    own = Risk.NONE
    for reading, worried in zip(readings, worries(readings), strict=True):
        calm_needed = CALM_AFTER_CRISIS if stages else CALM_AFTER_CONCERN
        in_episode = episode is not None and (calm_risk < calm_needed or worried)
        stages, kind, told = (stages, kind, told) if in_episode else (0, None, frozenset())
        told = _told(told, reading.told)
        own = reading.level if reading.firm or worried else Risk.NONE
        own = max(own, _in_crisis(reading.told, told)) if stages else own
        # Until help is on its way, what is under way stays urgent, whatever is talked of.
        urgent = own is Risk.IMMINENT or (urgent and in_episode and Told.HELP not in reading.told)
        if own >= Risk.HIGH or (own is Risk.CONCERN and kind is None):
            kind = reading.kind or kind or (Kind.SELF_HARM if own >= Risk.HIGH else None)
        if own >= Risk.HIGH:
            # An act is met with questions of its own, so the talk about it begins anew. Whatever else is grave keeps
            # the crisis open for two turns more.
            stages = min(stages + 1, STAGES - 2) if in_episode and stages and own is Risk.HIGH else 1
            staged, level = True, Risk.IMMINENT if urgent else own
        elif stages and in_episode and stages < (STAGES_URGENT if urgent else STAGES):
            # Who denies is asked less, not nothing.
            stages += 2 if Told.DENIAL in reading.told and not urgent else 1
            staged, level = True, Risk.IMMINENT if urgent else Risk.HIGH
        elif own is Risk.CONCERN or in_episode or worried:
            staged, level = False, Risk.CONCERN
        else:
            stages, staged, level, kind = 0, False, Risk.NONE, None
        quiet = own is Risk.NONE and not staged and not reading.moot
        calm_risk = calm_risk + 1 if quiet else 0 if reading.firm or staged else calm_risk
        episode = None if level is Risk.NONE else (episode + 1 if in_episode and episode is not None else 0)
        calm = 0 if level > Risk.NONE or reading.heavy else calm + 1
        light = light + 1 if reading.light else 0
        carried = max(_own_risk(reading, own), risk_floor(own), 0.0 if level is Risk.NONE else carried * DECAY)
    last = readings[-1] if readings else TurnReading((), None, Risk.NONE, None, (), False, False)
    harm = last.reading.harmful if last.reading else 0.0
    return Assessment(
        level=level,
        own=own,
        lexicon=max((finding.level for finding in last.findings), default=Risk.NONE),
        kind=kind,
        staged=staged,
        episode=episode,
        calm=calm,
        light=max(light, 1),
        harmful=last.harmful,
        risk=max(carried, risk_floor(level)),
        harmful_request=max(harm, 0.9) if last.harmful else harm,
        humour_threshold=humour_threshold,
        last=last,
        told=told if level >= Risk.HIGH else frozenset(),
    )


def _told(before: frozenset[Told], now: frozenset[Told]) -> frozenset[Told]:
    """What is known once a turn tells `now`: with whom they are may change, of whom they spoke first may not."""
    if now & _WITH_WHOM:
        before -= _WITH_WHOM
    if before & _OF_WHOM or now >= _OF_WHOM:
        now -= _OF_WHOM
    return before & _STAYS | now


def _in_crisis(now: frozenset[Told], told: frozenset[Told]) -> Risk:
    """What a few words mean in an open crisis, though elsewhere they might mean anything ("tonight", "I took them")."""
    if Told.ACT in now or (Told.SOON in now and Told.MEANS in told):
        return Risk.IMMINENT
    return Risk.HIGH if now & {Told.MEANS, Told.SOON, Told.WORSE} else Risk.NONE


def worries(readings: Sequence[TurnReading]) -> list[bool]:
    """For each turn of a talk whether the classifier's concern, added up over the talk, is reason enough for care."""
    worry = (WORRIED - 1) / WORRY_LEFT
    found: list[bool] = []
    for reading in readings:
        added = WORRY_LEFT * worry + min(reading.share, WORRY_AT_MOST)
        worry = max(added, worry) if reading.moot else added
        found.append(worry >= WORRIED)
    return found


def risk_floor(level: Risk) -> float:
    """The least probability of risk that goes with a level."""
    return _BANDS[level][0]


def _own_risk(reading: TurnReading, own: Risk) -> float:
    """One number for ordering turns by risk: the classifier's, lifted into the band that the level spans."""
    score = reading.reading.concern if reading.reading else 0.0
    high = reading.reading.high if reading.reading else 0.0
    return banded(own, score, high)


def banded(level: Risk, concern: float, high: float) -> float:
    """A number in the band of `level`: ranking by level first and then by both probabilities beats either alone."""
    low, top = _BANDS[level]
    return low + (top - low) * (0.5 * concern + 0.5 * high)

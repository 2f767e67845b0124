"""What a turn is treated as, once every voice was heard: the assessment, a second judge, a filter in front. Pure.

No voice lowers another but the judge (judge.py), and that by one level at most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from psylite_pipeline.conversation import Floor
from psylite_pipeline.decision import Decision, Kind, Risk, Route, Scores
from psylite_pipeline.risk import judge
from psylite_pipeline.risk.score import risk_floor
from psylite_pipeline.risk.walk import Assessment

#: Why there is care where nobody could judge a turn, and where its middle was not read.
UNJUDGED, TOO_LONG = "failure.assess", "failure.too-long"


@dataclass(frozen=True, slots=True)
class Opinion:
    """The level of the last turn and the rules that say so, after the second judge, where one was asked."""

    level: Risk
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Met:
    """How many answers ago fixed words of ours met danger, and for how many turns care lasts after them; (0, 0) where
    none did, or where no judge could have found what no rule knows."""

    since: int = 0
    lasts: int = 0

    @property
    def cared(self) -> int:
        """How many turns care has lasted since then; 0 where it is over."""
        return self.since if self.since <= self.lasts else 0


def settled(assessment: Assessment, opinion: Opinion, floor: Floor, met: Met, *, unread: bool) -> Decision:
    """The route of the last turn, all but whether a joke fits. `unread`: of a turn nearby the middle was not read."""
    level, rules = opinion.level, opinion.rules
    if unread:
        level, rules = max(level, Risk.CONCERN), (*rules, TOO_LONG)
    if met.cared and level is Risk.NONE:
        level, rules = Risk.CONCERN, (*rules, judge.EARLIER)
    risk = max(level, floor.risk)
    found = Decision(
        Route.PLAIN,
        risk,
        assessment.kind,
        rules=rules,
        scores=Scores(assessment.risk_at(risk), assessment.harmful_request),
        episode=assessment.episode if risk else None,
        told=assessment.told,
        anew=assessment.anew if risk else None,
    )
    # A kind that was sent along says whose danger the filter heard, and nothing of what is heard here.
    kind = assessment.kind or (floor.kind if level < Risk.HIGH else None)
    found = _routed(found, floor, kind, harmful=assessment.harmful)
    if found.route is not Route.SUPPORT:
        return found
    # What a judge did not say is no reason to ask a person about dying: care without a stretch of risk.
    late = rules[-1:] == (judge.NO_VERDICT,) and judge.unsuspected(assessment) and not (floor.risk or met.cared)
    return replace(found, episode=None if late else assessment.episode or met.cared)


def unjudged(floor: Floor) -> Decision:
    """Care for a turn that nothing here could judge, or what a filter in front judged it to be."""
    risk = max(Risk.CONCERN, floor.risk)
    scores = Scores(max(0.5, risk_floor(risk)))
    return _routed(Decision(Route.PLAIN, risk, rules=(UNJUDGED,), scores=scores, episode=0), floor, floor.kind)


def _routed(found: Decision, floor: Floor, kind: Kind | None, *, harmful: bool = False) -> Decision:
    if found.risk >= Risk.HIGH or floor.route is Route.CRISIS:
        return replace(found, route=Route.CRISIS, risk=max(found.risk, Risk.HIGH), kind=kind or Kind.SELF_HARM)
    if harmful or floor.route is Route.DECLINE:
        return replace(found, route=Route.DECLINE, kind=Kind.HARMFUL_REQUEST)
    return replace(found, route=Route.SUPPORT) if found.risk else found

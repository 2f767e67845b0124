"""Does a joke fit this turn? Never while somebody may be at risk, in grief, fear, anger, illness or trauma."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psylite_pipeline.decision import Risk
from psylite_pipeline.risk.talk import WINDOW
from psylite_pipeline.risk.walk import Assessment
from psylite_pipeline.settings import Preferences

#: Chosen, not measured: plainly on one side of one half, for whoever reads the score. They decide nothing.
ASKED, CLOSED = 0.9, 0.05


@dataclass(frozen=True, slots=True)
class Fit:
    """`score`, in [0, 1], says how well a joke fits: the classifier's probability, but at least ASKED for who asks for
    one and at most CLOSED where none may be told. `open` says that humour may be offered now; `asked` that the person
    asked for a joke; `tender` that something heavy was said earlier in the talk, `closed` that it forbids any; `about`
    counts the last turns, in a row, that it may be about."""

    score: float
    open: bool
    asked: bool
    tender: bool = False
    closed: bool = False
    about: int = 1


def fit(
    assessment: Assessment,
    shown: Sequence[frozenset[str]],
    preferences: Preferences,
    *,
    more: str | None = None,
    wants_none: bool = False,
) -> Fit:
    """Judge the last turn. `shown` tells for each of the assistant's earlier turns which snippets it offered; `more`
    what the turn asks for one more of (empty: of anything), which is a joke right after one, or where only words about
    it were said since; `wants_none` that they said so, or told one themselves, or thanked for one.

    The gate is the same whether the turn is cheerful or asks for a joke: neither unlocks what risk or grief closed.
    A mood that passes (烦死了) closes its own turn to who asks.
    """
    just_told = assessment.last.after_joke and any(shown)
    asked = (just_told and more is not None) or assessment.last.has("joke_request")
    # A snippet was told just now: so all was light then, and a bare "another one" since changes nothing, though such
    # words may look uneasy to the classifier.
    again = just_told and more == ""
    closed = assessment.level > Risk.NONE or assessment.harmful or (assessment.last.heavy and not again)
    # A talk that was never heavy has counted no turns yet; only after something heavy must calm turns pass.
    calm = assessment.calm_for_asking if asked else assessment.calm
    calm_enough = again or calm >= preferences.calm_turns
    scores = assessment.last.scores
    score = max(scores.humour if scores else 0.0, ASKED if asked else 0.0)
    if closed or not calm_enough:
        return Fit(min(score, CLOSED), False, asked, tender=True, closed=True)
    since = next((turns for turns, ids in enumerate(reversed(shown), 1) if ids), None)
    waited = since is None or since >= preferences.humour_every
    open_ = preferences.humour and (asked or (not wants_none and waited and score >= assessment.humour_threshold))
    return Fit(score, open_, asked, tender=assessment.calm < WINDOW, about=assessment.light)

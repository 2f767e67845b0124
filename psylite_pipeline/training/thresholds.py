"""Where a probability starts to count: the lowest value that keeps the false alarms of each kind of row under its aim.

Measured on what cross-validation gave rows that the weights had not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from psylite_pipeline.risk.assess import Thresholds
from psylite_pipeline.risk.classifier import HEADS
from psylite_pipeline.training.data import Row
from psylite_pipeline.training.features import Table
from psylite_pipeline.training.fit import Fitted

_COUNSELLING = frozenset({
    "counselling_zh_cpsycound_turns", "counselling_zh_smile_turns", "counselling_en_counselchat",
})  # fmt: skip
_HARD = frozenset({"idiom", "death_joke", "quoted", "everyday", "cheerful", "playful", "joke_request", "small_victory"})
_GRAVE = frozenset({"grief", "fear", "anger", "illness"})


@dataclass(frozen=True, slots=True)
class Aim:
    """At most `most` of the rows that `rows` picks, and that answer no, may reach the threshold."""

    head: str
    rows: Callable[[Row], bool]
    most: float


def _of(source: str, *groups: str) -> Callable[[Row], bool]:
    return lambda row: row.source == source and (not groups or row.group in groups)


_HARSH = ("distress", "grief", "illness", "fear", "anger")

# The aims on our own turns look lax because those rows are the harmless halves of hard pairs; ordinary talk is far
# below them (0.5 % and 0.02 % of counselling turns at these thresholds).
_READ = (
    Aim("concern", lambda row: row.source in _COUNSELLING, 0.006),
    Aim("concern", _of("crisis_zh_psysuicide_dev"), 0.06),
    Aim("concern", _of("own", *_HARD), 0.14),
    Aim("concern", _of("own", *_HARSH), 0.20),
    Aim("high", lambda row: row.source in _COUNSELLING, 0.0005),
    Aim("high", _of("own", *_HARD), 0.08),
    Aim("high", _of("own", *_HARSH), 0.10),
    Aim("harmful", _of("own", "honest_question"), 0.05),
    Aim("harmful", lambda row: row.source == "own" and row.group != "honest_question", 0.008),
    Aim("harmful", lambda row: row.source in _COUNSELLING, 0.002),
    Aim("harmful", _of("requests_zh_cvalues_benign"), 0.05),
    Aim("humour", _of("own", *_GRAVE), 0.14),
    Aim("humour", lambda row: row.source == "own" and row.answers.get("concern", (0, 0))[0] == 1, 0.08),
)
# A joke is offered only well above one half; the lexicon's signs and the heavy mood close most of what is left.
_OFFERED = (Aim("humour", _of("own", *_GRAVE), 0.12),)
_GLANCE = (
    Aim("concern", lambda row: row.source in _COUNSELLING, 0.002),
    Aim("concern", _of("own", *_HARD, *_HARSH), 0.12),
    Aim("high", lambda row: row.source in _COUNSELLING, 0.0005),
    Aim("high", _of("own", *_HARD, *_HARSH), 0.03),
)

#: Share of the turns in which a joke fits that the heavy mood may close.
_CLOSED = 0.07


def choose(table: Table, fitted: Fitted) -> tuple[Fitted, Thresholds]:
    """Thresholds for the weights. Humour's logits are shifted so that one half is where a joke may fit."""
    read = {head: _lowest(table, fitted, fitted.read, _READ, head) for head in ("concern", "high", "harmful", "humour")}
    glance = {head: _lowest(table, fitted, fitted.glance, _GLANCE, head) for head in ("concern", "high")}
    merry = _column(table, fitted, "humour") == 1
    own = np.array([table.rows[row].source == "own" for row in fitted.seen])
    heavy = float(np.quantile(fitted.read[merry & own, HEADS.index("heavy")], 1 - _CLOSED))
    offered = _lowest(table, fitted, fitted.read, _OFFERED, "humour")
    odds = offered / (1 - offered) * (1 - read["humour"]) / read["humour"]
    limits = Thresholds(
        concern=read["concern"], high=read["high"], harmful=read["harmful"], humour=odds / (1 + odds), heavy=heavy,
        glance_concern=glance["concern"], glance_high=glance["high"],
    )  # fmt: skip
    return _shifted(fitted, HEADS.index("humour"), read["humour"]), limits


def _lowest(table: Table, fitted: Fitted, given: NDArray[np.float32], aims: tuple[Aim, ...], head: str) -> float:
    answers = _column(table, fitted, head)
    found = [0.02]
    for aim in aims:
        if aim.head == head:
            picked = np.array([aim.rows(table.rows[row]) for row in fitted.seen]) & (answers == 0)
            if picked.any():
                found.append(float(np.quantile(given[picked, HEADS.index(head)], 1 - aim.most, method="higher")))
    return min(max(found) + 1e-4, 0.98)


def _column(table: Table, fitted: Fitted, head: str) -> NDArray[np.float32]:
    return table.answers[fitted.seen, HEADS.index(head)]


def _shifted(fitted: Fitted, number: int, threshold: float) -> Fitted:
    """The same judge, saying one half where it said `threshold`."""
    shift = float(np.log(threshold / (1 - threshold)))
    weights = fitted.weights
    read_bias, glance_bias = weights.read_bias.copy(), weights.glance_bias.copy()
    read_bias[number] -= shift
    glance_bias[number] -= shift
    read, glance = fitted.read.copy(), fitted.glance.copy()
    for given in (read, glance):
        odds = given[:, number] / np.maximum(1 - given[:, number], 1e-9) * np.exp(-shift)
        given[:, number] = odds / (1 + odds)
    return Fitted(replace(weights, read_bias=read_bias, glance_bias=glance_bias), fitted.seen, read, glance)

"""Where a probability starts to count: the lowest value that keeps the false alarms of each kind of row under its aim.

Measured on rows that the parts had not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from psylite_pipeline.risk.classifier import HEADS
from psylite_pipeline.risk.turn_assessment import Thresholds
from psylite_pipeline.training.data import Row
from psylite_pipeline.training.features import Floats, Table

_COUNSELLING = frozenset({
    "counselling_zh_cpsycound_turns", "counselling_zh_smile_turns", "counselling_en_counselchat",
})  # fmt: skip
_HARD = frozenset({"idiom", "death_joke", "quoted", "everyday", "cheerful", "playful", "joke_request", "small_victory"})
_GRAVE = frozenset({"grief", "fear", "anger", "illness"})
_HARSH = frozenset({"distress", *_GRAVE})


@dataclass(frozen=True, slots=True)
class Aim:
    """At most `most` of the rows that `rows` picks, and that answer no, may reach the threshold."""

    head: str
    rows: Callable[[Row], bool]
    most: float


def _of(source: str, *groups: str, english: bool | None = None) -> Callable[[Row], bool]:
    return lambda row: (
        row.source == source
        and (not groups or row.group in groups)
        and (english is None or (row.lang == "en") is english)
    )


def _counselling(row: Row) -> bool:
    return row.source in _COUNSELLING


def _endangered(row: Row) -> bool:
    return row.source == "own" and row.answers.get("concern", (0, 0))[0] == 1


# The aims on our own turns look lax because most of those rows are the harmless halves of hard pairs.
# As more of them are written against the judgement, the same aim means a higher threshold and more danger missed; those
# of concern are set so that of 2,782 turns written blind (unseen-3, unseen-4) nine to eleven in a hundred harmless
# Chinese ones alarm, and eleven to fourteen English ones.
# That of honest questions: with .05 the classifier alone declined 34 of 3,000 lines of everyday Chinese talk it never
# learnt from (XDailyDialog: "can you teach me make-up"), with .04 22, and no fewer of 129 harmful ones written blind.
# Those of emergencies: from .2 on the classifier finds .68 of the Chinese and .53 of the English own ones that it had
# not seen, from .4 on .55 and .43, and "the baby is coming in june" is none.
_FULL = (
    Aim("emergency", _of("own", "illness", "fear"), 0.0135),
    Aim("emergency", _of("own"), 0.003),
    Aim("emergency", _counselling, 0.0005),
    Aim("concern", _counselling, 0.012),
    Aim("concern", _of("crisis_zh_psysuicide_dev"), 0.12),
    Aim("concern", _of("own", *_HARD, english=False), 0.095),
    Aim("concern", _of("own", *_HARSH, english=False), 0.112),
    Aim("concern_en", _of("own", *_HARD, english=True), 0.135),
    Aim("concern_en", _of("own", *_HARSH, english=True), 0.174),
    Aim("high", _counselling, 0.002),
    Aim("high", _of("own", *_HARD, english=False), 0.03),
    Aim("high", _of("own", *_HARSH, english=False), 0.024),
    Aim("high_en", _of("own", *_HARD, english=True), 0.041),
    Aim("high_en", _of("own", *_HARSH, english=True), 0.03),
    Aim("harmful", _of("own", "honest_question"), 0.04),
    Aim("harmful", lambda row: row.source == "own" and not _endangered(row), 0.014),
    Aim("harmful", _counselling, 0.003),
    Aim("harmful", _of("requests_zh_cvalues_benign"), 0.07),
    Aim("humour", _of("own", *_GRAVE), 0.30),
    Aim("humour", _endangered, 0.14),
    Aim("affirms", _of("own", "denied"), 0.06),
    Aim("affirms", lambda row: "affirms" in row.answers and not _of("own", "denied", "yes_to_question")(row), 0.02),
)
# A joke is offered only well above where it may fit; danger and the heavy mood close most of what is left. With .12 and
# .05 a snippet came on 2 of 994 dangerous turns written blind (unseen, unseen-2), with these on none; plainly cheerful
# ones ("handed in my thesis, hotpot tonight") lie above .95.
_OFFERED = (Aim("humour", _of("own", *_GRAVE), 0.05), Aim("humour", _endangered, 0.02))
_WORDS = (
    Aim("concern", _counselling, 0.0095),
    Aim("concern", _of("own", *_HARD, *_HARSH, english=False), 0.10),
    Aim("concern_en", _of("own", *_HARD, *_HARSH, english=True), 0.16),
    Aim("high", _counselling, 0.001),
    Aim("high", _of("own", *_HARD, *_HARSH, english=False), 0.02),
    Aim("high_en", _of("own", *_HARD, *_HARSH, english=True), 0.02),
)

#: Share of the turns in which a joke fits that the heavy mood may close.
_CLOSED = 0.065


def choose(table: Table, chosen: NDArray[np.int64], full: Floats, words: Floats) -> tuple[Thresholds, float]:
    """Thresholds from the probabilities that the rows numbered `chosen` got with and without the encoder.

    Also by how much to lower the logit of humour, so that one half is where a joke may fit.
    """
    found = {head: _lowest(table, chosen, full, _FULL, head) for head in dict.fromkeys(aim.head for aim in _FULL)}
    without = {head: _lowest(table, chosen, words, _WORDS, head) for head in dict.fromkeys(aim.head for aim in _WORDS)}
    merry = _column(table, chosen, "humour") == 1
    own = np.array([table.rows[row].source == "own" for row in chosen])
    heavy = float(np.quantile(full[merry & own, HEADS.index("heavy")], 1 - _CLOSED)) if (merry & own).any() else 0.5
    shift = _logit(found["humour"])
    offered = _logit(max(_lowest(table, chosen, full, _OFFERED, "humour"), found["humour"])) - shift
    limits = Thresholds(
        **found | {"humour": float(1 / (1 + np.exp(-offered)))},
        **{f"words_{head}": value for head, value in without.items()},
        heavy=heavy,
    )
    return limits, shift


def _lowest(table: Table, chosen: NDArray[np.int64], given: Floats, aims: tuple[Aim, ...], name: str) -> float:
    """The threshold called `name`: that of a question, of English turns where it ends in `_en`."""
    head = name.removesuffix("_en")
    answers = _column(table, chosen, head)
    found = [0.05]
    for aim in aims:
        if aim.head == name:
            picked = np.array([aim.rows(table.rows[row]) for row in chosen]) & (answers == 0)
            if picked.any():
                found.append(float(np.quantile(given[picked, HEADS.index(head)], 1 - aim.most, method="higher")))
    return min(max(found) + 1e-4, 0.98)


def _logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def _column(table: Table, chosen: NDArray[np.int64], head: str) -> Floats:
    return table.answers[chosen, HEADS.index(head)]

"""Scores added up: means over turns, then talks, with bootstrap intervals; agreement of judges; what could not be read.

Pure: rows in, figures out. A row is one judged answer (or one whole talk); a verdict nobody could read is None and is
left out of means and counted, so a silent judge never looks like a harsh one.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

import numpy as np

Scores = Mapping[str, float | None]
Reduce = Callable[[Sequence[float]], float]

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was weighed: which talk it belongs to, its groups, each judge's scores (None: unreadable), and the
    rules it keeps (scripted talks only)."""

    id: str
    talk: str
    groups: Mapping[str, str]
    judges: Mapping[str, Scores | None]
    rules: Mapping[str, bool] = field(default_factory=dict)
    routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over `n` talks with its bootstrap interval; `n` 0 means that there was nothing to take a mean of."""

    mean: float
    low: float
    high: float
    n: int


def by_talk(rows: Iterable[Row], scale: str, reduce: Reduce = statistics.fmean) -> dict[str, float]:
    """One value a talk: judges are averaged on each row, then rows are reduced (CPsyCounE: mean, SafeDialBench: min).

    Talks without a readable score are not in the answer.
    """
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        told = [scores[scale] for scores in row.judges.values() if scores and scores.get(scale) is not None]
        if told:
            values[row.talk].append(statistics.fmean(value for value in told if value is not None))
    return {talk: reduce(found) for talk, found in values.items()}


def figure(values: Sequence[float], seed: int = 1) -> Figure:
    """Mean and percentile bootstrap interval over talks (not over turns, which are alike within one talk)."""
    if not values:
        return Figure(float("nan"), float("nan"), float("nan"), 0)
    sample = np.asarray(values, dtype=float)
    draws = np.random.default_rng(seed).integers(0, len(sample), (RESAMPLES, len(sample)))
    low, high = np.quantile(sample[draws].mean(axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Figure(float(sample.mean()), float(low), float(high), len(sample))


def scales(
    rows: Sequence[Row], names: Iterable[str], reduce: Reduce = statistics.fmean, seed: int = 1
) -> dict[str, Figure]:
    """A figure for each scale."""
    return {name: figure(list(by_talk(rows, name, reduce).values()), seed) for name in names}


def total(rows: Sequence[Row], names: Sequence[str], seed: int = 1) -> Figure:
    """The sum of the scales (CPsyCounE's score), mean over turns, then talks. Only rows with every scale count."""
    sums: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        read = [scores for scores in row.judges.values() if scores and all(scores.get(n) is not None for n in names)]
        if read:
            sums[row.talk].append(statistics.fmean(sum(float(one[n] or 0) for n in names) for one in read))
    return figure([statistics.fmean(found) for found in sums.values()], seed)


def grouped(rows: Sequence[Row], group: str) -> dict[str, list[Row]]:
    """Rows by the value of one of their groups, in alphabetical order."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.groups.get(group, "")].append(row)
    return dict(sorted(found.items()))


def rules(rows: Sequence[Row], every: str, seed: int = 1) -> dict[str, Figure]:
    """The share of talks that keep each rule, and, as `every`, of those that keep all that apply."""
    kept: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for name, value in row.rules.items():
            kept[name].append(float(value))
        if row.rules:
            kept[every].append(float(all(row.rules.values())))
    return {name: figure(values, seed) for name, values in kept.items()}


def unread(rows: Sequence[Row]) -> dict[str, tuple[int, int]]:
    """By judge: verdicts that could not be read, and verdicts in all."""
    counts: dict[str, tuple[int, int]] = {}
    for row in rows:
        for judge, scores in row.judges.items():
            bad, of = counts.get(judge, (0, 0))
            counts[judge] = (bad + (scores is None), of + 1)
    return counts


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of two judges on one scale: the share of equal scores, and Cohen's kappa with quadratic weights (Cohen 1968; NaN
    where both gave one and the same score throughout, which says nothing)."""

    scale: str
    judges: tuple[str, str]
    n: int
    equal: float
    kappa: float


def agreement(rows: Sequence[Row], names: Iterable[str]) -> list[Agreement]:
    """Of every two judges, on what both gave a readable score to."""
    labels = dict.fromkeys(judge for row in rows for judge in row.judges)
    found: list[Agreement] = []
    for scale, (a, b) in product(names, combinations(labels, 2)):
        pairs = [
            (int(one[scale] or 0), int(two[scale] or 0))
            for row in rows
            if (one := row.judges.get(a)) and (two := row.judges.get(b))
            if one.get(scale) is not None and two.get(scale) is not None
        ]
        if pairs:
            first, second = (np.array(side) for side in zip(*pairs, strict=True))
            equal = float((first == second).mean())
            found.append(Agreement(scale, (a, b), len(pairs), equal, kappa(first, second)))
    return found


def kappa(first: np.ndarray, second: np.ndarray) -> float:
    """Cohen's kappa with quadratic weights of two whole-number ratings. NaN where chance alone explains everything."""
    distance = (first[:, None] - second[None, :]) ** 2
    expected = distance.mean()
    return float(1 - ((first - second) ** 2).mean() / expected) if expected else float("nan")

"""Fits the classifier: one linear head a question on n-grams, one on the encoder's vectors, then a small layer on both.

The last layer learns from scores that the parts gave rows they had not seen (five folds by hash of the text), so it
knows how far each part can be trusted. Everything is seeded and runs in one thread.
"""

# scikit-learn's parameters are inferred from its documentation and often wrong.
# pyright: reportArgumentType=false, reportCallIssue=false, reportAttributeAccessIssue=false, reportIndexIssue=false
# pyright: reportPossiblyUnboundVariable=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from psylite_pipeline.risk.assess import Thresholds
from psylite_pipeline.risk.classifier import HEADS, Classifier, Weights, doubled
from psylite_pipeline.training.data import digest
from psylite_pipeline.training.features import Floats, Table
from psylite_pipeline.training.ship import rounded

FOLDS = 5
SEED = 20
#: The questions that get a support vector machine, by their place in HEADS: danger and harmful requests.
DANGER = (0, 1, 2)

#: Sets with so many rows that a sixth of them, counted double, teaches a support vector machine as much.
PLENTY = frozenset({
    "counselling_zh_cpsycound_turns", "counselling_zh_smile_turns", "mood_zh_cped", "mood_en_goemotions",
    "requests_zh_flames", "crisis_en_openai_moderation",
})  # fmt: skip
NO_NOTE: Callable[[str], None] = lambda note: None  # noqa: E731


@dataclass(frozen=True, slots=True)
class Recipe:
    """The numbers of a training run. They were chosen by cross-validation."""

    least_rows: int = 3
    gram_c: float = 8.0
    kernel_c: float = 3.0
    last_c: float = 0.3
    svm_c: float = 1.0
    landmarks: int = 1000
    gamma: float = 1.5


@dataclass(frozen=True)
class Fitted:
    """Weights, and what cross-validation gave each row (probabilities, one column a question)."""

    weights: Weights
    seen: NDArray[np.int64]
    read: NDArray[np.float32]
    glance: NDArray[np.float32]


def fit(table: Table, chosen: NDArray[np.int64], recipe: Recipe, note: Callable[[str], None] = NO_NOTE) -> Fitted:
    """Fit on the rows numbered `chosen`."""
    folds = table.parts[chosen] % FOLDS
    held = np.zeros((len(chosen), 3 * len(HEADS)), dtype=np.float32)
    for fold in range(FOLDS):
        note(f"fold {fold + 1} of {FOLDS}")
        parts = parts_of(table, chosen[folds != fold], recipe)
        held[folds == fold] = _scores(table, chosen[folds == fold], parts)
    note("all rows")
    parts = parts_of(table, chosen, recipe)
    two = 2 * len(HEADS)
    plain = np.concatenate((held[:, :two], table.extras[chosen]), axis=1)
    full = np.concatenate((held[:, two:], plain), axis=1)
    note("last layer")
    read, read_weights, read_bias = _last_layer(table, chosen, folds, doubled(full), recipe)
    glance, glance_weights, glance_bias = _last_layer(table, chosen, folds, doubled(plain), recipe)
    weights = Weights(
        **parts, read_weights=read_weights, read_bias=read_bias, glance_weights=glance_weights, glance_bias=glance_bias
    )
    return Fitted(weights, chosen, read, glance)


def parts_of(table: Table, chosen: NDArray[np.int64], recipe: Recipe) -> dict:
    """The n-grams' and the vectors' weights, fitted on the rows numbered `chosen`; fields of Weights by name."""
    return {**_grams_part(table, chosen, recipe), **_kernel_part(table, chosen, recipe), "gamma": recipe.gamma}


def _grams_part(table: Table, chosen: NDArray[np.int64], recipe: Recipe) -> dict:
    from scipy.sparse import csr_matrix

    sets = [np.unique(table.grams[row].hashes) for row in chosen]
    hashes, counts = np.unique(np.concatenate(sets), return_counts=True)
    hashes, counts = hashes[counts >= recipe.least_rows], counts[counts >= recipe.least_rows]
    idf = (np.log((1 + len(chosen)) / (1 + counts)) + 1).astype(np.float16).astype(np.float32)
    columns, values, ends = [], [], [0]
    for one in sets:
        places = np.searchsorted(hashes, one)
        places[places == len(hashes)] = 0
        places = places[hashes[places] == one]
        columns.append(places)
        values.append(idf[places] / max(float(np.sqrt(idf[places] @ idf[places])), 1e-6))
        ends.append(ends[-1] + len(places))
    matrix = csr_matrix(
        (np.concatenate(values), np.concatenate(columns).astype(np.int32), np.array(ends, dtype=np.int32)),
        shape=(len(chosen), len(hashes)),
    )
    weights, bias = _heads(matrix, table, chosen, recipe.gram_c)
    return {"hashes": hashes, "idf": idf, "gram_weights": weights, "gram_bias": bias}


def _kernel_part(table: Table, chosen: NDArray[np.int64], recipe: Recipe) -> dict:
    """Gaussian kernel machines on the encoder's vectors, folded into one matrix over shared landmarks.

    Danger gets support vector machines, which were clearly better than anything else on vectors (AUROC .964 against
    .951 for Nystroem with a thousand landmarks and .95 for small networks); the other questions share a sample of rows.
    """
    from sklearn.svm import SVC

    told = (table.weights[chosen] * np.isfinite(table.answers[chosen])).max(axis=1)
    draw = np.random.default_rng(SEED)
    wanted = min(recipe.landmarks, int((told > 0).sum()))
    picked = np.sort(draw.choice(len(chosen), wanted, replace=False, p=told / told.sum()))
    landmarks = rounded(table.vectors[chosen[picked]])
    root = _root(landmarks, recipe.gamma)
    near = np.exp(2 * recipe.gamma * (table.vectors[chosen] @ landmarks.T - 1)) @ root
    weights, bias = _heads(near, table, chosen, recipe.kernel_c, skip=DANGER)
    weights = root @ weights
    plenty = np.array([table.rows[row].source in PLENTY for row in chosen])
    thinned = ~plenty | np.array([digest(table.rows[row].text)[1] % 6 == 0 for row in chosen])
    for number in DANGER:
        answers = table.answers[chosen, number]
        learn = np.flatnonzero(np.isfinite(answers) & thinned)
        counts = table.weights[chosen[learn], number] * np.where(plenty[learn], 2, 1)
        model = SVC(C=recipe.svm_c, gamma=recipe.gamma, cache_size=500)
        model.fit(table.vectors[chosen[learn]], answers[learn].astype(int), sample_weight=counts)
        landmarks = np.concatenate((landmarks, rounded(table.vectors[chosen[learn[model.support_]]])))
        more = np.zeros((len(model.support_), len(HEADS)))
        more[:, number] = model.dual_coef_[0]
        weights, bias[number] = np.concatenate((weights, more)), model.intercept_[0]
    landmarks, same = np.unique(landmarks, axis=0, return_inverse=True)
    merged = np.zeros((len(landmarks), len(HEADS)))
    np.add.at(merged, same.reshape(-1), weights)
    return {"landmarks": landmarks, "kernel_weights": merged.astype(np.float32), "kernel_bias": bias}


def _root(landmarks: Floats, gamma: float) -> Floats:
    values, vectors = np.linalg.eigh(np.exp(2 * gamma * (landmarks @ landmarks.T - 1)).astype(np.float64))
    return (vectors / np.sqrt(np.maximum(values, 1e-6))).astype(np.float32)


def _heads(matrix, table: Table, chosen: NDArray[np.int64], strength: float, skip: Sequence[int] = ()):
    """A logistic regression a question, on the rows that answer it, rounded to what the file holds."""
    from sklearn.linear_model import LogisticRegression

    weights, bias = [], []
    for number in range(len(HEADS)):
        if number in skip:
            weights.append(np.zeros(matrix.shape[1]))
            bias.append(0.0)
            continue
        answers = table.answers[chosen, number]
        told = np.flatnonzero(np.isfinite(answers))
        model = LogisticRegression(C=strength, max_iter=200, tol=1e-4)
        model.fit(matrix[told], answers[told].astype(int), sample_weight=table.weights[chosen[told], number])
        weights.append(model.coef_[0])
        bias.append(model.intercept_[0])
    return np.stack(weights, axis=1).astype(np.float16).astype(np.float32), np.array(bias, dtype=np.float32)


def _scores(table: Table, chosen: NDArray[np.int64], parts: dict) -> NDArray[np.float32]:
    """The parts' logits, through the very code that runs in a talk."""
    judge = Classifier(_only(parts), Thresholds())
    return np.array(
        [np.concatenate((judge.gram_logits(table.grams[row]), judge.kernel(table.vectors[row]))) for row in chosen],
        dtype=np.float32,
    )


def _only(parts: dict) -> Weights:
    nothing = np.zeros((0, len(HEADS)), dtype=np.float32)
    bias = np.zeros(len(HEADS), dtype=np.float32)
    return Weights(**parts, read_weights=nothing, read_bias=bias, glance_weights=nothing, glance_bias=bias)


def _last_layer(table: Table, chosen: NDArray[np.int64], folds: NDArray[np.int64], seen, recipe: Recipe):
    from sklearn.linear_model import LogisticRegression

    given = np.zeros((len(chosen), len(HEADS)), dtype=np.float32)
    weights, bias = [], []
    for number in range(len(HEADS)):
        answers = table.answers[chosen, number]
        told = np.isfinite(answers)
        parts: Sequence[int | None] = (*range(FOLDS), None)
        for fold in parts:
            learn = np.flatnonzero(told & (folds != fold)) if fold is not None else np.flatnonzero(told)
            model = LogisticRegression(C=recipe.last_c, max_iter=500, tol=1e-5)
            model.fit(seen[learn], answers[learn].astype(int), sample_weight=table.weights[chosen[learn], number])
            if fold is not None:
                given[folds == fold, number] = model.predict_proba(seen[folds == fold])[:, 1]
        weights.append(model.coef_[0])
        bias.append(model.intercept_[0])
    return given, np.stack(weights, axis=1).astype(np.float32), np.array(bias, dtype=np.float32)

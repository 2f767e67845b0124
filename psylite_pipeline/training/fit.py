"""Fits the classifier: heads on n-grams, kernel machines on the encoder's vectors, then a small layer on both.

The rows fall into three: most teach the two parts; the last layer and the thresholds are chosen on rows that the parts
have not seen, so it is known how far each can be trusted; the rest is for measuring only. Seeded, one thread.
"""

# scikit-learn's parameters are inferred from its documentation and often wrong.
# pyright: reportArgumentType=false, reportCallIssue=false, reportAttributeAccessIssue=false, reportIndexIssue=false
# pyright: reportPossiblyUnboundVariable=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from psylite_pipeline.risk.classifier import HEADS, Classifier, Weights, doubled
from psylite_pipeline.risk.turn_assessment import Thresholds
from psylite_pipeline.training.data import digest
from psylite_pipeline.training.features import Floats, Table
from psylite_pipeline.training.ship import rounded

#: Tenths of the rows (by hash of the text) that only measure, and those that set last layer and thresholds.
TEST_PARTS, CHOICE_PARTS = (0, 1), (2, 3)

SEED = 20

#: The questions that get a support vector machine, by their place in HEADS: danger and harmful requests.
DANGER = (0, 1, 2)

#: Sets with so many rows that a sixth of them, counted double, teaches a support vector machine as much.
PLENTY = frozenset({
    "counselling_zh_cpsycound_turns", "counselling_zh_smile_turns", "mood_zh_cped", "mood_en_goemotions",
    "requests_zh_flames", "crisis_en_openai_moderation",
})  # fmt: skip

#: Talk of every day, labelled for its mood alone and so of little weight, is most of what people say: in the last layer
#: it counts so many times as much on danger. Of such Chinese rows that no part had seen 2.9 % alarm (4.2 with half as
#: much, 2.3 with twice as much), of our own Chinese turns in danger 82.6 % (83.0, 81.8); English hardly changes.
EVERYDAY, EVERYDAY_COUNTS = frozenset({"mood_zh_cped", "mood_en_goemotions"}), 3

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The numbers of a training run, chosen on the rows of CHOICE_PARTS."""

    least_rows: int = 6
    """Rows that an n-gram must stand in. With this and `dimensions` the file stays under ten megabytes."""
    gram_c: float = 8.0
    kernel_c: float = 3.0
    svm_c: float = 1.0
    last_c: float = 0.1
    landmarks: int = 1000
    gamma: float = 1.5
    dimensions: int = 192
    """Principal axes of the vectors that are kept: 192 hold 87 % of the squared length of the rows' vectors."""


@dataclass(frozen=True)
class Parts:
    """The two parts that read a text: fields of Weights by name."""

    fields: dict[str, NDArray]

    def weights(self, **last: NDArray) -> Weights:
        """All weights; without a last layer where none is given."""
        nothing, bias = np.zeros((0, len(HEADS)), np.float32), np.zeros(len(HEADS), np.float32)
        empty = {"full_weights": nothing, "full_bias": bias, "words_weights": nothing, "words_bias": bias}
        return Weights(**self.fields, **(empty | last))

    def scores(self, table: Table, chosen: NDArray[np.int64]) -> Floats:
        """The kernel's logits for the rows numbered `chosen`, then the n-grams', by the code that runs in a talk."""
        judge = Classifier(self.weights(), Thresholds())
        return np.array(
            [np.concatenate((judge.kernel(table.vectors[row]), judge.gram_logits(table.grams[row]))) for row in chosen],
            dtype=np.float32,
        )


def fit_parts(table: Table, chosen: NDArray[np.int64], recipe: Recipe, note: Note) -> Parts:
    """Fit both parts on the rows numbered `chosen`."""
    note("n-grams")
    return Parts(fit_grams(table, chosen, recipe) | _kernel(table, chosen, recipe, note))


def fit_last(
    table: Table, chosen: NDArray[np.int64], scores: Floats, recipe: Recipe
) -> tuple[dict[str, Floats], Floats, Floats]:
    """The two last layers, with and without the encoder, from what the parts said of rows they had not seen.

    Also the probabilities of both for these rows, each half from a layer that learnt from the other half. Rows whose
    words the writers of the rules had read teach nothing here: the rules know them too well.
    """
    everyday = np.array([row.source in EVERYDAY for row in table.rows])
    counts = table.weights.copy()
    counts[np.ix_(everyday, [HEADS.index("concern"), HEADS.index("high")])] *= EVERYDAY_COUNTS
    table = replace(table, weights=counts)
    extras = table.extras[chosen]
    layers: dict[str, Floats] = {}
    probabilities = []
    for name, seen in (("full", scores), ("words", scores[:, len(HEADS) :])):
        known = doubled(np.concatenate((seen, extras), axis=1))
        given, layers[f"{name}_weights"], layers[f"{name}_bias"] = _layer(table, chosen, known, recipe)
        probabilities.append(given)
    return layers, probabilities[0], probabilities[1]


def fit_grams(table: Table, chosen: NDArray[np.int64], recipe: Recipe) -> dict[str, NDArray]:
    """The n-grams' part alone, fitted on the rows numbered `chosen`: fields of Weights by name."""
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


def _kernel(table: Table, chosen: NDArray[np.int64], recipe: Recipe, note: Note) -> dict[str, NDArray]:
    """Gaussian kernel machines on the encoder's vectors, folded into one matrix over shared landmarks.

    Danger gets support vector machines, which were clearly better than anything else on vectors (AUROC .964 against
    .951 for Nystroem with a thousand landmarks and .95 for small networks); the other questions share a sample of rows.
    """
    from sklearn.svm import SVC

    vectors, axes = _turned(table.vectors[chosen], recipe.dimensions)
    vectors = rounded(vectors)
    told = (table.weights[chosen] * np.isfinite(table.answers[chosen])).max(axis=1)
    draw = np.random.default_rng(SEED)
    wanted = min(recipe.landmarks, int((told > 0).sum()))
    picked = np.sort(draw.choice(len(chosen), wanted, replace=False, p=told / told.sum()))
    landmarks = vectors[picked]
    root = _root(landmarks, recipe.gamma)
    note("moods")
    weights, bias = _heads(_near(vectors, landmarks, recipe.gamma) @ root, table, chosen, recipe.kernel_c, skip=DANGER)
    weights = root @ weights
    plenty = np.array([table.rows[row].source in PLENTY for row in chosen])
    thinned = ~plenty | np.array([digest(table.rows[row].text)[1] % 6 == 0 for row in chosen])
    for number in DANGER:
        note(HEADS[number])
        answers = table.answers[chosen, number]
        learn = np.flatnonzero(np.isfinite(answers) & thinned)
        counts = table.weights[chosen[learn], number] * np.where(plenty[learn], 2, 1)
        model = SVC(C=recipe.svm_c, gamma=recipe.gamma, cache_size=8000)  # megabytes; with 3,000 twice the time
        model.fit(vectors[learn], answers[learn].astype(int), sample_weight=counts)
        landmarks = np.concatenate((landmarks, vectors[learn[model.support_]]))
        more = np.zeros((len(model.support_), len(HEADS)))
        more[:, number] = model.dual_coef_[0]
        weights, bias[number] = np.concatenate((weights, more)), model.intercept_[0]
    landmarks, same = np.unique(landmarks, axis=0, return_inverse=True)
    merged = np.zeros((len(landmarks), len(HEADS)))
    np.add.at(merged, same.reshape(-1), weights)
    return {
        "axes": axes, "landmarks": landmarks, "kernel_weights": merged.astype(np.float32), "kernel_bias": bias,
        "gamma": np.array(recipe.gamma, np.float32),
    }  # fmt: skip


def _turned(vectors: Floats, dimensions: int) -> tuple[Floats, Floats]:
    """Vectors along their principal axes, and the axes, shape (of the vectors, dimensions), as the file will hold them.

    Not centred: distances stay what they were, but for the axes that are left out.
    """
    values, axes = np.linalg.eigh((vectors.T @ vectors).astype(np.float64))
    axes = axes[:, np.argsort(-values)[:dimensions]]
    axes = (axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])).astype(np.float16)
    axes = axes.astype(np.float32)
    return vectors @ axes, axes


def _near(vectors: Floats, landmarks: Floats, gamma: float) -> Floats:
    lengths = np.einsum("ij,ij->i", vectors, vectors)[:, None] + np.einsum("ij,ij->i", landmarks, landmarks)
    return np.exp(gamma * (2 * vectors @ landmarks.T - lengths))


def _root(landmarks: Floats, gamma: float) -> Floats:
    values, vectors = np.linalg.eigh(_near(landmarks, landmarks, gamma).astype(np.float64))
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


def _layer(table: Table, chosen: NDArray[np.int64], seen: Floats, recipe: Recipe) -> tuple[Floats, Floats, Floats]:
    from sklearn.linear_model import LogisticRegression

    given = np.zeros((len(chosen), len(HEADS)), dtype=np.float32)
    weights, bias = [], []
    half = table.parts[chosen] == CHOICE_PARTS[0]
    blind = np.array([table.rows[row].blind for row in chosen])
    for number in range(len(HEADS)):
        answers = table.answers[chosen, number]
        told = np.isfinite(answers) & blind
        for learn, say in ((told & half, ~half), (told & ~half, half), (told, None)):
            model = LogisticRegression(C=recipe.last_c, max_iter=2000, tol=1e-5)
            model.fit(seen[learn], answers[learn].astype(int), sample_weight=table.weights[chosen[learn], number])
            if say is not None:
                given[say, number] = model.predict_proba(seen[say])[:, 1]
        weights.append(model.coef_[0])
        bias.append(model.intercept_[0])
    return given, np.stack(weights, axis=1).astype(np.float32), np.array(bias, dtype=np.float32)

"""The whole training: read, fit parts without the test rows, measure them there, fit the n-grams on everything, write.

The last layer and the thresholds are learnt from what the parts said of rows that they had not seen. What ships are
these kernel machines, and n-grams fitted on all rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table as Grid

from psylite_pipeline.embedding import BundledEncoder, Embedder
from psylite_pipeline.risk.classifier import HEADS, Classifier
from psylite_pipeline.risk.rules.lexicon import Lexicon
from psylite_pipeline.training import card, figures, ship, thresholds
from psylite_pipeline.training.data import DataError, load_rows
from psylite_pipeline.training.features import Floats, Table, VectorStore, tabulate
from psylite_pipeline.training.figures import Line
from psylite_pipeline.training.fit import CHOICE_PARTS, TEST_PARTS, Parts, Recipe, fit_grams, fit_last, fit_parts

Step = Callable[..., None]


@dataclass(frozen=True)
class Outcome:
    """The figures of a training run."""

    choice: list[Line]
    held_out: list[Line]
    folder: Path

    def show(self, console: Console) -> None:
        """Print the scoreboard."""
        grid = Grid("rows", "figure", "thresholds chosen here", "held out", title="Classifier with lexicon", box=None)
        held = {(line.rows, line.figure): line for line in self.held_out}
        for line in self.choice:
            other = held.get((line.rows, line.figure))
            grid.add_row(line.rows, line.figure, line.shown, other.shown if other else "")
        console.print(grid)
        console.print(f"Written to {self.folder}.")


def run(
    data: Path, turns: Path, lexicon: Path, out: Path, cache: Path | None, step: Step, encoder: Embedder | None = None,
    recipe: Recipe | None = None,
) -> Outcome:  # fmt: skip
    """Train and write. Raises DataError, KnowledgeError or EncoderError."""
    encoder, recipe = encoder or BundledEncoder(), recipe or Recipe()
    step("Reading")
    rules = Lexicon.load(lexicon)
    rows = load_rows(data, turns, lambda text: rules.read(text).undenied)
    if not rows:
        raise DataError(f"{data}: no rows.")
    table = tabulate(rows, rules, encoder, VectorStore(cache), lambda at, of: step("Encoding", at, of))
    choice, unseen = (np.flatnonzero(np.isin(table.parts, parts)) for parts in (CHOICE_PARTS, TEST_PARTS))
    learnt = np.flatnonzero(~np.isin(table.parts, (*CHOICE_PARTS, *TEST_PARTS)))
    parts = fit_parts(table, learnt, recipe, lambda note: step(f"Parts, {note}"))
    step("Last layer")
    layers, full, words = fit_last(table, choice, parts.scores(table, choice), recipe)
    limits, shift = thresholds.choose(table, choice, full, words)
    for bias in ("full_bias", "words_bias"):
        layers[bias][HEADS.index("humour")] -= shift
    full[:, HEADS.index("humour")] = _shifted(full[:, HEADS.index("humour")], shift)
    judge = Classifier(parts.weights(**layers), limits)
    chosen_here = figures.lines(table, choice, full, limits)
    held_out = figures.lines(table, unseen, _read(table, unseen, judge, parts.scores(table, unseen)), limits)
    step("N-grams of all rows")
    weights = Parts(parts.fields | fit_grams(table, np.arange(len(rows)), recipe)).weights(**layers)
    counts = dict(sorted(Counter(row.source for row in rows).items()))
    ship.write(out, weights, limits, {"encoder": encoder.name, "rows": counts})
    sizes = (len(weights.hashes), len(weights.landmarks))
    card.write(out / "MODEL_CARD.md", counts, chosen_here, held_out, limits, sizes)
    return Outcome(chosen_here, held_out, out)


def _read(table: Table, chosen: np.ndarray, judge: Classifier, scores: Floats) -> Floats:
    """What the judge says of rows, from the features in the table."""
    cut = len(HEADS)
    return np.array(
        [judge.weigh(one[cut:], table.extras[row], one[:cut]) for row, one in zip(chosen, scores, strict=True)],
        np.float32,
    )


def _shifted(probabilities: Floats, shift: float) -> Floats:
    """What the probabilities are when their logits are lowered by `shift`."""
    odds = probabilities / np.maximum(1 - probabilities, 1e-9) * np.exp(-shift)
    return odds / (1 + odds)

"""The whole training: read, fit a twin without the test rows, measure it there, fit its parts on everything, write.

The last layer and the thresholds are the twin's: they rest on cross-validation, and the test rows stay out of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table as Grid

from psylite_pipeline.embedding import BundledEncoder, Embedder
from psylite_pipeline.risk.classifier import Classifier
from psylite_pipeline.risk.lexicon import Lexicon
from psylite_pipeline.training import card, figures, ship, thresholds
from psylite_pipeline.training.data import DataError, load_rows
from psylite_pipeline.training.features import Table, VectorStore, tabulate
from psylite_pipeline.training.figures import Line
from psylite_pipeline.training.fit import Recipe, fit, parts_of

#: Tenths of the rows (by hash of the text) that the twin never sees.
TEST_PARTS = (0, 1)

Step = Callable[..., None]


@dataclass(frozen=True)
class Outcome:
    """The figures of a training run."""

    crossed: list[Line]
    held_out: list[Line]
    folder: Path

    def show(self, console: Console) -> None:
        """Print the scoreboard."""
        grid = Grid("rows", "figure", "cross-validation", "held out", title="Classifier with lexicon", box=None)
        held = {(line.rows, line.figure): line for line in self.held_out}
        for line in self.crossed:
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
    rows = load_rows(data, turns)
    if not rows:
        raise DataError(f"{data}: no rows.")
    table = tabulate(rows, Lexicon.load(lexicon), encoder, VectorStore(cache), lambda at, of: step("Encoding", at, of))
    everything = np.arange(len(rows))
    tested = np.isin(table.parts, TEST_PARTS)
    twin, limits = thresholds.choose(table, fit(table, everything[~tested], recipe, lambda note: step(f"Twin, {note}")))
    crossed = figures.lines(table, twin.seen, twin.read, limits)
    unseen = everything[tested]
    held_out = figures.lines(table, unseen, _read(table, unseen, Classifier(twin.weights, limits)), limits)
    step("All rows")
    weights = replace(twin.weights, **parts_of(table, everything, recipe))
    counts = dict(sorted(Counter(row.source for row in rows).items()))
    ship.write(out, weights, limits, {"encoder": encoder.name, "rows": counts})
    sizes = (len(weights.hashes), len(weights.landmarks))
    card.write(out / "MODEL_CARD.md", counts, crossed, held_out, limits, sizes)
    return Outcome(crossed, held_out, out)


def _read(table: Table, chosen: np.ndarray, judge: Classifier) -> np.ndarray:
    """What the judge says of rows, from the features in the table."""
    return np.array(
        [judge.weigh(table.grams[row], table.extras[row], table.vectors[row]) for row in chosen], np.float32
    )

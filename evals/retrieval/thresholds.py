"""Where to set an encoder's similarity threshold: `python evals/retrieval/thresholds.py` (PSYLITE_ENCODER chooses it).

Prints the best similarity of turns that a snippet could suit and of turns that none suits, and for a few thresholds
how many of each would bring a snippet. The queries were written without looking at the snippets.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from psylite_pipeline.opening import open_shelf
from psylite_pipeline.settings import Settings

QUERIES = Path(__file__).with_name("queries.jsonl")


def main() -> None:
    """Measure and print."""
    console = Console()
    shelf = open_shelf(Settings.load())
    index = shelf.open()
    rows = [json.loads(line) for line in QUERIES.read_text(encoding="utf-8").splitlines()]
    vectors = shelf.embedder.encode([row["text"] for row in rows])
    for language in ("zh", "en"):
        best = {True: [], False: []}
        for row, vector in zip(rows, vectors, strict=True):
            if ("en" if row["lang"] == "en" else "zh") == language:
                hits = index.search(vector, language=language)
                best[row["fits"]].append(hits[0].score if hits else -1.0)
        table = Table("threshold", "suited: a snippet", "unsuited: a snippet", title=language)
        for threshold in np.arange(0.30, 0.52, 0.02):
            shares = [float(np.mean(np.asarray(best[fits]) >= threshold)) for fits in (True, False)]
            table.add_row(f"{threshold:.2f}", *(f"{share:.3f}" for share in shares))
        console.print(table)


if __name__ == "__main__":
    main()
